import { chmod, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock } from '../../drivers/clock.ts'
import { Database } from './database.ts'
import { faultOf, StoreError } from './error.ts'
import { expectWholeLog } from './wal.ts'

/** Of a new database; one that is there keeps its own. Why so small: README.md, "Pragmas". */
export const PAGE_BYTES = 1024
/** What the write-ahead log may reach before it is folded into the database. */
const CHECKPOINT_BYTES = 4 * 1024 * 1024
const LOCK_WAIT_MS = 5000

// Each is justified in README.md. `synchronous` is a property of the connection, not of the file: a WAL database
// that is opened again has SQLite's compiled default until it is told.
const WRITER_PRAGMAS = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA fullfsync = ON;
  PRAGMA checkpoint_fullfsync = ON;
  PRAGMA journal_size_limit = 67108864;
  PRAGMA cache_size = -8000;
  PRAGMA temp_store = MEMORY;
  PRAGMA cell_size_check = ON;
  PRAGMA trusted_schema = OFF;
`

const READER_PRAGMAS = `
  PRAGMA query_only = ON;
  PRAGMA cache_size = -4000;
  PRAGMA temp_store = MEMORY;
  PRAGMA cell_size_check = ON;
  PRAGMA trusted_schema = OFF;
`

/**
 * The connection that writes, creating the database when there is none.
 * @param maxBytes size that the database file may reach; a file that is larger already does not grow
 * @throws StoreError
 */
export async function openWriter(file: string, maxBytes?: number): Promise<Database> {
  await expectWholeLog(file, PAGE_BYTES)
  const database = await Database.open(file, 'write')
  try {
    await shareWithGroup(file)
    database.waitForLocks(LOCK_WAIT_MS)
    const size = await database.get<{ page_count: number }>('PRAGMA page_count')
    // Can only be chosen before the first page is written; set later they cost a write at every open, or do nothing.
    if (size?.page_count === 0) {
      await database.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL`)
    }
    await database.exec(WRITER_PRAGMAS)
    const pageBytes = await pageBytesOf(database)
    await database.exec(`PRAGMA wal_autocheckpoint = ${Math.floor(CHECKPOINT_BYTES / pageBytes)}`)
    if (maxBytes !== undefined) {
      await database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / pageBytes))}`)
    }
    await expectDurable(database)
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}

async function pageBytesOf(database: Database): Promise<number> {
  const row = await database.get<{ page_size: number }>('PRAGMA page_size')
  return row?.page_size ?? PAGE_BYTES
}

/** A connection that reads. The database must exist. @throws StoreError */
export async function openReader(file: string): Promise<Database> {
  const database = await Database.open(file, 'read')
  try {
    database.waitForLocks(LOCK_WAIT_MS)
    await database.exec(READER_PRAGMAS)
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}

/** A pragma that is not obeyed is silent: ask. WAL is refused where shared memory is not to be had. */
async function expectDurable(database: Database): Promise<void> {
  const mode = await database.get<{ journal_mode: string }>('PRAGMA journal_mode')
  const sync = await database.get<{ synchronous: number }>('PRAGMA synchronous')
  if (mode?.journal_mode !== 'wal' || sync?.synchronous !== 2) {
    throw new StoreError(
      'failed',
      `${database.file}: SQLite gives journal_mode ${mode?.journal_mode} and synchronous ${sync?.synchronous}, ` +
        'not wal and 2 (FULL): the data directory must be on a local file system',
    )
  }
}

/**
 * Looks through the database for pages that contradict each other, for at most `limitMs`: a large one is not read to
 * its end, because a station that was cut off has to start again soon.
 * @returns whether it was read to the end
 * @throws StoreError `corrupt`
 */
export async function quickCheck(database: Database, clock: Clock, limitMs: number): Promise<boolean> {
  let late = false
  const cancel = clock.after(limitMs, () => {
    late = true
    database.interrupt()
  })
  try {
    const rows = await database.all<{ quick_check: string }>('PRAGMA quick_check(3)')
    const found = rows.map((row) => row.quick_check).filter((line) => line !== 'ok')
    if (found.length > 0)
      throw new StoreError('corrupt', `${database.file}: ${found.join('; ').replaceAll('\n', ' ')}`)
    return true
  } catch (error) {
    if (late && faultOf(error) !== 'corrupt') return false
    throw error
  } finally {
    cancel()
  }
}

/**
 * Where the folder is its group's, the database is, too. SQLite makes `-wal` and `-shm` like the database: left by an
 * updater that read a station that stood, they would else keep the station itself from writing.
 */
async function shareWithGroup(file: string): Promise<void> {
  const folder = await stat(dirname(file))
  const { mode } = await stat(file)
  if ((folder.mode & 0o020) !== 0 && (mode & 0o060) !== 0o060) await chmod(file, mode | 0o060).catch(() => {})
}
