import type { Database, Statement, Value } from '../database.ts'
import { StoreError } from '../error.ts'
import { type ChainTip, GENESIS, readLink, seal, type Unsealed } from './chain.ts'
import type { CursorRow } from './delivery.ts'
import type { Epoch } from './epochs.ts'
import { FreshEntry, type LogEntry } from './tail.ts'

/** One inspection on its way into the log. */
export interface Unstored {
  readonly id: string
  readonly unsealed: Unsealed
  readonly raw: Uint8Array
  /** Number of the trigger it answers, if it answers one of this station's. */
  readonly trigger: number | undefined
}

/** Where the log ends. */
export interface LogEnd {
  /** The newest link of the present epoch. */
  readonly tip: ChainTip
  /** Inspections of this run that answer a trigger. */
  readonly recorded: number
}

/** The part of the log that one run of the process writes. */
export interface Stretch {
  readonly epoch: Epoch
  /** Counts the starts of the store. */
  readonly run: number
}

interface Insert {
  readonly rows: number
  readonly inspections: Statement
  readonly raw: Statement
}

// Rows that one INSERT carries at most, smallest first. A batch is cut into these, so that sealing never holds up the
// event loop for longer than one of them takes. What a statement is not given is NULL, and a row of NULLs is left out:
// every chunk takes one statement, and so one turn through the thread pool, whatever its length.
const CHUNKS = [1, 4, 8, 16, 32] as const
/** Cursors that one statement saves: as many as a station has sinks, so that one turn does for all that moved. */
const CURSORS = 4

/** Writes rows of the log, inside a transaction that somebody else began. */
export class LogRows {
  readonly #database: Database
  readonly #stretch: Stretch
  readonly #inserts: readonly Insert[]
  readonly #cursor: Statement

  private constructor(database: Database, stretch: Stretch, inserts: readonly Insert[], cursor: Statement) {
    this.#database = database
    this.#stretch = stretch
    this.#inserts = inserts
    this.#cursor = cursor
  }

  static async over(database: Database, stretch: Stretch): Promise<LogRows> {
    const inserts: Insert[] = []
    for (const rows of CHUNKS) {
      const inspections = await database.prepare(
        `INSERT INTO inspections (position, run, noted, recorded, id, payload, origin) ${given('(?, ?, ?, ?, ?, ?, ?)', rows)}`,
      )
      const raw = await database.prepare(`INSERT INTO raw (position, record) ${given('(?, ?)', rows)}`)
      inserts.push({ rows, inspections, raw })
    }
    const cursor = await database.prepare(
      `INSERT INTO cursors (sink, origin, position) ${given('(?, ?, ?)', CURSORS)}
       ON CONFLICT (sink) DO UPDATE SET position = excluded.position`,
    )
    return new LogRows(database, stretch, inserts, cursor)
  }

  /** Where the log ends on disk. @throws StoreError, `corrupt` when the newest row does not say */
  async readEnd(): Promise<LogEnd> {
    const { epoch, run } = this.#stretch
    const row = await this.#database.get<{
      position: number
      run: number
      recorded: number
      payload: string
    }>('SELECT position, run, recorded, payload FROM inspections ORDER BY position DESC LIMIT 1')
    const recorded = row?.run === run ? row.recorded : 0
    if (row === undefined || row.position <= epoch.base) {
      return { tip: { sequence: 0, hash: GENESIS }, recorded }
    }
    const link = readLink(row)
    if (typeof link === 'string') {
      throw new StoreError('corrupt', `${this.#database.file}: row ${row.position}: ${link}`)
    }
    return { tip: { sequence: row.position - epoch.base, hash: link.hash }, recorded }
  }

  /**
   * Stores the batch behind `end`, in order.
   * @param noted highest trigger number of this run
   * @returns the entries and the new end, which hold only once the transaction is committed
   */
  async insert(
    batch: readonly Unstored[],
    end: LogEnd,
    noted: number,
  ): Promise<{ readonly entries: LogEntry[]; readonly end: LogEnd }> {
    const entries: LogEntry[] = []
    let reached = end
    for (let from = 0; from < batch.length; ) {
      const insert = this.#insertFor(batch.length - from)
      const inspections: Value[] = []
      const raws: Value[] = []
      for (const unstored of batch.slice(from, from + insert.rows)) {
        const { tip, payload, message } = seal(unstored.unsealed, reached.tip)
        reached = { tip, recorded: reached.recorded + (unstored.trigger === undefined ? 0 : 1) }
        const entry = new FreshEntry(this.#entry(unstored.id, tip.sequence, payload), message)
        const { old_head: head, sample_id: sample } = unstored.unsealed.message
        const origin = head === undefined ? null : originOf(head.device_id, sample)
        inspections.push(
          entry.position,
          this.#stretch.run,
          noted,
          reached.recorded,
          entry.id,
          payload,
          origin,
        )
        raws.push(entry.position, unstored.raw)
        entries.push(entry)
      }
      await insert.inspections.run(inspections)
      await insert.raw.run(raws)
      from += insert.rows
    }
    return { entries, end: reached }
  }

  async saveCursors(cursors: readonly CursorRow[]): Promise<void> {
    for (let from = 0; from < cursors.length; from += CURSORS) {
      const some = cursors.slice(from, from + CURSORS)
      await this.#cursor.run(some.flatMap(({ sink, origin, position }) => [sink, origin, position]))
    }
  }

  #insertFor(rows: number): Insert {
    const insert = this.#inserts.find((candidate) => candidate.rows >= rows) ?? this.#inserts.at(-1)
    if (insert === undefined) throw new RangeError('no INSERT was prepared')
    return insert
  }

  #entry(id: string, sequence: number, payload: string): LogEntry {
    const { epoch, base } = this.#stretch.epoch
    return { epoch, sequence, id, payload, position: base + sequence }
  }
}

/** How the log names a sample of an old head: no device has a space in its id. */
export function originOf(deviceId: string, sampleId: string): string {
  return `${deviceId} ${sampleId}`
}

/** Up to `rows` rows of parameters. */
function given(row: string, rows: number): string {
  const values = Array.from({ length: rows }, () => row).join(', ')
  return `SELECT * FROM (VALUES ${values}) WHERE column1 IS NOT NULL`
}
