import type { Outbox, OutboxEntry } from '../../gateway/outbox.ts'

/** An outbox without a disk: what a sink's pump sees of the store. */
export class MemoryOutbox implements Outbox {
  readonly #entries: OutboxEntry[] = []
  readonly #cursors = new Map<string, number>()
  #wake: (() => void)[] = []

  /** Entries must come in `sequence` order from 1. */
  append(...entries: readonly OutboxEntry[]): void {
    this.#entries.push(...entries)
    for (const wake of this.#wake.splice(0)) wake()
  }

  cursor(sink: string): number {
    return this.#cursors.get(sink) ?? 0
  }

  backlog(sink: string): number {
    return this.#entries.length - this.cursor(sink)
  }

  async next(sink: string, limit: number, signal: AbortSignal): Promise<readonly OutboxEntry[]> {
    while (this.backlog(sink) === 0) await this.#appended(signal)
    const from = this.cursor(sink)
    return this.#entries.slice(from, from + limit)
  }

  advance(sink: string, sequence: number): Promise<void> {
    if (sequence < this.cursor(sink)) return Promise.reject(new Error(`${sink}: the cursor never goes back`))
    this.#cursors.set(sink, sequence)
    return Promise.resolve()
  }

  #appended(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const abort = (): void => reject(signal.reason)
      signal.addEventListener('abort', abort, { once: true })
      this.#wake.push(() => {
        signal.removeEventListener('abort', abort)
        resolve()
      })
    })
  }
}
