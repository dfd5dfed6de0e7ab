import { join } from 'node:path'
import type { OutboxEntry } from '../../gateway/outbox.ts'
import { Database } from '../../gateway/store/database.ts'

interface Row {
  readonly position: number
  readonly id: string
  readonly payload: string
  /** Epoch, and rows before it. */
  readonly epoch: string
  readonly base: number
}

/** What each run of the process left in a store, oldest first. */
export interface StoredRun {
  readonly run: number
  /** Inspections that answer a trigger of this run. */
  readonly recorded: number
}

async function reading<T>(dir: string, read: (database: Database) => Promise<T>): Promise<T> {
  const database = await Database.open(join(dir, 'poincon.db'), 'read')
  try {
    return await read(database)
  } finally {
    await database.close()
  }
}

/** Every inspection in the store of a directory, in order, read past the gateway. Nothing is changed, not even by recovery. */
export function storedIn(dir: string): Promise<readonly OutboxEntry[]> {
  return reading(dir, async (database) => {
    const rows = await database.all<Row>(
      `SELECT position, id, payload, epoch, base FROM inspections
       JOIN epochs ON base = (SELECT max(base) FROM epochs WHERE base < position) ORDER BY position`,
    )
    return rows.map(({ position, id, payload, epoch, base }) => ({
      epoch,
      sequence: position - base,
      id,
      payload,
    }))
  })
}

/** How many inspections each run of the process left. */
export function runsIn(dir: string): Promise<readonly StoredRun[]> {
  return reading(dir, (database) =>
    database.all<StoredRun>('SELECT run, count(*) AS recorded FROM inspections GROUP BY run ORDER BY run'),
  )
}

/** Does what a person with a database tool would: makes the newest part a better one. */
export async function changeNewestRow(dir: string): Promise<void> {
  const database = await Database.open(join(dir, 'poincon.db'), 'write')
  await database.run(
    `UPDATE inspections SET payload = json_set(payload, '$.verdict.score', 1)
     WHERE position = (SELECT max(position) FROM inspections)`,
  )
  await database.close()
}
