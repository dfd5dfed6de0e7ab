import type { Clock } from '../../drivers/clock.ts'
import { type Backoff, backoffMs } from '../backoff.ts'

export interface DeliveryOptions<T> {
  /** Rejects, or throws, where it cannot now. */
  readonly send: (one: T) => Promise<void> | void
  readonly clock: Clock
  /** As many wait at most; the oldest goes first. */
  readonly limit: number
  /** Called at the first failure of a row, and when it works again. */
  readonly failed: (error: Error) => void
  readonly back: () => void
  readonly backoff?: Backoff
  /** In [0, 1). */
  readonly random?: () => number
}

const DEFAULT_BACKOFF: Backoff = { firstMs: 500, longestMs: 30_000 }

/** Sends one after the other, in order, and tries again for ever; nobody waits for it. */
export class Delivery<T> {
  readonly #options: DeliveryOptions<T>
  readonly #queue: T[] = []
  #running: Promise<void> | undefined
  #wake: (() => void) | undefined
  #emptied: (() => void) | undefined
  #failures = 0
  #lost = 0
  #trouble: string | undefined

  constructor(options: DeliveryOptions<T>) {
    this.#options = options
  }

  get waiting(): number {
    return this.#queue.length
  }

  /** Gone because too many waited. */
  get lost(): number {
    return this.#lost
  }

  /** What the last attempt said, while it fails. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  push(one: T): void {
    this.#queue.push(one)
    if (this.#queue.length > this.#options.limit) {
      this.#queue.shift()
      this.#lost += 1
    }
    this.#wake?.()
  }

  /** @param signal ends it; what still waits is lost with it */
  start(signal: AbortSignal): void {
    this.#running = this.#run(signal)
  }

  /** Resolves when it has ended, after its signal. */
  async ended(): Promise<void> {
    await this.#running
  }

  /** Resolves when nothing waits, or the next attempt fails, or one fails already. */
  drained(): Promise<void> {
    if (this.#queue.length === 0 || this.#trouble !== undefined) return Promise.resolve()
    return new Promise((resolve) => {
      this.#emptied = resolve
    })
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const [one] = this.#queue
      if (one === undefined) {
        this.#emptied?.()
        await this.#pushed(signal)
        continue
      }
      try {
        await this.#sent(one, signal)
        if (signal.aborted) return
        // The oldest may have gone meanwhile, because too many waited.
        if (this.#queue[0] === one) this.#queue.shift()
        this.#succeeded()
      } catch (cause) {
        await this.#wait(cause, signal)
      }
    }
  }

  /** Resolves when it is sent, or at the end: a far end that never answers must not keep the process. */
  #sent(one: T, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sending = Promise.resolve(this.#options.send(one))
      const ended = (): void => resolve()
      signal.addEventListener('abort', ended, { once: true })
      sending.then(resolve, reject).finally(() => signal.removeEventListener('abort', ended))
    })
  }

  #succeeded(): void {
    if (this.#trouble !== undefined) this.#options.back()
    this.#trouble = undefined
    this.#failures = 0
  }

  async #wait(cause: unknown, signal: AbortSignal): Promise<void> {
    const { clock, backoff, random, failed } = this.#options
    const error = cause instanceof Error ? cause : new Error(String(cause))
    const first = this.#trouble === undefined
    this.#failures += 1
    this.#trouble = error.message
    this.#emptied?.()
    if (first) failed(error)
    const pauseMs = backoffMs(this.#failures, backoff ?? DEFAULT_BACKOFF, random ?? Math.random)
    // Rejects only at the end, which the loop's condition sees.
    await clock.sleep(pauseMs, signal).catch(() => {})
  }

  #pushed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done)
        this.#wake = undefined
        resolve()
      }
      this.#wake = done
      signal.addEventListener('abort', done, { once: true })
      if (signal.aborted) done()
    })
  }
}
