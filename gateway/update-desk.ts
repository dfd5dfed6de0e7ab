import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../drivers/clock.ts'
import type { Consent, LineReport, UpdateReport, Updates } from './api/update.ts'
import { contentIn, contentVersions } from './content.ts'
import type { Log } from './log.ts'
import type { Unit, UnitStatus } from './station.ts'
import { type Lease, LineLock } from './update-lock.ts'
import { readJson, trialFile, updateStatus } from './update-status.ts'
import type { UpdaterToken } from './update-token.ts'
import { WatchedFile } from './update-watch.ts'

export interface UpdateDeskOptions {
  /** `update.dir`: what the updater keeps. */
  readonly dir: string
  /** What the updater shows when it asks for the line. */
  readonly token: UpdaterToken
  /** Who agreed, over a restart. */
  readonly memory: { get(key: string): Promise<unknown>; set(key: string, value: unknown): Promise<void> }
  readonly line: () => LineReport
  /** What the device says of its certificate. */
  readonly device: () => UpdateReport['device']
  readonly clock: Clock
  readonly log: Log
  /** What the updater says is another thing now. */
  readonly said: () => void
  /** The lock or the consent is another one now. */
  readonly changed: () => void
}

const MEMORY = 'update-consent'
const RELEASE = 'release'
/** States in which somebody at the line has something to agree to. */
const AHEAD: ReadonlySet<string> = new Set(['available', 'downloading', 'testing', 'waiting'])
/** After these what was agreed to is done with: the same version would have to be agreed to anew. */
const OVER: ReadonlySet<string> = new Set(['committed', 'rolled_back', 'failed'])
const remembered = z.object({
  version: z.string(),
  kind: z.string().exactOptional(),
  name: z.string().exactOptional(),
  by: z.string(),
  at: z.iso.datetime(),
})

/**
 * The gateway's half of an update: tells what the updater says, lets it have the line when nothing is on it, and keeps
 * who agreed. It starts locked where this release runs on trial.
 */
export class UpdateDesk implements Unit, Updates {
  readonly name = 'update'
  readonly #options: UpdateDeskOptions
  readonly #file: WatchedFile<typeof updateStatus>
  readonly #lock: LineLock
  readonly #ended = new AbortController()
  #consent: Consent | undefined
  #trial = false
  /** As it was when the station started: that is what it runs with. */
  readonly #content: UpdateReport['content']
  #looked = false
  /** Why no updater can show who it is. */
  #unknown: string | undefined

