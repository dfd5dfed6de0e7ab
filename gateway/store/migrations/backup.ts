import { open, rename, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Log } from '../../log.ts'
import { openReader } from '../connections.ts'
import type { Database } from '../database.ts'
import { faultOf, StoreError, storeError } from '../error.ts'
import { readLink } from '../log/chain.ts'
import { schemaOf } from './migrate.ts'

/** Where the copy of a database is kept that had `schema` steps. */
export function backupFile(dir: string, schema: number): string {
  return join(dir, `poincon-schema${schema}.db`)
}

// VACUUM INTO writes no more than the pages in use; some room has to be left for the migration itself.
const ROOM_FOR_MORE = 1.1

/**
 * Copies a database beside itself before its schema is changed, verifies the copy, and only then gives it its name. One
 * that is there from an attempt before is replaced.
 * @returns the copy @throws StoreError `full`, `io`, `corrupt`; the database was not touched then, and no copy is left
 */
export async function backupBeforeMigration(database: Database, schema: number, log: Log): Promise<string> {
  const dir = dirname(database.file)
  const file = backupFile(dir, schema)
  const fresh = `${file}.new`
  try {
    await rm(fresh, { force: true })
    await expectRoom(database.file, dir)
    log.info({ file, schema }, 'the log is copied before its schema changes')
    await database.run('VACUUM INTO ?', [fresh])
    await expectSame(database, fresh, schema)
    await sync(fresh)
    await rename(fresh, file)
    await sync(dir)
    return file
  } catch (error) {
    await removeCopy(fresh)
    throw refusal(storeError(error, fresh), database.file)
  }
}

/** Removes a copy, and what a reader may have left beside it. */
export async function removeCopy(file: string): Promise<void> {
  for (const name of [file, `${file}-wal`, `${file}-shm`, `${file}-journal`]) await rm(name, { force: true })
}

async function expectRoom(file: string, dir: string): Promise<void> {
  const { size } = await stat(file)
  const { bavail, bsize } = await statfs(dir)
  const needed = Math.ceil(size * ROOM_FOR_MORE)
  if (bavail * bsize >= needed) return
  throw new StoreError('full', `${mb(needed)} MB are needed and ${mb(bavail * bsize)} MB are free`)
}

function refusal(error: StoreError, file: string): StoreError {
  const advice =
    faultOf(error) === 'full'
      ? ': free some room; or back it up elsewhere (poincon backup) and set store.migration_backup: false'
      : ''
  return new StoreError(
    error.fault,
    `${file} is not brought to this release's schema, because it could not be copied before: ${error.message}${advice}. ` +
      'Nothing was changed; the release before still starts with it',
    { cause: error },
  )
}

/** The copy is whole, of the same schema, and ends where the original does. */
async function expectSame(database: Database, file: string, schema: number): Promise<void> {
  const copy = await openReader(file)
  try {
    const rows = await copy.all<{ integrity_check: string }>('PRAGMA integrity_check(3)')
    const wrong = rows.map((row) => row.integrity_check).filter((line) => line !== 'ok')
    if (wrong.length > 0) throw new StoreError('corrupt', `${file}: ${wrong.join('; ')}`)
    const [is, was] = [await summaryOf(copy, schema), await summaryOf(database, schema)]
    if (is !== was) throw new StoreError('corrupt', `${file} says ${is}, expected ${was}`)
  } finally {
    await copy.close()
  }
}

async function summaryOf(database: Database, schema: number): Promise<string> {
  const found = await schemaOf(database)
  if (found !== schema) return `schema ${found}`
  const row = await database.get<{ payload: string; position: number }>(
    'SELECT position, payload FROM inspections ORDER BY position DESC LIMIT 1',
  )
  const counts = await database.get<{ inspections: number; raw: number }>(
    'SELECT (SELECT count(*) FROM inspections) AS inspections, (SELECT count(*) FROM raw) AS raw',
  )
  const link = row === undefined ? undefined : readLink(row)
  const tip = typeof link === 'object' ? link.hash : (link ?? 'none')
  return `${counts?.inspections} inspections, ${counts?.raw} raw records, row ${row?.position ?? 0}, ${tip}`
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(1)
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
