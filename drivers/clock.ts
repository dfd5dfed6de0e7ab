import { setTimeout as delay } from 'node:timers/promises'

/** Time, as everything outside the composition root sees it, so that a test can own it. */
export interface Clock {
  /** Monotonic milliseconds with fraction, from an arbitrary origin: for durations and deadlines. */
  now(): number
  /** Wall-clock milliseconds since 1970 (UTC): for time stamps only, it may jump. */
  wall(): number
  /** Resolves after `ms` (0 yields once); rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `act` once, `ms` from now; the returned function cancels it. */
  after(ms: number, act: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal === undefined ? undefined : { signal })
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  },
  after(ms, act) {
    const timer = setTimeout(act, ms)
    return () => clearTimeout(timer)
  },
}
