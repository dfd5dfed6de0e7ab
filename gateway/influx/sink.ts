import type { Clock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'
import type { InspectionMessage } from '../message.ts'
import { type OutboxEntry, RefusedError, type Sink } from '../outbox.ts'
import type { Unit, UnitStatus } from '../station.ts'
import { inspectionLine, stationLine } from './lines.ts'
import type { InfluxOptions } from './options.ts'
import { LinesRefusedError, openWriter, type WriteLines } from './writer.ts'

export interface InfluxSinkOptions {
  readonly influx: InfluxOptions
  readonly clock: Clock
  readonly log: Log
  /** What is written as measurement `station` every 10 s, best effort; absent: nothing. */
  readonly health?: {
    readonly tags: Parameters<typeof stationLine>[0]
    readonly facts: () => Readonly<Record<string, unknown>>
  }
  /** Entries in one request. Default 500. */
  readonly window?: number
  /** Default 10 s. */
  readonly healthPeriodMs?: number
}

/**
 * Inspections into InfluxDB 1.x, 2, 3 or VictoriaMetrics: one request a batch, acknowledged before the cursor moves. A
 * batch that is refused is halved until the refused inspection is found, so that one never hides behind the others.
 */
export class InfluxSink implements Sink, Unit {
  readonly name = 'influx'
  readonly window: number
  readonly #options: InfluxSinkOptions
  readonly #write: WriteLines
  #healthTimer: NodeJS.Timeout | undefined
  #healthError: string | undefined
  #tooOld = 0

  constructor(options: InfluxSinkOptions) {
    this.#options = options
    this.window = options.window ?? 500
    this.#write = openWriter(options.influx)
  }

  start(): Promise<void> {
    if (this.#options.health !== undefined) {
      this.#healthTimer = setInterval(() => void this.#writeHealth(), this.#options.healthPeriodMs ?? 10_000)
    }
    return Promise.resolve()
  }

  stop(): Promise<void> {
    clearInterval(this.#healthTimer)
    return Promise.resolve()
  }

  status(): UnitStatus {
    const facts = { beyond_retention: this.#tooOld }
    return this.#healthError === undefined
      ? { state: 'ok', facts }
      : { state: 'degraded', detail: this.#healthError, facts }
  }

  async send(batch: readonly OutboxEntry[], signal: AbortSignal): Promise<number | undefined> {
    signal.throwIfAborted()
    const refused = await this.#deliver(batch, signal)
    if (refused === undefined) return batch.at(-1)?.sequence
    const before = batch[batch.indexOf(refused.entry) - 1]
    if (before !== undefined) return before.sequence
    throw new RefusedError(refused.entry.sequence, refused.error.message, { cause: refused.error })
  }

  /** @returns the first entry that is refused; all before it are written */
  async #deliver(
    entries: readonly OutboxEntry[],
    signal: AbortSignal,
  ): Promise<{ readonly entry: OutboxEntry; readonly error: Error } | undefined> {
    try {
      await until(signal, this.#write(entries.map((entry) => this.#line(entry))))
      return undefined
    } catch (error) {
      if (!(error instanceof LinesRefusedError)) throw error
      const [entry] = entries
      if (entry === undefined) return undefined
      if (entries.length === 1) return this.#isTooOld(entry, error) ? undefined : { entry, error }
      for (const piece of pieces(entries, error.line)) {
        const refused = await this.#deliver(piece, signal)
        if (refused !== undefined) return refused
      }
      return undefined
    }
  }

  #line({ payload, message: fresh }: OutboxEntry): string {
    try {
      // The log's own canonical JSON: it was checked when it was appended.
      const message: InspectionMessage = fresh ?? JSON.parse(payload)
      return inspectionLine(message, { text: this.#options.influx.text_fields })
    } catch (error) {
      throw new LinesRefusedError('it cannot be written as a line', { cause: error })
    }
  }

  /** The server would delete it at once by its retention policy: that is its answer, not a fault of the inspection. */
  #isTooOld({ sequence }: OutboxEntry, error: Error): boolean {
    if (!/beyond retention/i.test(error.message)) return false
    this.#tooOld += 1
    if (this.#tooOld === 1)
      this.#options.log.warn({ sink: this.name, sequence }, 'older than the retention policy')
    return true
  }

  async #writeHealth(): Promise<void> {
    const { health, influx, clock } = this.#options
    if (health === undefined) return
    try {
      await this.#write([
        stationLine(health.tags, health.facts(), clock.wall(), { text: influx.text_fields }),
      ])
      this.#healthError = undefined
    } catch (error) {
      this.#healthError = `health is not written: ${error instanceof Error ? error.message : error}`
    }
  }
}

/**
 * Where the server names a line: those before it, itself, those behind it; else both halves. What it names is only
 * looked at first: each piece is written and answered for itself.
 */
function pieces<T>(entries: readonly T[], line: number | undefined): readonly (readonly T[])[] {
  const cuts = line === undefined || line > entries.length ? [entries.length >> 1] : [line - 1, line]
  const ends = [...cuts, entries.length]
  return ends.map((end, place) => entries.slice(ends[place - 1] ?? 0, end)).filter(({ length }) => length > 0)
}

/** Leaves a request to itself when the signal aborts: the client cannot cancel one, and a repeat does no harm. */
async function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  let abort: () => void = () => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
