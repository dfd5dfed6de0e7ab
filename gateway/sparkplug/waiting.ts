import type { Clock } from '../../drivers/clock.ts'

/** Those who wait for something to come. */
export class Waiting<T> {
  readonly #clock: Clock
  readonly #hearers = new Set<(value: T) => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @returns what comes next; undefined when nothing does within `deadlineMs` @throws the signal's reason */
  async next(deadlineMs: number, signal: AbortSignal): Promise<T | undefined> {
    const over = new AbortController()
    let hear: (value: T) => void = () => {}
    const coming = new Promise<T>((resolve) => {
      hear = resolve
      this.#hearers.add(resolve)
    })
    try {
      const late = this.#clock.sleep(deadlineMs, AbortSignal.any([signal, over.signal]))
      return (await Promise.race([coming, late])) ?? undefined
    } finally {
      this.#hearers.delete(hear)
      over.abort()
    }
  }

  tell(value: T): void {
    for (const hear of this.#hearers) hear(value)
    this.#hearers.clear()
  }
}
