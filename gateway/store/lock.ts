import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Database } from './database.ts'
import { faultOf, StoreError } from './error.ts'

/**
 * Takes the directory for this process, creating it when it is not there. The lock is one of SQLite's on an empty
 * file beside the database: the kernel lets go of it when the process dies, however it dies.
 * @returns what to close to let go
 * @throws StoreError `locked` when another process holds it, `not-writable` when it cannot be used
 */
export async function lockDirectory(dir: string): Promise<Database> {
  const file = join(dir, 'lock')
  let lock: Database | undefined
  try {
    await mkdir(dir, { recursive: true })
    lock = await Database.open(file, 'write')
    // Whoever holds it holds it for hours: waiting helps nobody.
    lock.waitForLocks(0)
    await lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (error) {
    await lock?.close()
    const fault = faultOf(error)
    if (fault === 'locked') {
      throw new StoreError('locked', `${dir} is in use by another process (fuser ${file} names it)`, {
        cause: error,
      })
    }
    const cause = error instanceof Error ? error.message : String(error)
    throw new StoreError(
      fault,
      `the data directory ${dir} cannot be used: ${cause}: give it to the user this runs as, or set data_dir`,
      { cause: error },
    )
  }
}
