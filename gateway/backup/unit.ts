import type { Clock } from '../../drivers/clock.ts'
import { type Backoff, backoffMs } from '../backoff.ts'
import type { Log } from '../log.ts'
import type { Unit, UnitStatus } from '../station.ts'
import { farCopyOf } from './destination.ts'
import type { FarCopy } from './far-copy.ts'
import { writeManifest } from './manifest.ts'
import type { BackupOptions } from './options.ts'
import { isDue, isOverdue } from './schedule.ts'
import { backupsIn, ensureDir, rotate, type ShelvedBackup, sweep } from './shelf.ts'
import { type TakeOptions, takeBackup } from './take.ts'

export interface BackupUnitOptions {
  readonly backup: BackupOptions
  readonly dataDir: string
  /** Where backups go: `backup.dir`, or `backups` in the data directory. */
  readonly dir: string
  readonly deviceId: string
  readonly software: string
  readonly clock: Clock
  readonly log: Log
  /** In [0, 1), for the jitter of retries. */
  readonly random?: () => number
  readonly take?: (options: TakeOptions) => Promise<ShelvedBackup>
  readonly farCopy?: () => Promise<FarCopy>
}

// How often the clock on the wall is looked at: it may be set, and a slot is a minute long.
const LOOK_MS = 60_000
// Starting has its own work for disk and processor.
const SETTLE_MS = 60_000
const RETRY: Backoff = { firstMs: 10 * 60_000, longestMs: 2 * 3_600_000 }

/** Something that is tried again, later and later. */
interface Trouble {
  readonly message: string
  readonly failures: number
  /** By the monotonic clock, ms. */
  readonly retryAt: number
}

/** Backups by the clock: takes them, rotates them, sends them away, and says when there is none worth the name. */
export class BackupUnit implements Unit {
  readonly name = 'backup'
  readonly #options: BackupUnitOptions
  readonly #ended = new AbortController()
  #loop: Promise<void> = Promise.resolve()
  #newest: ShelvedBackup | undefined
  #kept = 0
  #takeTrouble: Trouble | undefined
  #sendTrouble: Trouble | undefined
  #rotateTrouble: string | undefined
  #startedWall: number | undefined

  constructor(options: BackupUnitOptions) {
    this.#options = options
  }