  constructor(options: UpdateDeskOptions) {
    this.#options = options
    const { dir, clock, log } = options
    this.#content = contentVersions(contentIn(dir))
    this.#file = new WatchedFile({
      ...{ file: join(dir, 'status.json'), schema: updateStatus, clock, log },
      changed: () => this.#heard(),
    })
    this.#lock = new LineLock({ clock, changed: (how) => this.#lockChanged(how) })
  }

  /** Before anything can trigger: what comes before the updater is content is not inspected. */
  async start(): Promise<void> {
    const { dir, clock, log, memory, token } = this.#options
    // Without it parts are inspected all the same; updates wait.
    await token.write().catch((err: unknown) => {
      this.#unknown = `no update can have the line: ${err instanceof Error ? err.message : err}`
      log.warn({ err, file: token.file }, 'the updater cannot be told how to ask for the line')
    })
    this.#consent = remembered.safeParse(await memory.get(MEMORY).catch(() => undefined)).data
    const trial = await readJson(join(dir, 'trial.json'), trialFile).catch((err: unknown) => {
      log.warn({ err }, 'nobody knows whether this release runs on trial')
      return undefined
    })
    const leftMs = trial === undefined ? 0 : Date.parse(trial.until) - clock.wall()
    if (trial !== undefined && leftMs > 0) {
      this.#trial = true
      this.#lock.take(trial.version, leftMs)
    }
    await this.#file.watch(this.#ended.signal)
    this.#looked = true
    // Also that there is nothing: an earlier run may have said otherwise.
    this.#options.said()
  }

  stop(): Promise<void> {
    this.#ended.abort()
    this.#lock.close()
    return Promise.resolve()
  }

  /** Set while an update has the line. */
  get lease(): Lease | undefined {
    return this.#lock.lease
  }

  /** What the updater says, null where it says nothing, undefined before that was looked for. */
  get said(): z.infer<typeof updateStatus> | null | undefined {
    return this.#file.value ?? (this.#looked ? null : undefined)
  }

  report(): UpdateReport {
    const { line, device } = this.#options
    const status = this.#file.value ?? null
    const consent = this.#isMeant(this.#consent) ? this.#consent : undefined
    return {
      status,
      line: line(),
      lock: this.#lock.lease ?? null,
      consent: consent ?? null,
      trial: this.#trial,
      content: this.#content,
      device: device(),
    }
  }

  #isMeant({ version, kind = RELEASE, name }: Partial<Consent> = {}): boolean {
    const status = this.#file.value
    return version === status?.to && kind === status?.kind && (kind === RELEASE || name === status.name)
  }

  isUpdater(shown: string): boolean {
    return this.#options.token.isShown(shown)
  }

  lock(version: string, leaseS: number, renew = false): ReturnType<Updates['lock']> {
    const lease = this.#lock.lease
    if (lease !== undefined && lease.version !== version) {
      return { refused: [`an update to ${lease.version} has the line until ${lease.until}`] }
    }
    if (lease === undefined) {
      // Parts may have come since: what the updater kept of before is not all there is.
      if (renew) return { refused: ['the lock is gone: the station has started anew, or its lease ran out'] }
      const { idle, why } = this.#options.line()
      if (!idle) return { refused: why }
    }
    return { until: this.#lock.take(version, leaseS * 1000).until }
  }

  unlock(): void {
    this.#lock.release()
  }

  async agree(version: string, by: string): Promise<Consent | { readonly refused: string }> {
    const { clock, log, memory, changed } = this.#options
    const status = this.#file.value
    if (status?.to !== version || !AHEAD.has(status.state)) {
      const ahead = status?.to !== undefined && AHEAD.has(status.state)
      return {
        refused: `version: ${version}: expected the one that waits: ${ahead ? status.to : 'there is none'}`,
      }
    }
    const { kind, name, state } = status
    // What it changes is known once it has been tested.
    if (kind !== RELEASE && state !== 'waiting')
      return {
        refused: `${kind} ${version}: ${state}: expected one that waits: nobody knows yet what it changes`,
      }
    const what = kind === RELEASE ? {} : { kind, ...(name === undefined ? {} : { name }) }
    const consent = { version, ...what, by, at: new Date(clock.wall()).toISOString() }
    await memory.set(MEMORY, consent)
    this.#consent = consent
    log.info({ version, by }, 'agreed to an update')
    changed()
    return consent
  }

  status(): UnitStatus {
    const { value, trouble } = this.#file
    const lease = this.#lock.lease
    const facts = {
      ...(value === undefined ? {} : { state: value.state }),
      ...(value?.to === undefined ? {} : { to: value.to }),
      locked: lease !== undefined,
    }
    const wrong = trouble ?? this.#unknown
    if (wrong !== undefined) return { state: 'degraded', detail: wrong, facts }
    if (value?.state !== 'failed' && value?.state !== 'rolled_back') return { state: 'ok', facts }
    const what = value.state === 'failed' ? 'failed' : 'was rolled back'
    const why = value.failure === undefined ? '' : `: ${value.failure}`
    return {
      state: 'degraded',
      detail: `the update to ${value.to ?? 'another release'} ${what}${why}`,
      facts,
    }
  }

  #heard(): void {
    const { memory, log, said } = this.#options
    const { state } = this.#file.value ?? {}
    if (state !== undefined && OVER.has(state) && this.#isMeant(this.#consent)) {
      this.#consent = undefined
      memory.set(MEMORY, null).catch((err: unknown) => log.warn({ err }, 'a consent is not forgotten'))
    }
    said()
  }

  #lockChanged(how: 'taken' | 'released' | 'ran-out'): void {
    const { log, changed } = this.#options
    if (how !== 'taken') this.#trial = false
    if (how === 'ran-out') log.warn('the updater did not give the line back: parts are inspected again')
    else log.info({ version: this.#lock.lease?.version, how }, 'the line and an update')
    changed()
  }
}
