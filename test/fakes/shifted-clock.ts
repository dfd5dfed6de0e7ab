import type { Clock } from '../../drivers/clock.ts'

/** The real time and a shift, for what judges certificates by its own clock; sleeps are noted, and over at once. */
export class ShiftedClock implements Clock {
  shiftMs: number
  readonly slept: number[] = []
  readonly #patienceMs: number

  /** @param patienceMs real time that a limit of any length comes to at most */
  constructor(shiftMs = 0, patienceMs = 10_000) {
    this.shiftMs = shiftMs
    this.#patienceMs = patienceMs
  }

  /** As NTP does. */
  set(): void {
    this.shiftMs = 0
  }

  now(): number {
    return performance.now() + this.slept.reduce((sum, ms) => sum + ms, 0)
  }

  wall(): number {
    return Date.now() + this.shiftMs
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    this.slept.push(ms)
    await new Promise((resolve) => setImmediate(resolve))
    signal?.throwIfAborted()
  }

  after(ms: number, act: () => void): () => void {
    const timer = setTimeout(act, Math.min(ms, this.#patienceMs))
    return () => clearTimeout(timer)
  }
}
