import { readFile } from 'node:fs/promises'
import pg from 'pg'
import type { Admitted, Refused } from './admission.ts'
import { StoreAwayError } from './error.ts'
import { type Flavour, keepFor, migrate } from './migrate.ts'
import type { IngestOptions } from './options.ts'
import { contradictions, inOrder, insertInspections, insertLedger, noteProgress, setAside } from './rows.ts'

/** What became of one batch. */
export interface Written {
  /** New rows. */
  readonly taken: readonly Admitted[]
  /** There already: delivered more than once. */
  readonly repeats: number
  /** Set aside, those that came refused and those that the database showed to be wrong. */
  readonly refused: readonly Refused[]
}

/** Where the reason that a row cannot be written lies in the row: class 22 (data), 23 (constraints), 54 (limits). */
const DATA_FAULT = /^(2[23]|54)/
const FAST_COMPRESSION = `SELECT set_config(name, 'lz4', false) FROM pg_settings
  WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)`
/** Two batches of the worker, its confirmations, and the retention. */
const CONNECTIONS = 4
/** Two transactions in each other's way; once more is enough. */
const AGAIN = new Set(['40001', '40P01'])

/** The final store, as one worker sees it. Every call is one transaction; nothing is remembered between two. */
export class FinalStore {
  readonly #pool: pg.Pool
  /** Months that have their partition. */
  readonly #months = new Set<string>()
  #flavour: Flavour = 'plain'

  constructor(pool: pg.Pool) {
    this.#pool = pool
    // A connection that breaks, idle or between two statements, is said by the next call that cannot do its work.
    pool.on('error', () => {})
    pool.on('connect', (client) => {
      client.on('error', () => {})
      // Half the work of a row is its compression: where PostgreSQL has the faster one (14 and later, as built), take it.
      client.query(FAST_COMPRESSION).catch(() => {})
    })
  }

  static async connect(options: IngestOptions['database']): Promise<FinalStore> {
    const { host, port, name, user, password_file, tls, ca_file } = options
    const password = password_file === undefined ? undefined : await readFile(password_file, 'utf8')
    const ca = ca_file === undefined ? undefined : await readFile(ca_file, 'utf8')
    return new FinalStore(
      new pg.Pool({
        ...{ host, port, user, database: name, max: CONNECTIONS, connectionTimeoutMillis: 10_000 },
        ...{ application_name: 'poincon-ingest', options: '-c timezone=UTC', statement_timeout: 120_000 },
        ...(password === undefined ? {} : { password: password.replace(/\r?\n$/, '') }),
        ...(tls ? { ssl: ca === undefined ? true : { ca } } : {}),
      }),
    )
  }

  /** Brings the schema up to date. @throws StoreUnfitError, StoreAwayError */
  async open(): Promise<{ readonly steps: number; readonly flavour: Flavour }> {
    const opened = await this.#with((client) => migrate(client))
    this.#flavour = opened.flavour
    return opened
  }

