import type { Database } from '../database.ts'

/** The next part whose clock was disciplined: its time stamp speaks for all before it. */
interface Witness {
  readonly position: number
  /** RFC 3339. */
  readonly at: string
}

// Rows that one statement looks through: some tens of milliseconds on a Pi, and then others have their turn.
const ROWS_AT_ONCE = 1024

/**
 * Tells parts by their age. A station without a battery clock stamps its first parts with whatever time it was left with
 * (`holdover`): those come before the next one that was stamped by a disciplined clock, and are at least as old.
 */
export class Ages {
  readonly #database: Database
  /** What was found last, and from where on it was looked for: a log of nothing but `holdover` is read once. */
  #looked: { readonly from: number; readonly next: number; readonly found?: Witness } = { from: 0, next: 0 }

  constructor(database: Database) {
    this.#database = database
  }

  /**
   * The newest position from `first` on, of at most `rows`, whose part came before `beforeMs`; 0 for none. Parts that
   * claim to be younger than one behind them had a clock that was wrong. @throws StoreError
   */
  async olderThan(first: number, rows: number, beforeMs: number): Promise<number> {
    const before = new Date(beforeMs).toISOString()
    const stretch = await this.#database.get<{ last: number | null; disciplined: number }>(
      `SELECT max(CASE WHEN at < ?3 THEN position END) AS last, count(*) AS disciplined FROM
         (SELECT position, json_extract(payload, '$.timestamp') AS at FROM inspections
          WHERE position >= ?1 AND position < ?2 AND json_extract(payload, '$.clock') = 'synchronised')`,
      [first, first + rows, before],
    )
    if (stretch !== undefined && stretch.disciplined > 0) return stretch.last ?? 0
    const witness = await this.#nextDisciplined(first + rows)
    return witness !== undefined && witness.at < before ? first + rows - 1 : 0
  }

  async #nextDisciplined(first: number): Promise<Witness | undefined> {
    const { from, next, found } = this.#looked
    const known = first >= from && first <= (found?.position ?? next)
    if (known && found !== undefined) return found
    const start = known ? next : first
    for (let at = start; ; at += ROWS_AT_ONCE) {
      const row = await this.#database.get<{
        end: number | null
        position: number | null
        at: string | null
      }>(
        `SELECT (SELECT max(position) FROM inspections) AS end, position, at FROM (SELECT 1)
         LEFT JOIN (SELECT position, json_extract(payload, '$.timestamp') AS at FROM inspections
          WHERE position >= ? AND position < ? AND json_extract(payload, '$.clock') = 'synchronised'
          ORDER BY position LIMIT 1) ON true`,
        [at, at + ROWS_AT_ONCE],
      )
      const end = row?.end ?? 0
      const kept = { from: known ? from : first, next: Math.min(at + ROWS_AT_ONCE, Math.max(at, end + 1)) }
      if (row?.position != null && row.at != null) {
        this.#looked = { ...kept, found: { position: row.position, at: row.at } }
        return this.#looked.found
      }
      this.#looked = kept
      if (kept.next > end) return undefined
    }
  }
}
