import { openReader } from '../store/connections.ts'
import type { Database } from '../store/database.ts'
import { GENESIS, readLink } from '../store/log/chain.ts'
import { type Epoch, readEpochs } from '../store/log/epochs.ts'
import { History } from '../store/log/history.ts'
import { MIGRATIONS } from '../store/migrations/migrate.ts'
import { BackupError, backupError } from './error.ts'
import { verifyStretch, type WalkOptions } from './walk.ts'

/** What a database of a station holds. */
export interface Examined {
  readonly schemaVersion: number
  /** Whose log it is: of the newest epoch. */
  readonly deviceId: string
  /** Of the newest inspection; the newest epoch where there is none. */
  readonly epoch: string
  /** Of the newest inspection; 0 for none. */
  readonly sequence: number
  /** The newest link of the chain. */
  readonly hash: string
  readonly inspections: number
  readonly rawRecords: number
  /** Inspections whose chain and raw records were verified. */
  readonly verified: number
  /** Where each epoch of the log ends, oldest first: tells whether another log goes on from this one. */
  readonly ends: readonly EpochEnd[]
}

/** How far one epoch of a log goes; epochs without inspections are left out. */
export interface EpochEnd {
  readonly epoch: string
  readonly sequence: number
}

/**
 * Looks a database through that nobody writes to: its pages, its indexes, its schema, and the chain of its newest
 * inspections with their raw records. Reads only.
 * @throws BackupError `damaged` with what is wrong, `newer`; or the signal's reason
 */
export async function examine(file: string, options: WalkOptions): Promise<Examined> {
  const { signal } = options
  let database: Database | undefined
  try {
    database = await openReader(file)
    const stop = (): void => database?.interrupt()
    signal?.addEventListener('abort', stop, { once: true })
    try {
      await expectWhole(database)
      return await examineLog(database, options)
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  } catch (error) {
    signal?.throwIfAborted()
    throw backupError(error, file)
  } finally {
    await database?.close()
  }
}

/** What the log of a database says of itself, without looking through it. @throws BackupError */
export async function outline(file: string): Promise<Examined> {
  let database: Database | undefined
  try {
    database = await openReader(file)
    return await examineLog(database, { newest: 0 })
  } catch (error) {
    throw backupError(error, file)
  } finally {
    await database?.close()
  }
}

async function expectWhole(database: Database): Promise<void> {
  const rows = await database.all<{ integrity_check: string }>('PRAGMA integrity_check(3)')
  const found = rows.map((row) => row.integrity_check).filter((line) => line !== 'ok')
  if (found.length === 0) return
  throw new BackupError('damaged', `${database.file}: ${found.join('; ').replaceAll('\n', ' ')}`)
}

async function examineLog(database: Database, options: WalkOptions): Promise<Examined> {
  const schemaVersion = await schemaOf(database)
  const epochs = await readEpochs(database)
  const bounds = await database.get<{ begin: number | null; end: number | null }>(
    'SELECT min(position) AS begin, max(position) AS end FROM inspections',
  )
  const [begin, end] = [bounds?.begin ?? 1, bounds?.end ?? 0]
  const epoch = epochs.findLast(({ base }) => base < end) ?? epochs.at(-1)
  const deviceId = epochs.at(-1)?.deviceId
  if (epoch === undefined || deviceId === undefined)
    throw new BackupError('damaged', `${database.file}: no epoch: no log of a station`)
  const from = Math.max(begin, end - options.newest + 1)
  const history = await History.over(database, epochs)
  return {
    schemaVersion,
    deviceId,
    epoch: epoch.epoch,
    sequence: Math.max(0, end - epoch.base),
    hash: await tipOf(history, end),
    inspections: await countOf(database, 'inspections'),
    rawRecords: await countOf(database, 'raw'),
    verified: await verifyStretch(history, { from, end }, options),
    ends: endsOf(epochs, end),
  }
}

async function schemaOf(database: Database): Promise<number> {
  const row = await database.get<{ user_version: number }>('PRAGMA user_version')
  const version = row?.user_version ?? 0
  if (version >= 1 && version <= MIGRATIONS.length) return version
  const newer = version > MIGRATIONS.length
  const detail = newer
    ? `written by a newer release (schema ${version}, this release knows ${MIGRATIONS.length})`
    : `schema ${version}: no log of a station`
  throw new BackupError(newer ? 'newer' : 'damaged', `${database.file}: ${detail}`)
}

async function countOf(database: Database, table: 'inspections' | 'raw'): Promise<number> {
  const row = await database.get<{ count: number }>(`SELECT count(*) AS count FROM ${table}`)
  return row?.count ?? 0
}

function endsOf(epochs: readonly Epoch[], end: number): readonly EpochEnd[] {
  return epochs.flatMap(({ epoch, base }, index) => {
    const sequence = Math.min(epochs[index + 1]?.base ?? end, end) - base
    return sequence > 0 ? [{ epoch, sequence }] : []
  })
}

async function tipOf(history: History, end: number): Promise<string> {
  if (end === 0) return GENESIS
  const [entry] = await history.after(end - 1, end, 1)
  const link = entry === undefined ? 'it is missing' : readLink(entry)
  if (typeof link !== 'string') return link.hash
  throw new BackupError('damaged', `${history.database.file}: row ${end}: ${link}`)
}
