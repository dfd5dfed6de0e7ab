import type { Clock } from '../../../drivers/clock.ts'

/** A clock that stands still until it is told. */
export class ManualClock implements Clock {
  readonly #waiting = new Map<object, { readonly at: number; readonly act: () => void }>()
  #now = 0

  now(): number {
    return this.#now
  }

  wall(): number {
    return Date.UTC(2026, 2, 1) + this.#now
  }

  /** Time passes; what is due then happens, in order. */
  spend(ms: number): void {
    this.#now += ms
    const due = [...this.#waiting].filter(([, { at }]) => at <= this.#now)
    for (const [key, { act }] of due.sort(([, one], [, other]) => one.at - other.at)) {
      if (this.#waiting.delete(key)) act()
    }
  }

  after(ms: number, act: () => void): () => void {
    const key = {}
    this.#waiting.set(key, { at: this.#now + ms, act })
    return () => this.#waiting.delete(key)
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const cancel = this.after(ms, resolve)
      const abort = (): void => {
        cancel()
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', abort, { once: true })
    })
  }
}
