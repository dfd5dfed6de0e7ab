import type { OutboxEntry } from '../../outbox.ts'

/** An entry of the log with its place among all epochs. */
export interface LogEntry extends OutboxEntry {
  /** Counts rows over all epochs, from 1. */
  readonly position: number
}

/** The newest entries, kept in memory so that sinks that keep up never read the disk. */
export class Tail {
  readonly #capacity: number
  readonly #entries = new Map<number, LogEntry>()
  #oldest = 1

  /** @param capacity entries kept at most: beyond it the oldest go, and are read from disk when asked for */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** Adds the entry behind the newest one. */
  push(entry: LogEntry): void {
    if (this.#entries.size === 0) this.#oldest = entry.position
    this.#entries.set(entry.position, entry)
    if (this.#entries.size > this.#capacity) this.forget(this.#oldest)
  }

  /** Drops what stands at or before `position`. */
  forget(position: number): void {
    for (; this.#oldest <= position && this.#entries.size > 0; this.#oldest += 1) {
      this.#entries.delete(this.#oldest)
    }
  }

  /** Up to `limit` entries behind `position`; none when the next one is not kept. */
  after(position: number, limit: number): LogEntry[] {
    const found: LogEntry[] = []
    while (found.length < limit) {
      const entry = this.#entries.get(position + found.length + 1)
      if (entry === undefined) break
      found.push(entry)
    }
    return found
  }
}
