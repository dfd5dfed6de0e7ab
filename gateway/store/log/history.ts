import type { OutboxEntry } from '../../outbox.ts'
import type { Database, Statement } from '../database.ts'
import { StoreError } from '../error.ts'
import type { Epoch } from './epochs.ts'
import type { LogEntry } from './tail.ts'

interface Row {
  readonly position: number
  readonly id: string
  readonly payload: string
}

interface Statements {
  readonly after: Statement
  readonly before: Statement
  readonly byId: Statement
  readonly byOrigin: Statement | undefined
  readonly raw: Statement
}

/** What is stored, read on a connection of its own: a reader never waits for a commit, nor a commit for it. */
export class History {
  readonly database: Database
  readonly #statements: Statements
  /** Oldest first; the last one is the present. */
  readonly #epochs: readonly Epoch[]

  private constructor(database: Database, statements: Statements, epochs: readonly Epoch[]) {
    this.database = database
    this.#statements = statements
    this.#epochs = epochs
  }

  /** @param epochs of the log, oldest first, at least one */
  static async over(database: Database, epochs: readonly Epoch[]): Promise<History> {
    const columns = 'SELECT position, id, payload FROM inspections'
    return new History(
      database,
      {
        after: await database.prepare(
          `${columns} WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`,
        ),
        before: await database.prepare(
          `${columns} WHERE position > ? AND position < ? ORDER BY position DESC LIMIT ?`,
        ),
        byId: await database.prepare(`${columns} WHERE id = ?`),
        byOrigin: await byOrigin(database, columns),
        raw: await database.prepare('SELECT record FROM raw WHERE position = ?'),
      },
      epochs,
    )
  }

  /** The epoch that the row at `position` belongs to. */
  epochAt(position: number): Epoch {
    const found = this.#epochs.findLast(({ base }) => base < position)
    if (found === undefined) throw new StoreError('invalid', `no epoch holds position ${position}`)
    return found
  }

  /** Up to `limit` entries of one epoch behind `position`, in order, none beyond `end`. @throws StoreError */
  async after(position: number, end: number, limit: number): Promise<LogEntry[]> {
    const last = Math.min(end, this.#endOf(this.epochAt(position + 1)))
    return this.#entries(await this.#statements.after.all<Row>([position, last, limit]))
  }

  /** Up to `limit` entries of `epoch` from `sequence` on, in order. @throws StoreError */
  async from(epoch: Epoch, sequence: number, limit: number): Promise<LogEntry[]> {
    const before = epoch.base + Math.max(sequence, 1) - 1
    return this.#entries(await this.#statements.after.all<Row>([before, this.#endOf(epoch), limit]))
  }

  /** Up to `limit` entries of `epoch` before `sequence`, newest first. @throws StoreError */
  async before(epoch: Epoch, sequence: number, limit: number): Promise<LogEntry[]> {
    const bound = Math.min(epoch.base + sequence, this.#endOf(epoch) + 1)
    return this.#entries(await this.#statements.before.all<Row>([epoch.base, bound, limit]))
  }

  /** @throws StoreError */
  async byId(id: string): Promise<OutboxEntry | undefined> {
    const [entry] = this.#entries(await this.#statements.byId.all<Row>([id]))
    return entry
  }

  /** The inspection that a sample of an old head became. @throws StoreError */
  async byOrigin(origin: string): Promise<OutboxEntry | undefined> {
    const [entry] = this.#entries((await this.#statements.byOrigin?.all<Row>([origin])) ?? [])
    return entry
  }

  /** The raw record of one inspection; undefined when there is none (any more). @throws StoreError */
  async raw(epoch: Epoch, sequence: number): Promise<Uint8Array | undefined> {
    const position = epoch.base + sequence
    if (position <= epoch.base || position > this.#endOf(epoch)) return undefined
    const [row] = await this.#statements.raw.all<{ record: Uint8Array }>([position])
    return row?.record
  }

  /** Last position that is the epoch's; the present one has no end. */
  #endOf({ base }: Epoch): number {
    const index = this.#epochs.findIndex((epoch) => epoch.base === base)
    return this.#epochs[index + 1]?.base ?? Number.MAX_SAFE_INTEGER - 1
  }

  #entries(rows: readonly Row[]): LogEntry[] {
    return rows.map(({ position, id, payload }) => {
      const { epoch, base } = this.epochAt(position)
      return { epoch, sequence: position - base, id, payload, position }
    })
  }
}

/** A database of before, read without being migrated, knows no origin. */
async function byOrigin(database: Database, columns: string): Promise<Statement | undefined> {
  const column = await database.get("SELECT 1 FROM pragma_table_info('inspections') WHERE name = 'origin'")
  return column === undefined ? undefined : await database.prepare(`${columns} WHERE origin = ?`)
}
