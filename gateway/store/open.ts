import { join } from 'node:path'
import type { Clock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'
import { Ballast } from './ballast.ts'
import { openReader, openWriter, quickCheck } from './connections.ts'
import type { Database } from './database.ts'
import { StoreError, storeError } from './error.ts'
import { lockDirectory } from './lock.ts'
import { Appender, type AppenderLimits } from './log/appender.ts'
import { beginRun, type Found, presentEpoch, type Run, verifyNewest } from './log/begin.ts'
import { Delivery, readCursors } from './log/delivery.ts'
import { History } from './log/history.ts'
import { LogRows } from './log/rows.ts'
import { backupBeforeMigration } from './migrations/backup.ts'
import { migrate } from './migrations/migrate.ts'
import { AggregateTable } from './registry/aggregates.ts'
import { Calibrations } from './registry/calibrations.ts'
import { Documents } from './registry/documents.ts'
import { Recipes } from './registry/recipes.ts'
import { StationState } from './registry/station-state.ts'
import { KeptBackup } from './retention/kept-backup.ts'
import { writtenBytes } from './retention/space.ts'
import { Sweeper } from './retention/sweeper.ts'
import { WearBook } from './retention/wear.ts'
import { closeAll, Store } from './store.ts'
import { readWitness, type Witness, WitnessKeeper } from './witness.ts'
import { Writer } from './writer.ts'

export interface OpenStoreOptions extends Partial<AppenderLimits> {
  /** Directory of the store, created when it is not there. One process at a time. */
  readonly dir: string
  readonly deviceId: string
  readonly clock: Clock
  readonly log: Log
  /** Size that the database may reach, bytes; at it appends are refused as `full`. Default: the disk's. */
  readonly maxBytes?: number
  /** Whether a database of an earlier schema is copied beside itself before it is brought forward; default true. */
  readonly migrationBackup?: boolean
  /** Room that is kept for a disk that others fill, bytes; default none. */
  readonly ballastBytes?: number
  /** How long the station has to run before that copy goes, h; default 72. */
  readonly migrationBackupHours?: number
}

const DEFAULT_LIMITS: AppenderLimits = {
  groupCommitMs: 10,
  cursorCommitMs: 5000,
  maxBatch: 256,
  maxPending: 8192,
}

const DEFAULT_BACKUP_HOURS = 72

// Newest inspections kept in memory for sinks that keep up: about 6 MB.
const TAIL_ENTRIES = 1024
// Newest inspections whose chain is verified at every start: some milliseconds.
const VERIFIED_ENTRIES = 64
// After a crash the pages are looked through for at most this long.
const CHECK_LIMIT_MS = 1000

/** The files of a store. Nothing else writes them. */
function filesOf(dir: string): { database: string; witness: string; triggers: string; ballast: string } {
  return {
    database: join(dir, 'poincon.db'),
    witness: join(dir, 'witness.json'),
    triggers: join(dir, 'triggers.json'),
    ballast: join(dir, 'ballast'),
  }
}

/**
 * Opens the store of a directory, creating it or bringing it to this release's schema first.
 * @throws StoreError `not-writable`, `locked` (another process has it), `newer` (written by a newer release),
 *   `corrupt` (with what to do), `full`, `io`; nothing was deleted then, and nothing stays open
 */
export async function openStore(options: OpenStoreOptions): Promise<Store> {
  const opened: (() => Promise<void>)[] = []
  try {
    return await open(options, opened)
  } catch (error) {
    await closeAll(opened.reverse()).catch(() => {})
    throw explained(storeError(error, options.dir), options.dir)
  }
}

function explained(error: StoreError, dir: string): StoreError {
  if (error.fault !== 'corrupt') return error
  return new StoreError(
    'corrupt',
    `the store is damaged: ${error.message}. Nothing was deleted. Keep a copy of ${dir}, then restore a backup into ` +
      'it, or move poincon.db aside to begin a new log (sqlite3 poincon.db .recover saves what is readable)',
    { cause: error },
  )
}

/** What to close when opening does not come to its end, in the order it was opened. */
type Opened = (() => Promise<void>)[]

async function open(options: OpenStoreOptions, opened: Opened): Promise<Store> {
  const { dir, clock, log } = options
  const files = filesOf(dir)
  const { lock, database, reader, before, ballast } = await connect(options, opened)
  const found = await presentEpoch(database, options, before)
  const history = await History.over(reader, found.epochs)
  await verifyNewest(history, found.position, VERIFIED_ENTRIES)

  const run = await beginRun(database, files.triggers, options, found.continued)
  opened.push(() => Promise.resolve(run.journal.close()))
  const { epochs, epoch, position, inode } = found
  const now = { epoch: epoch.epoch, position, inode, clean: false }
  const witness = await WitnessKeeper.open(files.witness, now, clock, log)
  const writer = await Writer.over(database)
  const { appender, delivery } = await openLog(options, { writer, history, witness, found, run, ballast })
  const state = new StationState(writer, reader)
  const keepHours = options.migrationBackupHours ?? DEFAULT_BACKUP_HOURS
  return new Store({
    ...{ lock, writer, history, appender, delivery, witness, epochs, epoch },
    journal: run.journal,
    unrecorded: run.unrecorded,
    recipes: new Recipes(writer, reader, clock),
    calibrations: new Calibrations(writer, reader),
    state,
    documents: new Documents(writer, reader),
    aggregates: new AggregateTable(writer, reader),
    sweeper: await Sweeper.over({ writer, history, unsaved: delivery }),
    retaining: {
      wear: new WearBook(state, clock, writtenBytes),
      backup: new KeptBackup({ dir, state, log, keepHours }),
    },
  })
}

interface Connections {
  readonly lock: Database
  /** Writes. */
  readonly database: Database
  readonly reader: Database
  readonly ballast: Ballast
  /** What the last run left. */
  readonly before: Witness | undefined
}

/** Takes the directory, looks the database through where the last run did not close it, and brings it up to date. */
async function connect(
  { dir, clock, log, maxBytes, migrationBackup = true, ballastBytes = 0 }: OpenStoreOptions,
  opened: Opened,
): Promise<Connections> {
  const files = filesOf(dir)
  const lock = await lockDirectory(dir)
  opened.push(() => lock.close())
  const ballast = await Ballast.open(files.ballast, ballastBytes)
  const database = await openWriter(files.database, maxBytes)
  opened.push(() => database.close())
  const before = await readWitness(files.witness)
  if (before?.clean !== true && !(await quickCheck(database, clock, CHECK_LIMIT_MS))) {
    log.warn({ file: files.database, limitMs: CHECK_LIMIT_MS }, 'the database was looked through in part')
  }
  await migrate(database, {
    before: async (schema) => {
      if (migrationBackup) await backupBeforeMigration(database, schema, log)
    },
  })
  const reader = await openReader(files.database)
  opened.push(() => reader.close())
  return { lock, database, reader, before, ballast }
}

interface LogParts {
  readonly writer: Writer
  readonly history: History
  readonly witness: WitnessKeeper
  readonly found: Found
  readonly run: Run
  readonly ballast: Ballast
}

/** The two ends of the log: what appends to it, and what delivers from it. */
async function openLog(
  options: OpenStoreOptions,
  { writer, history, witness, found, run, ballast }: LogParts,
): Promise<{ appender: Appender; delivery: Delivery }> {
  const stretch = { epoch: found.epoch, run: run.run }
  const rows = await LogRows.over(writer.database, stretch)
  const cursors = await readCursors(history.database)
  const delivery = new Delivery({
    history,
    known: cursors,
    end: found.position,
    keep: TAIL_ENTRIES,
    moved: () => appender.cursorMoved(),
    exclusively: (work) => writer.transaction(work),
  })
  const appender = new Appender({
    writer,
    rows,
    stretch,
    end: await rows.readEnd(),
    journal: run.journal,
    ballast,
    clock: options.clock,
    cursors: delivery,
    committed: (entries) => {
      delivery.committed(entries)
      witness.committed(delivery.end)
    },
    limits: {
      groupCommitMs: options.groupCommitMs ?? DEFAULT_LIMITS.groupCommitMs,
      cursorCommitMs: options.cursorCommitMs ?? DEFAULT_LIMITS.cursorCommitMs,
      maxBatch: options.maxBatch ?? DEFAULT_LIMITS.maxBatch,
      maxPending: options.maxPending ?? DEFAULT_LIMITS.maxPending,
    },
  })
  return { appender, delivery }
}
