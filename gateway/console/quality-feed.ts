import type { ConsoleEvent } from './state.ts'
import { parseQuality, type Quality } from './wire-quality.ts'

/** How often it is asked for where nothing happens. */
const EVERY_MS = 4000
const AFTER_FAILURE_MS = 10_000
/** However much happens, no more often than this. */
const REST_MS = 1000
const ANSWER_WITHIN_MS = 5000
/** What was told longer ago is no longer so. */
const FORGET_AFTER_MS = 20_000

/** The page's questions for alerts and key figures. It only adds to the page: without an answer there is none of them. */
export class QualityFeed {
  readonly #url: string
  readonly #tell: (event: ConsoleEvent) => void
  readonly #log: (problem: unknown) => void
  #timer = 0
  #asking: AbortController | undefined
  #askedAt = Number.NEGATIVE_INFINITY
  #answeredAt = Number.NEGATIVE_INFINITY
  #problem: string | undefined
  #closed = false

  /** @param log called once for every problem that is not the one before */
  constructor(url: string, tell: (event: ConsoleEvent) => void, log: (problem: unknown) => void) {
    this.#url = url
    this.#tell = tell
    this.#log = log
  }

  /** Asks again and again, until `close`. */
  open(): void {
    this.#askIn(0)
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#asking?.abort()
  }

  /** Asks soon: something changed. */
  nudge(): void {
    if (this.#closed || this.#asking !== undefined) return
    this.#askIn(Math.max(0, this.#askedAt + REST_MS - performance.now()))
  }

  #askIn(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = window.setTimeout(() => void this.#ask(), ms)
  }

  async #ask(): Promise<void> {
    const asking = new AbortController()
    this.#asking = asking
    this.#askedAt = performance.now()
    const lateness = new Error(`${this.#url} does not answer within ${ANSWER_WITHIN_MS} ms`)
    const late = window.setTimeout(() => asking.abort(lateness), ANSWER_WITHIN_MS)
    let problem: unknown
    try {
      const answer = await fetch(this.#url, { signal: asking.signal, cache: 'no-store' })
      if (!answer.ok) throw new Error(`${this.#url} answers ${answer.status}`)
      this.#take(parseQuality(await answer.json()))
    } catch (error) {
      problem = error
    }
    clearTimeout(late)
    this.#asking = undefined
    if (this.#closed) return
    if (problem !== undefined) this.#miss(problem)
    this.#askIn(problem === undefined ? EVERY_MS : AFTER_FAILURE_MS)
  }

  #take(data: Quality): void {
    if (this.#closed) return
    this.#answeredAt = performance.now()
    this.#problem = undefined
    this.#tell({ type: 'quality', data })
  }

  #miss(problem: unknown): void {
    const old = performance.now() - this.#answeredAt > FORGET_AFTER_MS
    if (old) this.#tell({ type: 'quality', data: undefined })
    const words = String(problem)
    if (words !== this.#problem) this.#log(problem)
    this.#problem = words
  }
}
