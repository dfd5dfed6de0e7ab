import type { Clock } from '../clock.ts'

interface Sleeper {
  readonly wakeAt: number
  readonly wake: () => void
}

/**
 * A clock that jumps: when every task waits, time moves to the earliest sleeper. Each jump lets the event loop
 * turn once, so whatever the last sleeper set in motion (and real I/O that is already done) runs first.
 */
export class VirtualClock implements Clock {
  #now: number
  readonly #epoch: number
  #sleepers: Sleeper[] = []
  #turning = false

  /** @param epoch wall-clock ms since 1970 at virtual time 0 */
  constructor(epoch = Date.UTC(2026, 0, 1)) {
    this.#now = 0
    this.#epoch = epoch
  }

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#epoch + this.#now
  }

  /** Moves time forward at once, as a transfer that occupies the bus does; sleepers it passes wake late. */
  spend(ms: number): void {
    this.#now += ms
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const cancel = this.after(ms, () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      })
      const abort = (): void => {
        cancel()
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  after(ms: number, act: () => void): () => void {
    const sleeper: Sleeper = { wakeAt: this.#now + Math.max(0, ms), wake: act }
    this.#insert(sleeper)
    this.#turn()
    return () => {
      const place = this.#sleepers.indexOf(sleeper)
      if (place >= 0) this.#sleepers.splice(place, 1)
    }
  }

  #insert(sleeper: Sleeper): void {
    let place = this.#sleepers.length
    while (place > 0 && (this.#sleepers[place - 1]?.wakeAt ?? 0) > sleeper.wakeAt) place -= 1
    this.#sleepers.splice(place, 0, sleeper)
  }

  #turn(): void {
    if (this.#turning || this.#sleepers.length === 0) return
    this.#turning = true
    setImmediate(() => {
      this.#turning = false
      const next = this.#sleepers.shift()
      if (next === undefined) return
      this.#now = Math.max(this.#now, next.wakeAt)
      next.wake()
      this.#turn()
    })
  }
}
