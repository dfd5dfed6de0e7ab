import sqlite3 from 'sqlite3'
import { storeError } from './error.ts'

/** What SQLite stores of ours: integers up to 2^53, text, bytes, nothing. */
export type Value = number | string | Uint8Array | null

/** One prepared statement. It runs once at a time; calls beyond that wait in the driver. */
export class Statement {
  readonly #statement: sqlite3.Statement
  readonly #file: string

  constructor(statement: sqlite3.Statement, file: string) {
    this.#statement = statement
    this.#file = file
  }

  /** @throws StoreError */
  run(values: readonly Value[] = []): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#statement.run(values, (error) => (error ? reject(storeError(error, this.#file)) : resolve()))
    })
  }

  /** @throws StoreError */
  all<Row>(values: readonly Value[] = []): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      this.#statement.all<Row>(values, (error, rows) =>
        error ? reject(storeError(error, this.#file)) : resolve(rows),
      )
    })
  }

  finalize(): Promise<void> {
    return new Promise((resolve) => this.#statement.finalize(() => resolve()))
  }
}

/**
 * One connection to one SQLite file. Every call runs on a thread of the pool, never on the event loop. Two calls
 * that are not awaited in turn may run in either order.
 */
export class Database {
  readonly file: string
  readonly #connection: sqlite3.Database
  readonly #statements: Statement[] = []

  private constructor(file: string, connection: sqlite3.Database) {
    this.file = file
    this.#connection = connection
  }

  /** Opens `file`, creating it unless `mode` is `read`. @throws StoreError */
  static open(file: string, mode: 'read' | 'write'): Promise<Database> {
    const flags = mode === 'read' ? sqlite3.OPEN_READONLY : sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE
    return new Promise((resolve, reject) => {
      const connection = new sqlite3.Database(file, flags, (error) =>
        error ? reject(storeError(error, file)) : resolve(new Database(file, connection)),
      )
    })
  }

  /** How long a call waits for another process' lock, ms. */
  waitForLocks(ms: number): void {
    this.#connection.configure('busyTimeout', ms)
  }

  /** Runs SQL without parameters, several statements at will. @throws StoreError */
  exec(sql: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#connection.exec(sql, (error) => (error ? reject(storeError(error, this.file)) : resolve()))
    })
  }

  /** @throws StoreError */
  run(sql: string, values: readonly Value[] = []): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#connection.run(sql, values, (error: Error | null) =>
        error ? reject(storeError(error, this.file)) : resolve(),
      )
    })
  }

  /** The rows, typed as the statement's columns by the caller. @throws StoreError */
  all<Row>(sql: string, values: readonly Value[] = []): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      this.#connection.all<Row>(sql, values, (error, rows) =>
        error ? reject(storeError(error, this.file)) : resolve(rows),
      )
    })
  }

  /** The first row. @throws StoreError */
  async get<Row>(sql: string, values: readonly Value[] = []): Promise<Row | undefined> {
    const [row] = await this.all<Row>(sql, values)
    return row
  }

  /** Compiles `sql` once; the statement lives as long as the connection. @throws StoreError */
  prepare(sql: string): Promise<Statement> {
    return new Promise((resolve, reject) => {
      const statement = this.#connection.prepare(sql, (error: Error | null) => {
        if (error) {
          reject(storeError(error, this.file))
          return
        }
        const prepared = new Statement(statement, this.file)
        this.#statements.push(prepared)
        resolve(prepared)
      })
    })
  }

  /** Ends the statement that runs now with an error. */
  interrupt(): void {
    this.#connection.interrupt()
  }

  /** Finalizes the statements and closes. @throws StoreError */
  async close(): Promise<void> {
    for (const statement of this.#statements.splice(0)) await statement.finalize()
    await new Promise<void>((resolve, reject) => {
      this.#connection.close((error) => (error ? reject(storeError(error, this.file)) : resolve()))
    })
  }
}
