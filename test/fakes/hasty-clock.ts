import type { Clock } from '../../drivers/clock.ts'

/** Sleeps at once and says that it slept; what was to happen by itself happens after a real moment. */
export class HastyClock implements Clock {
  #now = 0
  readonly #patienceMs: number

  /** @param patienceMs real time that a limit of any length comes to */
  constructor(patienceMs = 60_000) {
    this.#patienceMs = patienceMs
  }

  now(): number {
    return this.#now
  }

  wall(): number {
    return Date.UTC(2026, 0, 1) + this.#now
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    this.#now += Math.max(0, ms)
    await new Promise((resolve) => setImmediate(resolve))
    signal?.throwIfAborted()
  }

  after(_ms: number, act: () => void): () => void {
    const timer = setTimeout(act, this.#patienceMs)
    return () => clearTimeout(timer)
  }
}
