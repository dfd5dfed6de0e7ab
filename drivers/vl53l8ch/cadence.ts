/** Steps by which to ask earlier while frames are ready at the first question, and later while they are not. */
const FIRST_STEP_MS = 0.25
const FIRST_PAUSE_MS = 1
/** The first pause is at least this part of the period: what a slow chip is off by is longer too. */
const PAUSES = 100

/**
 * When frames become ready, learnt from when they were first seen, so that the driver sleeps instead of asking over
 * and over. It follows a chip whose period is not quite the configured one. A wrong expectation costs a few questions,
 * never a frame.
 */
export class Cadence {
  readonly #periodMs: number
  readonly #pauseMs: number
  readonly #longestMs: number
  /** Monotonic ms at which some frame became ready, as near as it was seen; undefined before the first. */
  #readyAt: number | undefined
  #stepMs = FIRST_STEP_MS

  constructor(periodMs: number) {
    this.#periodMs = periodMs
    this.#pauseMs = Math.max(FIRST_PAUSE_MS, periodMs / PAUSES)
    this.#longestMs = Math.max(FIRST_PAUSE_MS, periodMs / 12)
  }

  /** When to ask first for the `frames`-th frame that becomes ready after `now`, monotonic ms. */
  expected(frames: number, now: number): number {
    if (this.#readyAt === undefined) return now + (frames - 1) * this.#periodMs + this.#longestMs
    const periods = Math.floor((now - this.#readyAt) / this.#periodMs) + frames
    return this.#readyAt + periods * this.#periodMs
  }

  /** Ms until the next question for a frame that is due, after so many (from 1) that came too early. */
  pauseMs(tooEarly: number): number {
    if (this.#readyAt === undefined) return this.#longestMs
    return Math.min(this.#pauseMs * 2 ** (tooEarly - 1), this.#longestMs)
  }

  /** @param at ms when the frame was first seen @param tooEarly questions for it that were answered "not yet" */
  seen(at: number, expectedAt: number, tooEarly: number): void {
    if (tooEarly > 0 || this.#readyAt === undefined) {
      this.#readyAt = at
      this.#stepMs = FIRST_STEP_MS
      return
    }
    // It may have been ready for a while: feel for the moment, faster the longer it is not found.
    this.#readyAt = Math.min(at, expectedAt) - this.#stepMs
    this.#stepMs = Math.min(2 * this.#stepMs, this.#longestMs)
  }
}
