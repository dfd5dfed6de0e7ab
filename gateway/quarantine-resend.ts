import { once } from 'node:events'
import type { Clock } from '../drivers/clock.ts'
import { backoffMs } from './backoff.ts'

/** One that is to be sent again. */
export interface Wanted {
  readonly key: string
  readonly sink: string
}

export interface ResendingParts {
  /** All that are to be sent again, in order. */
  readonly wanted: () => readonly Wanted[]
  /** @returns whether the receiver has answered; false: it is away. Never rejects. */
  readonly attempt: (key: string) => Promise<boolean>
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
}

const BACKOFF = { firstMs: 2000, longestMs: 300_000 }

/** Tries what is wanted until there is an answer; a receiver that is away is asked again later and later. */
export class Resending {
  readonly #parts: ResendingParts
  readonly #ended = new AbortController()
  #running: Promise<void> | undefined
  #wish = new AbortController()
  #passed: (() => void)[] = []

  constructor(parts: ResendingParts) {
    this.#parts = parts
  }

  start(): void {
    this.#running = this.#run(this.#ended.signal)
  }

  async stop(): Promise<void> {
    this.#ended.abort()
    this.#wish.abort()
    await this.#running
  }

  /** Something more is wanted, now. */
  wake(): void {
    this.#wish.abort()
  }

  /** Resolves when none of these is wanted any more, or after `patienceMs`. */
  async outcome(keys: ReadonlySet<string>, patienceMs: number): Promise<void> {
    const over = new AbortController()
    const late = this.#parts.clock
      .sleep(patienceMs, over.signal)
      .catch(() => {})
      .then(() => true)
    while (this.#parts.wanted().some(({ key }) => keys.has(key))) {
      const passed = new Promise<boolean>((resolve) => this.#passed.push(() => resolve(false)))
      if (await Promise.race([passed, late])) break
    }
    over.abort()
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { wanted, clock, random } = this.#parts
    let failures = 0
    while (!signal.aborted) {
      // Made before the list is read: what is wanted from now on ends the wait below.
      this.#wish = new AbortController()
      const wish = this.#wish.signal
      failures = (await this.#pass(signal)) ? 0 : failures + 1
      if (signal.aborted || wish.aborted) continue
      if (wanted().length === 0) await once(wish, 'abort')
      else await clock.sleep(backoffMs(Math.max(1, failures), BACKOFF, random), wish).catch(() => {})
    }
  }

  /** @returns whether every receiver answered */
  async #pass(signal: AbortSignal): Promise<boolean> {
    const away = new Set<string>()
    for (const { key, sink } of this.#parts.wanted()) {
      if (signal.aborted) break
      if (!away.has(sink) && !(await this.#parts.attempt(key))) away.add(sink)
      for (const tell of this.#passed.splice(0)) tell()
    }
    return away.size === 0
  }
}
