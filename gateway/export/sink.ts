import { existsSync } from 'node:fs'
import type { Clock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'
import type { OutboxEntry, Sink } from '../outbox.ts'
import type { Unit, UnitStatus } from '../station.ts'
import { DayFiles } from './day-files.ts'
import { FORMS } from './form.ts'
import type { FilesOptions } from './options.ts'
import { columns, compress, sweep } from './shelf.ts'

export interface FilesSinkOptions {
  readonly files: FilesOptions
  readonly dir: string
  readonly clock: Clock
  readonly log: Log
  /** Entries in one batch. Default 500. */
  readonly window?: number
}

/** How often it is looked whether a day is over, ms. */
const LOOK_MS = 60_000
/** After midnight parts of the day before may still be on their way, ms. */
const LATE_MS = 300_000

/** Inspections as files of a day: a batch is acknowledged when every form of it is synced. */
export class FilesSink implements Sink, Unit {
  readonly name = 'files'
  readonly window: number
  readonly #options: FilesSinkOptions
  readonly #files: readonly DayFiles[]
  #writtenAt = Number.NEGATIVE_INFINITY
  #turn: Promise<unknown> = Promise.resolve()
  #tidying: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #trouble: string | undefined
  /** Closed files that are not as they are to stay yet: one that failed is tried again. */
  readonly #untidied = new Set<string>()
  /** A round over them is due, and has not begun. */
  #isTidyDue = false
  /** What takes long need not be waited for: the next start finds it. */
  readonly #ending = new AbortController()

  constructor(options: FilesSinkOptions) {
    const { files, dir } = options
    this.window = options.window ?? 500
    this.#options = options
    this.#files = files.formats.map(
      (form) =>
        new DayFiles({
          dir,
          form: FORMS[form],
          maxBytes: files.max_mb * 1e6,
          window: this.window,
          closed: (path) => {
            this.#untidied.add(path)
            this.#tidy()
          },
        }),
    )
  }

  /** Finds what earlier runs left. A disk that is away is tried again with every batch. */
  async start(): Promise<void> {
    await this.#write([]).catch((err: unknown) => {
      this.#options.log.warn({ sink: this.name, err }, 'files cannot be read')
    })
    this.#timer = setInterval(() => void this.endDay(), LOOK_MS)
  }

  /** Waits for what is being written; the file that grows, and those that are not tidied, go on at the next start. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#ending.abort()
    await this.#turn
    for (const files of this.#files) await files.stop()
    await this.#tidying
  }

  status(): UnitStatus {
    return this.#trouble === undefined ? { state: 'ok' } : { state: 'degraded', detail: this.#trouble }
  }

  async send(batch: readonly OutboxEntry[], signal: AbortSignal): Promise<number | undefined> {
    const { clock, files } = this.#options
    // A full batch: it has fallen behind, and one sync for so many parts is not too often.
    const pauseMs = batch.length < this.window ? this.#writtenAt + files.flush_ms - clock.now() : 0
    await clock.sleep(Math.max(0, pauseMs), signal)
    await this.#write(batch)
    this.#writtenAt = clock.now()
    return batch.at(-1)?.sequence
  }

  /** Closes the files of a day that is over by the clock, though no part has come since; tries again what failed. */
  async endDay(): Promise<void> {
    const today = new Date(this.#options.clock.wall() - LATE_MS).toISOString().slice(0, 10)
    try {
      await this.#inTurn(async () => {
        for (const files of this.#files) if (files.day !== undefined && files.day < today) await files.close()
      })
    } catch (error) {
      this.#say(error)
    }
    if (this.#untidied.size > 0) this.#tidy()
  }

  /** Resolves when what was closed is compressed, and old days are gone. */
  tidied(): Promise<void> {
    return this.#tidying
  }

  #write(entries: readonly OutboxEntry[]): Promise<void> {
    return this.#inTurn(async () => {
      for (const files of this.#files) await files.write(entries)
    })
  }

  #tidy(): void {
    if (this.#isTidyDue || this.#ending.signal.aborted) return
    this.#isTidyDue = true
    this.#tidying = this.#tidying.then(async () => {
      this.#isTidyDue = false
      try {
        await this.#tidyAll()
        this.#trouble = undefined
      } catch (error) {
        if (!this.#ending.signal.aborted) this.#say(error)
      }
    })
  }

  /** One file that fails holds up no other. @throws Error what went wrong first */
  async #tidyAll(): Promise<void> {
    const { files, dir, log } = this.#options
    const { signal } = this.#ending
    const failed: unknown[] = []
    for (const one of this.#untidied) {
      try {
        await columns(one, signal)
        if (files.gzip) await compress(one, signal)
        this.#untidied.delete(one)
      } catch (error) {
        signal.throwIfAborted()
        // Told twice, or swept meanwhile: there is nothing to do any more.
        if (existsSync(one)) failed.push(error)
        else this.#untidied.delete(one)
      }
    }
    const gone = await sweep(dir, files.keep_days)
    if (gone.length > 0) log.info({ sink: this.name, files: gone }, 'old files deleted')
    if (failed.length > 0) throw failed[0]
  }

  #say(error: unknown): void {
    const detail = error instanceof Error ? error.message : String(error)
    if (this.#trouble !== detail) this.#options.log.warn({ sink: this.name, err: error }, 'files not tidied')
    this.#trouble = detail
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }
}