  /** Never rejects: a directory that cannot be used is a state, and the station runs on without backups. */
  async start(): Promise<void> {
    this.#startedWall = this.#options.clock.wall()
    try {
      await ensureDir(this.#options.dir)
      await sweep(this.#options.dir)
      await this.#look()
    } catch (error) {
      this.#takeTrouble = this.#troubleAfter(undefined, error, 'no backup')
    }
    this.#loop = this.#run()
  }

  /** Ends a backup that is being taken: it does not count then. */
  async stop(): Promise<void> {
    this.#ended.abort()
    await this.#loop
  }

  status(): UnitStatus {
    const { backup, clock } = this.#options
    const newest = this.#newest
    const facts = {
      kept: this.#kept,
      ...(newest === undefined
        ? {}
        : {
            age_h: Math.max(0, Math.round((clock.wall() - newest.takenMs) / 360_000) / 10),
            bytes: newest.manifest.bytes,
            sequence: newest.manifest.sequence,
            took_ms: newest.manifest.took_ms,
            ...(backup.copy_to === undefined ? {} : { copied: newest.manifest.copied !== undefined }),
          }),
    }
    const detail = this.#detail(backup, clock.wall())
    return detail === undefined ? { state: 'ok', facts } : { state: 'degraded', detail, facts }
  }

  #detail(backup: BackupOptions, wall: number): string | undefined {
    if (this.#takeTrouble !== undefined) return `no backup: ${this.#takeTrouble.message}`
    // A station that has just begun owes none yet.
    const since = this.#newest?.takenMs ?? this.#startedWall
    if (since !== undefined && isOverdue(wall, since, backup)) {
      const last =
        this.#newest === undefined
          ? 'there is no good backup'
          : `the last good backup is of ${stampOf(since)}`
      return `${last}: one is due every ${backup.every_h} h`
    }
    if (this.#sendTrouble !== undefined) return `not copied: ${this.#sendTrouble.message}`
    return this.#rotateTrouble === undefined ? undefined : `old ones are not deleted: ${this.#rotateTrouble}`
  }

  async #run(): Promise<void> {
    const { clock } = this.#options
    const { signal } = this.#ended
    try {
      await clock.sleep(SETTLE_MS, signal)
      for (;;) {
        await this.#takeWhenDue(signal)
        await this.#sendWhenDue(signal)
        await clock.sleep(LOOK_MS, signal)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  async #takeWhenDue(signal: AbortSignal): Promise<void> {
    const { backup, clock, log, dataDir, dir, software } = this.#options
    const trouble = this.#takeTrouble
    if (trouble !== undefined && clock.now() < trouble.retryAt) return
    if (trouble === undefined && !isDue(clock.wall(), this.#newest?.takenMs, backup)) return
    try {
      const take = this.#options.take ?? takeBackup
      const taken = await take({ dataDir, dir, software, clock, signal })
      log.info({ file: taken.file, ms: taken.manifest.took_ms, bytes: taken.manifest.bytes }, 'backup taken')
      this.#newest = taken
      this.#takeTrouble = undefined
      this.#sendTrouble = undefined
      this.#kept += 1
      await this.#rotate(taken)
    } catch (error) {
      signal.throwIfAborted()
      this.#takeTrouble = this.#troubleAfter(trouble, error, 'no backup')
    }
  }

  async #rotate(taken: ShelvedBackup): Promise<void> {
    const { backup, log } = this.#options
    try {
      const gone = await rotate(taken, backup.keep)
      this.#kept -= gone.length
      this.#rotateTrouble = undefined
      if (gone.length > 0) log.info({ files: gone.length }, 'old backups deleted')
    } catch (err) {
      this.#rotateTrouble = err instanceof Error ? err.message : String(err)
      log.warn({ err }, 'old backups not deleted')
    }
  }

  async #sendWhenDue(signal: AbortSignal): Promise<void> {
    const { backup, clock, log } = this.#options
    const [newest, trouble] = [this.#newest, this.#sendTrouble]
    const to = backup.copy_to
    if (to === undefined || newest === undefined || newest.manifest.copied !== undefined) return
    if (trouble !== undefined && clock.now() < trouble.retryAt) return
    try {
      const far = await (this.#options.farCopy ?? (() => farCopyOf(to, () => clock.wall())))()
      await far.send(newest.file, signal)
      const copied = { to: far.where, at: new Date(clock.wall()).toISOString() }
      const manifest = { ...newest.manifest, copied }
      await writeManifest(newest.file, manifest)
      this.#newest = { ...newest, manifest }
      this.#sendTrouble = undefined
      log.info({ to: far.where }, 'backup copied')
    } catch (error) {
      signal.throwIfAborted()
      this.#sendTrouble = this.#troubleAfter(trouble, error, 'backup not copied')
    }
  }

  async #look(): Promise<void> {
    const { dir, deviceId, clock } = this.#options
    const own = (await backupsIn(dir)).filter(({ manifest }) => manifest.device_id === deviceId)
    this.#kept = own.length
    // What is of the future was taken while the clock was wrong.
    this.#newest = own.find(({ takenMs }) => takenMs <= clock.wall())
  }

  #troubleAfter(before: Trouble | undefined, error: unknown, what: string): Trouble {
    const { clock, log, random = Math.random } = this.#options
    const failures = (before?.failures ?? 0) + 1
    const message = error instanceof Error ? error.message : String(error)
    const retryInMs = Math.round(backoffMs(failures, RETRY, random))
    if (before?.message === message) log.debug({ err: error, failures, retryInMs }, what)
    else log.warn({ err: error, retryInMs }, what)
    return { message, failures, retryAt: clock.now() + retryInMs }
  }
}

function stampOf(ms: number): string {
  return new Date(ms).toISOString()
}
