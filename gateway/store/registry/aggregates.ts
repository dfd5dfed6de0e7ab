import type { Database, Value } from '../database.ts'
import type { Writer } from '../writer.ts'
import { canonicalOrInvalid } from './recipes.ts'

export type AggregatePeriod = 'hour' | 'day'

/** What one row of sums is about. */
export interface AggregateKey {
  readonly period: AggregatePeriod
  /** RFC 3339, UTC: the beginning of the hour or day. */
  readonly startsAt: string
  readonly station: string
  readonly recipe: string
  readonly revision: number
  readonly lot: string
}

export interface StoredAggregate extends AggregateKey {
  readonly parts: number
  /** JSON: the caller parses. */
  readonly value: unknown
}

export interface AggregateQuery {
  readonly period: AggregatePeriod
  /** RFC 3339, UTC: rows that begin at `from` or later and before `to`. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly station?: string | undefined
  readonly recipe?: string | undefined
  readonly lot?: string | undefined
  /** Only rows behind this one. */
  readonly after?: AggregateKey | undefined
  /** Rows at most, oldest first. */
  readonly limit: number
}

/** The sums that are shown, or those that are counted anew to take their place. */
export type AggregateRoom = 'aggregates' | 'aggregate_scratch'

/** Up to where an epoch is counted. */
export interface Counted {
  readonly epoch: string
  readonly sequence: number
}

interface Row {
  readonly period: AggregatePeriod
  readonly starts_at: string
  readonly station: string
  readonly recipe: string
  readonly revision: number
  readonly lot: string
  readonly parts: number
  readonly value: string
}

const KEY = 'period = ? AND starts_at = ? AND station = ? AND recipe = ? AND revision = ? AND lot = ?'
const COLUMNS = 'period, starts_at, station, recipe, revision, lot, parts, value'
/** The order of all rows of a period. */
const ORDER = 'starts_at, station, recipe, revision, lot'
const ROWS_AT_ONCE = 32

/** Oldest first. @throws StoreError */
export async function findAggregates(reader: Database, query: AggregateQuery): Promise<StoredAggregate[]> {
  const { period, from, to, station, recipe, lot, after, limit } = query
  const conditions: [string, string | undefined][] = [
    ['period = ?', period],
    ['starts_at >= ?', from],
    ['starts_at < ?', to],
    ['station = ?', station],
    ['recipe = ?', recipe],
    ['lot = ?', lot],
  ]
  const given = conditions.filter((condition) => condition[1] !== undefined)
  const texts = given.map(([text]) => text)
  const values: Value[] = given.map(([, value]) => value ?? '')
  if (after !== undefined) {
    texts.push(`(${ORDER}) > (?, ?, ?, ?, ?)`)
    values.push(...keyValues(after).slice(1))
  }
  const rows = await reader.all<Row>(
    `SELECT ${COLUMNS} FROM aggregates WHERE ${texts.join(' AND ')} ORDER BY ${ORDER} LIMIT ?`,
    [...values, limit],
  )
  return rows.map(stored)
}

/** Sums by hour and day, and up to where the log is counted in them: both move in one transaction. */
export class AggregateTable {
  readonly #writer: Writer
  readonly #reader: Database

  constructor(writer: Writer, reader: Database) {
    this.#writer = writer
    this.#reader = reader
  }

  /** Sequence of the epoch's last inspection that is counted; 0 for none. @throws StoreError */
  async counted(epoch: string): Promise<number> {
    const row = await this.#reader.get<{ sequence: number }>(
      'SELECT sequence FROM aggregated WHERE epoch = ?',
      [epoch],
    )
    return row?.sequence ?? 0
  }

  /** @throws StoreError */
  async get(key: AggregateKey, room: AggregateRoom = 'aggregates'): Promise<StoredAggregate | undefined> {
    const row = await this.#reader.get<Row>(`SELECT ${COLUMNS} FROM ${room} WHERE ${KEY}`, keyValues(key))
    return row === undefined ? undefined : stored(row)
  }

  /** Oldest first. @throws StoreError */
  find(query: AggregateQuery): Promise<StoredAggregate[]> {
    return findAggregates(this.#reader, query)
  }

  /** Writes the rows in place of theirs; with `counted` the cursor moves too, or nothing does. @throws StoreError */
  save(
    rows: readonly StoredAggregate[],
    counted: Counted | undefined,
    room: AggregateRoom = 'aggregates',
  ): Promise<void> {
    return this.#writer.transaction(async () => {
      const { database } = this.#writer
      for (const row of rows) {
        await database.run(`INSERT OR REPLACE INTO ${room} (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, [
          ...keyValues(row),
          row.parts,
          canonicalOrInvalid(row.value, `the sums of ${row.startsAt}`),
        ])
      }
      if (counted === undefined) return
      await database.run(
        `INSERT INTO aggregated (epoch, sequence) VALUES (?, ?)
         ON CONFLICT (epoch) DO UPDATE SET sequence = max(sequence, excluded.sequence)`,
        [counted.epoch, counted.sequence],
      )
    })
  }

  /** Forgets what was counted anew and did not take anything's place. @throws StoreError */
  clearScratch(): Promise<void> {
    return this.#writer.transaction(() => this.#writer.database.run('DELETE FROM aggregate_scratch'))
  }

  /**
   * Puts what was counted anew in its place, some rows at a time. A row that counts fewer parts than the one it would
   * replace is of inspections that are gone in part: what was counted while they were there stays.
   * @returns rows that were replaced, and kept @throws StoreError
   */
  async adoptScratch(): Promise<{ readonly replaced: number; readonly kept: number }> {
    let [replaced, kept] = [0, 0]
    for (;;) {
      const rows = await this.#reader.all<Row>(`SELECT ${COLUMNS} FROM aggregate_scratch LIMIT ?`, [
        ROWS_AT_ONCE,
      ])
      if (rows.length === 0) return { replaced, kept }
      await this.#writer.transaction(async () => {
        const { database } = this.#writer
        for (const row of rows) {
          const key = keyValues(stored(row))
          const old = await database.get<{ parts: number }>(`SELECT parts FROM aggregates WHERE ${KEY}`, key)
          if (old !== undefined && old.parts > row.parts) kept += 1
          else {
            replaced += 1
            await database.run(
              `INSERT OR REPLACE INTO aggregates (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
              [...key, row.parts, row.value],
            )
          }
          await database.run(`DELETE FROM aggregate_scratch WHERE ${KEY}`, key)
        }
      })
    }
  }
}

function keyValues({ period, startsAt, station, recipe, revision, lot }: AggregateKey): Value[] {
  return [period, startsAt, station, recipe, revision, lot]
}

function stored({ starts_at: startsAt, value, ...row }: Row): StoredAggregate {
  return { ...row, startsAt, value: JSON.parse(value) }
}
