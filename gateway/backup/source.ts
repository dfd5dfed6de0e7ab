import sqlite3 from 'sqlite3'
import { backupError } from './error.ts'

/** What the package's own types leave out of its backup API (node_modules/sqlite3/src/backup.h). */
interface PageCopy {
  readonly completed: boolean
  readonly failed: boolean
  readonly remaining: number
  readonly pageCount: number
  step(pages: number, done: (error: Error | null, completed?: boolean) => void): void
  finish(done: () => void): void
}

declare module 'sqlite3' {
  interface Database {
    backup(file: string, opened: (error: Error | null) => void): PageCopy
  }
}

// A station that is closing, or a checkpoint that restarts the log, holds its locks for moments only.
const LOCK_WAIT_MS = 5000

/**
 * A database that others write to, as it is at one instant.
 *
 * SQLite's backup begins anew whenever another connection has written between two of its steps; under steady appends
 * one that pauses would never end. This one copies within a read transaction: the write-ahead log keeps the pages of
 * that instant, writers go on, and only the log cannot begin anew until the copy is done.
 */
export class Snapshot {
  readonly file: string
  readonly #connection: sqlite3.Database

  private constructor(file: string, connection: sqlite3.Database) {
    this.file = file
    this.#connection = connection
  }

  /** @throws BackupError */
  static async open(file: string): Promise<Snapshot> {
    // For writing, although nothing is written: SQLite lets only such a connection fold the log at the end, and clear
    // it away where no station runs.
    const connection = await connect(file, sqlite3.OPEN_READWRITE)
    const snapshot = new Snapshot(file, connection)
    try {
      connection.configure('busyTimeout', LOCK_WAIT_MS)
      await snapshot.#exec('BEGIN; SELECT count(*) FROM sqlite_schema')
      return snapshot
    } catch (error) {
      await snapshot.close()
      throw error
    }
  }

  /**
   * Copies into `target`, an empty file or none.
   * @param pages copied at once
   * @param between awaited after each step but the last; what it throws ends the copy
   * @returns pages of the copy @throws BackupError, or what `between` throws; `target` is then worth nothing
   */
  async copyTo(target: string, pages: number, between: (done: PagesDone) => Promise<void>): Promise<number> {
    const copy = await this.#begin(target)
    try {
      for (;;) {
        const beganAt = performance.now()
        const completed = await this.#step(copy, pages)
        if (completed) return copy.pageCount
        const { remaining, pageCount: total } = copy
        await between({ remaining, total, stepMs: performance.now() - beganAt })
      }
    } finally {
      await new Promise<void>((resolve) => copy.finish(resolve))
    }
  }

  /** Lets go of the instant, and folds what the log has gathered, so that no append has to. */
  async close(): Promise<void> {
    try {
      await this.#exec('ROLLBACK').catch(() => {})
      // Passive: waits for nobody and holds up nobody; where it cannot, the station's next checkpoint does it.
      await this.#exec('PRAGMA wal_checkpoint(PASSIVE)').catch(() => {})
    } finally {
      await new Promise<void>((resolve) => this.#connection.close(() => resolve()))
    }
  }

  #begin(target: string): Promise<PageCopy> {
    return new Promise((resolve, reject) => {
      const copy = this.#connection.backup(target, (error) =>
        error === null ? resolve(copy) : reject(backupError(error, target)),
      )
    })
  }

  #step(copy: PageCopy, pages: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      copy.step(pages, (error, completed) => {
        if (error !== null) reject(backupError(error, `${this.file}: not copied`))
        else if (copy.failed) reject(backupError(new Error('SQLite ended the copy'), this.file))
        else resolve(completed === true)
      })
    })
  }

  #exec(sql: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#connection.exec(sql, (error) =>
        error === null ? resolve() : reject(backupError(error, this.file)),
      )
    })
  }
}

/** How far a copy is. */
export interface PagesDone {
  readonly remaining: number
  readonly total: number
  /** What the last step took, ms. */
  readonly stepMs: number
}

/**
 * Makes a copy one file: what was copied says that a write-ahead log belongs to it, and could then not be read from a
 * disk that takes no writes. @throws BackupError
 */
export async function detach(file: string): Promise<void> {
  const connection = await connect(file, sqlite3.OPEN_READWRITE)
  try {
    await new Promise<void>((resolve, reject) => {
      connection.exec('PRAGMA synchronous = FULL; PRAGMA journal_mode = DELETE', (error) =>
        error === null ? resolve() : reject(backupError(error, file)),
      )
    })
  } finally {
    await new Promise<void>((resolve) => connection.close(() => resolve()))
  }
}

function connect(file: string, flags: number): Promise<sqlite3.Database> {
  return new Promise((resolve, reject) => {
    const connection = new sqlite3.Database(file, flags, (error) =>
      error === null ? resolve(connection) : reject(backupError(error, file)),
    )
  })
}
