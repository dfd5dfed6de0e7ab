import type { Clock } from '../drivers/clock.ts'
import type { Log } from './log.ts'
import type { OutboxEntry } from './outbox.ts'
import {
  closed,
  entryOf,
  isOpen,
  type QuarantineRecord,
  type QuarantineShelf,
  type QuarantineSummary,
  quarantineKey,
  quarantineRecord,
  summaryOf,
} from './quarantine-record.ts'

/** Which ones are meant: of one sink, of some ids, or all. */
export interface QuarantineChoice {
  readonly sink?: string | undefined
  readonly ids?: readonly string[] | undefined
}

/** Which record is meant. */
export type RecordKey = Pick<QuarantineRecord, 'sink' | 'id'>

/** How the entries of the log divide for one sink, before any is set aside. */
export interface UnsortedCounts {
  readonly name: string
  readonly stored: number
  readonly delivered: number
  readonly backlog: number
}

interface Kept {
  summary: QuarantineSummary
  /** Of those that the cursor has not passed the sink's backlog tells. */
  passed: boolean
}

export interface QuarantineBookParts {
  readonly shelf: QuarantineShelf
  readonly clock: Clock
  readonly log: Log
}

/** What is set aside: on disk with its message, in memory without. One change at a time, the disk first. */
export class QuarantineBook {
  readonly #parts: QuarantineBookParts
  readonly #kept = new Map<string, Kept>()
  /** Persons, pumps and re-sending write the same records. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: QuarantineBookParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#kept.size
  }

  /** Takes up what earlier runs set aside. A record that cannot be read is said, and stops nothing. */
  async load(): Promise<void> {
    for (const value of await this.#parts.shelf.open()) {
      const record = quarantineRecord.safeParse(value)
      if (record.success) {
        const summary = summaryOf(record.data)
        this.#kept.set(quarantineKey(summary), { summary, passed: true })
      } else this.#parts.log.error({ value, err: record.error }, 'what was set aside cannot be read')
    }
  }

  /** Resolves when nothing is being written. */
  async settled(): Promise<void> {
    await this.#turn
  }

  /** All that are neither sent nor dropped, in the order in which they were set aside. */
  list({ sink, ids }: QuarantineChoice = {}): readonly QuarantineSummary[] {
    return [...this.#kept.values()]
      .map(({ summary }) => summary)
      .filter((one) => sink === undefined || one.sink === sink)
      .filter((one) => ids === undefined || ids.includes(one.id))
  }

  find(key: string): QuarantineSummary | undefined {
    return this.#kept.get(key)?.summary
  }

  /** Whether the sink's cursor has passed it. */
  mark(one: RecordKey, passed: boolean): void {
    const kept = this.#kept.get(quarantineKey(one))
    if (kept !== undefined) kept.passed = passed
  }

  /** What is set aside, told from what is delivered. */
  counts<C extends UnsortedCounts>(sink: C): C & { readonly quarantined: number } {
    let count = 0
    for (const { summary, passed } of this.#kept.values())
      if (passed && summary.sink === sink.name) count += 1
    // Until the first batch after a crash it is not known that the cursor stands before one of them.
    const quarantined = Math.min(count, sink.stored - sink.backlog)
    return { ...sink, delivered: sink.stored - sink.backlog - quarantined, quarantined }
  }

  /** Keeps one; the cursor has not passed it yet. */
  add(record: QuarantineRecord): Promise<void> {
    return this.#inTurn(async () => {
      const key = quarantineKey(record)
      if (this.#kept.has(key)) return
      await this.#parts.shelf.save(key, record)
      this.#kept.set(key, { summary: summaryOf(record), passed: false })
    })
  }

  /** The entry with its message, as it goes to the sink again. @throws Error where it is not kept any more */
  async entry(key: string): Promise<OutboxEntry> {
    return entryOf(quarantineRecord.parse(await this.#parts.shelf.get(key)))
  }

  /** Nothing is done where it is not set aside any more. */
  change(one: RecordKey, change: (record: QuarantineRecord) => QuarantineRecord): Promise<void> {
    return this.#inTurn(async () => {
      const key = quarantineKey(one)
      const kept = this.#kept.get(key)
      if (kept === undefined) return
      const changed = change(quarantineRecord.parse(await this.#parts.shelf.get(key)))
      await this.#parts.shelf.save(key, changed)
      kept.summary = summaryOf(changed)
      if (!isOpen(changed)) this.#kept.delete(key)
    })
  }

  close(one: RecordKey, state: 'sent' | 'dropped', by: string): Promise<void> {
    const at = new Date(this.#parts.clock.wall()).toISOString()
    return this.change(one, (record) => closed(record, state, { at, by }))
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }
}
