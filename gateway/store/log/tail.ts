import type { InspectionMessage } from '../../message.ts'
import type { OutboxEntry } from '../../outbox.ts'

/** An entry of the log with its place among all epochs. */
export interface LogEntry extends OutboxEntry {
  /** Counts rows over all epochs, from 1. */
  readonly position: number
}

/** An entry that this run wrote: its message is at hand until it is let go. */
export class FreshEntry implements LogEntry {
  readonly epoch: string
  readonly sequence: number
  readonly id: string
  readonly payload: string
  readonly position: number
  #message: InspectionMessage | undefined

  constructor(entry: LogEntry, message: InspectionMessage | undefined) {
    this.epoch = entry.epoch
    this.sequence = entry.sequence
    this.id = entry.id
    this.payload = entry.payload
    this.position = entry.position
    this.#message = message
  }

  get message(): InspectionMessage | undefined {
    return this.#message
  }

  /** From now on whoever wants the message parses the payload. */
  letGo(): void {
    this.#message = undefined
  }
}

// A message takes three times the room of its payload; with a sink that is away only so many wait in both forms.
const MESSAGES = 512

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
    const older = this.#entries.get(entry.position - MESSAGES)
    if (older instanceof FreshEntry) older.letGo()
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
