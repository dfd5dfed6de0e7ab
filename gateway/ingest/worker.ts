import type { Clock } from '../../drivers/clock.ts'
import { type Backoff, backoffMs } from '../backoff.ts'
import type { Log } from '../log.ts'
import { type AdmissionRules, type Admitted, admit, type Refused } from './admission.ts'
import type { Arrival, Source } from './arrival.ts'
import type { Written } from './store.ts'

export interface WorkerOptions {
  readonly source: Source
  /** One transaction: resolves behind COMMIT, rejects when nothing may be acknowledged. */
  readonly write: (batch: readonly Admitted[], refused: readonly Refused[]) => Promise<Written>
  /** Behind COMMIT and before the acknowledgement: a second store. A repeat must do no harm there. */
  readonly also?: (taken: readonly Admitted[], signal: AbortSignal) => Promise<void>
  readonly rules: AdmissionRules
  readonly clock: Clock
  readonly log: Log
  /** Inspections in one transaction, at most. */
  readonly batch: number
  /** How long the first of a batch waits for others, ms. */
  readonly gatherMs: number
  /** Between attempts to write; default 0.25 s, doubled up to 10 s. */
  readonly backoff?: Backoff
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number
}

/** Batches that are written at once: one is read and checked here while PostgreSQL writes the other. */
const AT_ONCE = 2
/** Ten times what a batch usually has; more goes with the next, so that memory has a limit. */
const BATCH_BYTES = 16_000_000

/** What a worker has done since it started. */
export interface WorkerCounts {
  readonly taken: number
  readonly repeats: number
  readonly refused: number
  readonly failures: number
  readonly waiting: number
  /** What the last attempt to write said; undefined while it works. */
  readonly trouble: string | undefined
}

/**
 * Takes what comes, writes it in batches, and acknowledges behind COMMIT: a worker that is killed at any instant leaves
 * what it had to the others. It keeps nothing: run as many as wanted.
 */
export class IngestWorker {
  readonly #options: WorkerOptions
  readonly #waiting: Arrival[] = []
  readonly #stopped = new AbortController()
  readonly #counts = { taken: 0, repeats: 0, refused: 0, failures: 0 }
  #trouble: string | undefined
  #gathering: (() => void) | undefined
  readonly #running = new Set<Promise<void>>()
  #stopping = false

  constructor(options: WorkerOptions) {
    this.#options = options
  }

  get counts(): WorkerCounts {
    return {
      ...this.#counts,
      waiting: this.#waiting.length,
      trouble: this.#trouble ?? this.#options.source.trouble,
    }
  }

  async start(): Promise<void> {
    await this.#options.source.start((arrival) => {
      if (this.#stopping) {
        arrival.release()
        return
      }
      this.#waiting.push(arrival)
      this.#schedule()
    })
  }

  /** Writes the batch at hand, for at most `graceMs`; gives back what it had not begun with. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true
    this.#gathering?.()
    this.#gathering = undefined
    await this.#options.source.pause()
    for (const arrival of this.#waiting.splice(0)) arrival.release()
    const cancel = this.#options.clock.after(graceMs, () => this.#stopped.abort())
    await Promise.all(this.#running)
    cancel()
    this.#stopped.abort()
    await this.#options.source.close()
  }

  /** While one batch is written another full one may go; a lesser one gathers on until the first is done. */
  #schedule(): void {
    const { batch, gatherMs, clock } = this.#options
    const full = this.#waiting.length >= batch
    if (full && this.#running.size < AT_ONCE) this.#run()
    else if (!full && this.#running.size === 0) this.#gathering ??= clock.after(gatherMs, () => this.#run())
  }

  #run(): void {
    this.#gathering?.()
    this.#gathering = undefined
    if (this.#stopping || this.#waiting.length === 0) return
    const running = this.#batch(this.#takeBatch()).finally(() => {
      this.#running.delete(running)
      if (!this.#stopping && this.#waiting.length > 0) this.#schedule()
    })
    this.#running.add(running)
  }

  #takeBatch(): readonly Arrival[] {
    let bytes = 0
    const tooMuch = this.#waiting.findIndex(({ payload }, place) => {
      bytes += payload.byteLength
      return place === this.#options.batch || (place > 0 && bytes > BATCH_BYTES)
    })
    return this.#waiting.splice(0, tooMuch === -1 ? this.#waiting.length : tooMuch)
  }

  async #batch(arrivals: readonly Arrival[]): Promise<void> {
    const { rules, clock, backoff, random = Math.random } = this.#options
    const { signal } = this.#stopped
    const looked = arrivals.map(({ topic, payload }) => admit(topic, payload, rules))
    const admitted = looked.filter((one) => 'message' in one)
    const refused = looked.filter((one) => 'reason' in one)
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        await this.#write(admitted, refused)
        for (const arrival of arrivals) arrival.acknowledge()
        return
      } catch (error) {
        if (signal.aborted) break
        this.#failed(error)
        const pauseMs = backoffMs(failures, backoff ?? { firstMs: 250, longestMs: 10_000 }, random)
        // Also what waits behind: all of it would be redelivered, and make the way back longer.
        for (const arrival of [...arrivals, ...this.#waiting]) arrival.working()
        await clock.sleep(pauseMs, signal).catch(() => {})
      }
    }
    for (const arrival of arrivals) arrival.release()
  }

  async #write(admitted: readonly Admitted[], refused: readonly Refused[]): Promise<void> {
    const { write, also, log } = this.#options
    const written = await write(admitted, refused)
    this.#counts.taken += written.taken.length
    this.#counts.repeats += written.repeats
    this.#counts.refused += written.refused.length
    for (const { topic, reason, detail } of written.refused) log.error({ topic, reason, detail }, 'set aside')
    // All of them: where the second store failed before, the rows are no longer new to the first.
    await also?.(admitted, this.#stopped.signal)
    if (this.#trouble !== undefined) log.info('store back')
    this.#trouble = undefined
  }

  #failed(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error)
    this.#counts.failures += 1
    if (this.#trouble !== text) this.#options.log.warn({ err: error }, 'store away')
    this.#trouble = text
  }
}
