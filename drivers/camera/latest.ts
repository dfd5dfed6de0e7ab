interface Waiter<T> {
  readonly since: number
  readonly resolve: (value: T) => void
  readonly reject: (reason: unknown) => void
}

/** One place for what is newest: whatever comes takes it, and what nobody looked at before is counted. */
export class LatestFrame<T extends { readonly takenAt: number }> {
  #newest: T | undefined
  #seen = true
  #replaced = 0
  #closed: { readonly reason: unknown } | undefined
  readonly #waiters = new Set<Waiter<T>>()

  /** How many were replaced before anybody looked at them. */
  get replacedUnseen(): number {
    return this.#replaced
  }

  /** Ignored once closed. */
  put(frame: T): void {
    if (this.#closed !== undefined) return
    if (!this.#seen) this.#replaced += 1
    this.#newest = frame
    this.#seen = false
    for (const waiter of [...this.#waiters]) {
      if (frame.takenAt < waiter.since) continue
      this.#seen = true
      waiter.resolve(frame)
    }
  }

  newest(): T | undefined {
    this.#seen = true
    return this.#newest
  }

  /**
   * The newest where it is new enough, else the first that is.
   * @param since its exposure began at or after this monotonic time, ms
   * @throws the signal's reason; what `close` was given
   */
  next(since: number, signal?: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed !== undefined) {
        reject(this.#closed.reason)
        return
      }
      signal?.throwIfAborted()
      if (this.#newest !== undefined && this.#newest.takenAt >= since) {
        this.#seen = true
        resolve(this.#newest)
        return
      }
      const abort = (): void => waiter.reject(signal?.reason)
      const leave = (): void => {
        this.#waiters.delete(waiter)
        signal?.removeEventListener('abort', abort)
      }
      const waiter: Waiter<T> = {
        since,
        resolve(frame) {
          leave()
          resolve(frame)
        },
        reject(reason) {
          leave()
          reject(reason)
        },
      }
      this.#waiters.add(waiter)
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /** Nothing comes any more: everyone who waits, and whoever will ask for the next, is told why. */
  close(reason: unknown): void {
    if (this.#closed !== undefined) return
    this.#closed = { reason }
    for (const waiter of [...this.#waiters]) waiter.reject(reason)
  }
}
