import type { Database } from '../database.ts'

/** All of the work, or nothing: what it wrote is taken back when it throws. @throws StoreError, or what the work throws */
export async function transaction<T>(database: Database, work: () => Promise<T>): Promise<T> {
  await database.exec('BEGIN IMMEDIATE')
  try {
    const result = await work()
    await database.exec('COMMIT')
    return result
  } catch (error) {
    await database.exec('ROLLBACK').catch(() => {})
    throw error
  }
}
