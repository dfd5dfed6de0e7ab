import sqlite3 from 'sqlite3'

export type Value = string | number | null

/** What a statement may be asked; the same inside a transaction and outside. */
export interface Queries {
  /** @returns how many rows it changed */
  run(sql: string, values?: readonly Value[]): Promise<number>
  /** The rows, typed as the statement's columns by the caller. */
  all<Row>(sql: string, values?: readonly Value[]): Promise<Row[]>
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS devices (
  device_id TEXT PRIMARY KEY,
  serial TEXT,
  station TEXT,
  state TEXT NOT NULL CHECK (state IN ('expected', 'enrolled', 'revoked', 'replaced')),
  replaced_by TEXT,
  version TEXT,
  created_ms INTEGER NOT NULL,
  last_seen_ms INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS tokens (
  token_id TEXT PRIMARY KEY,
  hash TEXT UNIQUE,
  device_id TEXT NOT NULL REFERENCES devices (device_id),
  serial TEXT,
  replaces TEXT REFERENCES devices (device_id),
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  used_ms INTEGER,
  key_hash TEXT,
  certificate TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS certificates (
  serial TEXT PRIMARY KEY,
  device_id TEXT NOT NULL REFERENCES devices (device_id),
  not_before_ms INTEGER NOT NULL,
  not_after_ms INTEGER NOT NULL,
  pem TEXT NOT NULL,
  revoked_ms INTEGER,
  reason INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS certificates_of_device ON certificates (device_id);
CREATE INDEX IF NOT EXISTS certificates_revoked ON certificates (revoked_ms) WHERE revoked_ms IS NOT NULL;
CREATE TABLE IF NOT EXISTS deposits (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  device_id TEXT NOT NULL REFERENCES devices (device_id),
  station TEXT NOT NULL,
  digest TEXT NOT NULL,
  made_ms INTEGER NOT NULL,
  document TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS deposits_of_device ON deposits (device_id, number);
CREATE TABLE IF NOT EXISTS wipe_orders (
  order_id TEXT PRIMARY KEY,
  device_id TEXT NOT NULL REFERENCES devices (device_id),
  data INTEGER NOT NULL,
  ordered_ms INTEGER NOT NULL,
  told_ms INTEGER,
  state TEXT CHECK (state IN ('waits', 'done', 'failed')),
  detail TEXT,
  reported_ms INTEGER,
  cancelled_ms INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS wipe_orders_of_device ON wipe_orders (device_id);
CREATE TABLE IF NOT EXISTS lists (number INTEGER PRIMARY KEY AUTOINCREMENT, made_ms INTEGER NOT NULL) STRICT;
`

const LOCK_PATIENCE_MS = 10_000

/** The fleet's SQLite file; the server and the commands beside it may have it open at once. */
export class InventoryDatabase implements Queries {
  readonly #connection: sqlite3.Database
  #last: Promise<unknown> = Promise.resolve()

  private constructor(connection: sqlite3.Database) {
    this.#connection = connection
  }

  /** Opens `file`, or makes it. @throws Error */
  static async open(file: string): Promise<InventoryDatabase> {
    const connection = await new Promise<sqlite3.Database>((resolve, reject) => {
      const opened = new sqlite3.Database(file, (error) => (error ? reject(error) : resolve(opened)))
    })
    connection.configure('busyTimeout', LOCK_PATIENCE_MS)
    const database = new InventoryDatabase(connection)
    for (const line of [
      'PRAGMA journal_mode = WAL',
      'PRAGMA synchronous = FULL',
      'PRAGMA foreign_keys = ON',
      SCHEMA,
    ]) {
      await database.#exec(line)
    }
    return database
  }

  run(sql: string, values: readonly Value[] = []): Promise<number> {
    return this.#inTurn(() => this.#queries.run(sql, values))
  }

  all<Row>(sql: string, values: readonly Value[] = []): Promise<Row[]> {
    return this.#inTurn(() => this.#queries.all<Row>(sql, values))
  }

  /** All of `work` or nothing; other processes wait from its first statement on. @throws what `work` throws */
  transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      await this.#exec('BEGIN IMMEDIATE')
      try {
        const result = await work(this.#queries)
        await this.#exec('COMMIT')
        return result
      } catch (error) {
        await this.#exec('ROLLBACK')
        throw error
      }
    })
  }

  async close(): Promise<void> {
    await this.#last
    await new Promise<void>((resolve, reject) => {
      this.#connection.close((error) => (error ? reject(error) : resolve()))
    })
  }

  /** One connection has one transaction: what comes meanwhile would fall into it. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work)
    this.#last = next.catch(() => {})
    return next
  }

  readonly #queries: Queries = {
    run: (sql, values = []) =>
      new Promise((resolve, reject) => {
        this.#connection.run(sql, [...values], function done(this: sqlite3.RunResult, error: Error | null) {
          if (error) reject(error)
          else resolve(this.changes)
        })
      }),
    all: <Row>(sql: string, values: readonly Value[] = []) =>
      new Promise<Row[]>((resolve, reject) => {
        this.#connection.all<Row>(sql, [...values], (error, rows) => (error ? reject(error) : resolve(rows)))
      }),
  }

  #exec(sql: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#connection.exec(sql, (error) => (error ? reject(error) : resolve()))
    })
  }
}
