import { statSync } from 'node:fs'
import type { Database, Statement } from './database.ts'
import { StoreError, storeError } from './error.ts'

/** The one connection that writes. Transactions run one after the other, in the order asked for. */
export class Writer {
  readonly database: Database
  readonly #begin: Statement
  readonly #commit: Statement
  readonly #rollback: Statement
  /** The files that are open, by name. */
  readonly #files: readonly (readonly [name: string, inode: number | undefined])[]
  #last: Promise<unknown> = Promise.resolve()

  private constructor(database: Database, begin: Statement, commit: Statement, rollback: Statement) {
    this.database = database
    this.#begin = begin
    this.#commit = commit
    this.#rollback = rollback
    this.#files = [database.file, `${database.file}-wal`].map((name) => [name, inodeOf(name)])
  }

  /** The writer takes the connection over: nobody else may use it. */
  static async over(database: Database): Promise<Writer> {
    const begin = await database.prepare('BEGIN IMMEDIATE')
    const commit = await database.prepare('COMMIT')
    const rollback = await database.prepare('ROLLBACK')
    return new Writer(database, begin, commit, rollback)
  }

  /**
   * Runs `work` in a transaction of its own. When the promise resolves, what it wrote is on disk; when it rejects,
   * nothing of it is in the database.
   * @throws StoreError, or what `work` throws
   */
  transaction<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(() => this.#run(work))
    this.#last = done.catch(() => {})
    return done
  }

  /** Waits for what was asked for, then closes. */
  async close(): Promise<void> {
    await this.#last
    await this.database.close()
  }

  async #run<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#expectFiles()
    await this.#begin.run()
    try {
      const result = await work()
      await this.#commit.run()
      this.#expectFiles()
      return result
    } catch (error) {
      // A full disk or an I/O error may have ended the transaction already; the first error is the one to tell.
      await this.#rollback.run().catch(() => {})
      throw storeError(error, this.database.file)
    }
  }

  /** A file that was deleted goes on taking what is written to it, and takes it along. @throws StoreError `io` */
  #expectFiles(): void {
    for (const [name, inode] of this.#files) {
      if (inodeOf(name) === inode) continue
      throw new StoreError('io', `${name} was deleted or replaced while it was open: what is written is lost`)
    }
  }
}

function inodeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.ino
}
