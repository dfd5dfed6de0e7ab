import type { SensorFault } from '../drivers/sensor.ts'
import { backoffMs } from './backoff.ts'

/** Waits between attempts to open. */
const RETRY = { firstMs: 100, longestMs: 5000 }
/** A head that was well for so long has left its trouble behind; until then a fault is a relapse. */
const STEADY_MS = 10_000

/**
 * What a head is in from its first fault until it has been well for a while: what the log has heard of it, and how long
 * to wait before it is opened anew. Times are monotonic ms.
 */
export class Trouble {
  readonly #since: number
  /** Kinds of fault that the log knows of: noise is wrong in a new way each time. */
  readonly #told = new Set<SensorFault>()
  /** Attempts to open it since it was last well; a relapse does not begin from nothing. */
  #attempts = 0
  /** How many of them went well. */
  #opened = 0
  #wellSince: number | undefined
  #relapses = 0

  constructor(since: number) {
    this.#since = since
  }

  /** One that opens is taken for well, but not a second time before it has measured. */
  get credible(): boolean {
    return this.#opened < 2
  }

  /** How long to wait before the next attempt to open it, ms: the first one is made at once. */
  waitMs(random: () => number): number {
    return this.#attempts === 0 ? 0 : backoffMs(this.#attempts, RETRY, random)
  }

  attempted(opened: boolean): void {
    this.#attempts += 1
    if (opened) this.#opened += 1
  }

  /** It has a fault. @returns what the log is to say of it, if anything: `message` the first time of each kind */
  fault(fault: SensorFault, message: string): string | undefined {
    const relapse = this.#wellSince !== undefined
    if (relapse) {
      this.#wellSince = undefined
      this.#relapses += 1
      this.#attempts = this.#relapses
    }
    const news = !this.#told.has(fault)
    this.#told.add(fault)
    if (relapse && this.#relapses === 1) return 'head comes and goes'
    return news ? message : undefined
  }

  /** It measured. @returns what the log is to say of it, if anything, and whether the trouble is over */
  measured(now: number): { readonly news: string | undefined; readonly over: boolean } {
    const back = this.#wellSince === undefined
    this.#wellSince ??= now
    this.#opened = 0
    const over = now - this.#wellSince >= STEADY_MS
    if (this.#relapses === 0) return { news: back ? 'head well again' : undefined, over }
    return { news: over ? 'head steady again' : undefined, over }
  }

  /** For the log. */
  facts(now: number): Readonly<Record<'openings' | 'relapses' | 'awayMs', number>> {
    return { openings: this.#attempts, relapses: this.#relapses, awayMs: Math.round(now - this.#since) }
  }
}