  /**
   * Writes a batch; resolves behind COMMIT. A row that the database will not take is set aside, and holds up no other.
   * @throws StoreAwayError nothing of it is written, or all of it: to write it again does no harm
   */
  async write(batch: readonly Admitted[], refused: readonly Refused[]): Promise<Written> {
    try {
      return await this.#write(batch, refused)
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error
      if (AGAIN.has(error.code ?? '')) return await this.#write(batch, refused)
      if (!DATA_FAULT.test(error.code ?? '') || batch.length === 0) throw away(error)
      if (batch.length > 1) return await this.#writeHalves(batch, refused)
      const [one] = batch
      const detail = `${error.code}: ${error.message}`
      return await this.#write(
        [],
        [...refused, ...(one === undefined ? [] : [refusal(one, 'database', detail)])],
      )
    }
  }

  /** Runs questions on one connection. @throws StoreAwayError, or what the database says of them */
  ask<T>(question: (client: pg.ClientBase) => Promise<T>): Promise<T> {
    return this.#with(question)
  }

  /** Lets inspections older than this go. @returns the partitions that went */
  keepFor(days: number): Promise<readonly string[]> {
    return this.#with((client) => keepFor(client, this.#flavour, days))
  }

  async close(): Promise<void> {
    await this.#pool.end()
  }

  async #write(batch: readonly Admitted[], refused: readonly Refused[]): Promise<Written> {
    await this.#makeRoom(batch)
    const sorted = inOrder(batch)
    return await this.#transaction(async (client) => {
      const taken = sorted.length === 0 ? [] : await insertLedger(client, sorted)
      await insertInspections(client, taken)
      const isTaken = new Set(taken)
      const others = sorted.filter((one) => !isTaken.has(one))
      const foreign = await contradictions(client, others)
      await noteProgress(client, sorted, taken)
      const contradicting = [...foreign].map(([one, held]) =>
        refusal(one, 'foreign_history', parted(one, held)),
      )
      await noteConflicts(client, foreign)
      const aside = [...refused, ...contradicting]
      await setAside(client, aside)
      return { taken, repeats: others.length - foreign.size, refused: aside }
    })
  }

  /** One bad row among many: the others go in, in as few transactions as it takes to find it. */
  async #writeHalves(batch: readonly Admitted[], refused: readonly Refused[]): Promise<Written> {
    const half = batch.length >> 1
    const first = await this.write(batch.slice(0, half), refused)
    const second = await this.write(batch.slice(half), [])
    return {
      taken: [...first.taken, ...second.taken],
      repeats: first.repeats + second.repeats,
      refused: [...first.refused, ...second.refused],
    }
  }

  /** Partitions for the months of a batch: outside its transaction, because making one locks the table. */
  async #makeRoom(batch: readonly Admitted[]): Promise<void> {
    if (this.#flavour === 'timescale') return
    const months = new Set(batch.map(({ message }) => message.timestamp.slice(0, 7)))
    for (const month of months) {
      if (this.#months.has(month)) continue
      // What cannot be a date is not a month either; its row says so itself.
      if (/^(19|20)\d\d-/.test(month)) {
        await this.#with((client) => client.query('SELECT poincon.part_of($1)', [`${month}-01`]))
      }
      if (this.#months.size < 1000) this.#months.add(month)
    }
  }

  #transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    return this.#with(async (client) => {
      await client.query('BEGIN')
      try {
        const result = await work(client)
        await client.query('COMMIT')
        return result
      } catch (error) {
        await client.query('ROLLBACK').catch(() => {})
        throw error
      }
    })
  }

  async #with<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    let client: pg.PoolClient
    try {
      client = await this.#pool.connect()
    } catch (error) {
      throw away(error)
    }
    let broken = false
    try {
      return await work(client)
    } catch (error) {
      broken = !(error instanceof pg.DatabaseError) || /^(08|57)/.test(error.code ?? '')
      throw broken ? away(error) : error
    } finally {
      client.release(broken)
    }
  }
}

function away(error: unknown): Error {
  if (error instanceof Error && error.name === 'StoreUnfitError') return error
  const text = error instanceof Error ? error.message || error.name : String(error)
  return new StoreAwayError(`database: ${text}`, { cause: error })
}

function refusal(
  { message, payload }: Admitted,
  reason: 'database' | 'foreign_history',
  detail: string,
): Refused {
  const { site, line, station } = message
  return {
    topic: `poincon/${site}/${line}/${station}/inspection`,
    payload: Buffer.from(payload),
    reason,
    detail,
  }
}

function parted({ message }: Admitted, held: string): string {
  const { device_id, epoch, sequence, hash } = message
  const known = held === '' ? 'its id stands at another place' : `the store holds ${held}`
  return `${device_id} ${epoch} ${sequence}: it says ${hash}, ${known}: two devices, or a log that was put back`
}

async function noteConflicts(client: pg.ClientBase, foreign: ReadonlyMap<Admitted, string>): Promise<void> {
  for (const [{ message }, held] of foreign) {
    await client.query(
      `UPDATE poincon.progress SET moved_at = clock_timestamp(), conflict = jsonb_build_object(
         'sequence', $3::bigint, 'held', $4::text, 'came', $5::text, 'at', to_jsonb(now()))
       WHERE device_id = $1 AND epoch = $2`,
      [
        ...[message.device_id, message.epoch, message.sequence],
        ...[held === '' ? '0'.repeat(64) : held, message.hash],
      ],
    )
  }
}
