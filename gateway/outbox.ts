import type { InspectionMessage } from './message.ts'

/** One stored message, as it goes to every sink. */
export interface OutboxEntry {
  readonly epoch: string
  /** From 1, gap-free within an epoch. */
  readonly sequence: number
  /** UUIDv7 of the inspection: the idempotency key. */
  readonly id: string
  /** The canonical JSON of the message (`poincon.inspection/1`). */
  readonly payload: string
  /**
   * The same message, as long as the process that wrote it has it at hand: whoever keeps up with the log need not parse
   * what was made here. Nobody changes it.
   */
  readonly message?: InspectionMessage | undefined
}

/** The log as a sink's pump sees it. */
export interface Outbox {
  /** Up to `limit` entries behind the sink's cursor in `sequence` order; waits until there is one. */
  next(sink: string, limit: number, signal: AbortSignal): Promise<readonly OutboxEntry[]>
  /** Moves the sink's cursor forward to `sequence`; never back. */
  advance(sink: string, sequence: number): Promise<void>
}

/** The far end refuses one entry for good: sending it again does not help, so a person must look at it. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
  readonly sequence: number

  constructor(sequence: number, reason: string, options?: ErrorOptions) {
    super(`inspection ${sequence} is refused: ${reason}`, options)
    this.sequence = sequence
  }
}

/** The far end asks for a pause (HTTP 429 or 503 with `Retry-After`). */
export class RetryLaterError extends Error {
  override readonly name = 'RetryLaterError'
  readonly afterMs: number

  constructor(afterMs: number, reason: string, options?: ErrorOptions) {
    super(reason, options)
    this.afterMs = afterMs
  }
}

/** Where a pump sets aside what the far end refuses for good, so that it holds up nothing behind it. */
export interface Aside {
  /** Refusals in a row after which an entry is set aside, from 1. */
  readonly attempts: number
  /** Entries that lie here. */
  readonly count: number
  /** Whether the entry lies here: a crash came before the cursor had passed it. */
  holds(id: string): boolean
  /**
   * Resolves when the entry is on disk here; putting it again does no harm.
   * @returns false: it is not taken (no room, or everything is refused) and must stay where it is
   */
  put(entry: OutboxEntry, reason: string, attempts: number): Promise<boolean>
  /** The cursor has passed the entry. */
  passed(id: string): void
  /** These are about to be sent: the cursor has not passed them. */
  returned(entries: readonly OutboxEntry[]): void
  /** The far end has these; resolves when none of them lies here any more. */
  delivered(entries: readonly OutboxEntry[]): Promise<void>
}

/** Where inspections go. */
export interface Sink {
  /** Names its cursor: never change it once deployed. */
  readonly name: string
  /** How many entries it takes at once. */
  readonly window: number
  /**
   * Sends the entries in order.
   * @returns the last sequence of the gap-free prefix that the far end acknowledged, or undefined for none
   * @throws when the far end cannot be reached; nothing of the batch is then taken as acknowledged
   * @throws RefusedError when the far end will never take the first entry
   * @throws RetryLaterError when the far end says how long to wait
   */
  send(batch: readonly OutboxEntry[], signal: AbortSignal): Promise<number | undefined>
}

/**
 * Sends what lies behind the sink's cursor, in order, until `signal` aborts; the cursor passes only what was
 * acknowledged, so the far end sees every entry at least once.
 * @throws what `send` throws: the caller waits and calls again
 */
export async function drain(outbox: Outbox, sink: Sink, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const batch = await outbox.next(sink.name, sink.window, signal)
    const acknowledged = await sink.send(batch, signal)
    if (acknowledged === undefined) throw new Error(`${sink.name} acknowledged nothing`)
    await outbox.advance(sink.name, acknowledged)
  }
}
