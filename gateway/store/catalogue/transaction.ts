import type { Database } from '../database.ts'

/** Connections on which one is open. A connection is used by one work at a time. */
const open = new WeakSet<Database>()

/**
 * All of the work, or nothing: what it wrote is taken back when it throws. Within another one of the same connection it is a
 * part of that.
 * @throws StoreError, or what the work throws
 */
export async function transaction<T>(database: Database, work: () => Promise<T>): Promise<T> {
  if (open.has(database)) return await within(database, work)
  await database.exec('BEGIN IMMEDIATE')
  open.add(database)
  try {
    const result = await work()
    await database.exec('COMMIT')
    return result
  } catch (error) {
    await database.exec('ROLLBACK').catch(() => {})
    throw error
  } finally {
    open.delete(database)
  }
}

/** SQLite keeps savepoints of one name as a stack: the innermost is meant. */
async function within<T>(database: Database, work: () => Promise<T>): Promise<T> {
  await database.exec('SAVEPOINT part')
  try {
    const result = await work()
    await database.exec('RELEASE part')
    return result
  } catch (error) {
    await database.exec('ROLLBACK TO part').catch(() => {})
    await database.exec('RELEASE part').catch(() => {})
    throw error
  }
}
