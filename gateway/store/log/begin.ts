import { v7 as uuidv7 } from 'uuid'
import type { Clock } from '../../../drivers/clock.ts'
import type { Log } from '../../log.ts'
import type { Database } from '../database.ts'
import { StoreError } from '../error.ts'
import { breakOf, inodeOf, type Witness } from '../witness.ts'
import { GENESIS, readLink, verifyChain } from './chain.ts'
import { beginEpoch, type Epoch, readEpochs } from './epochs.ts'
import type { History } from './history.ts'
import { bootId, readTriggerJournal, TriggerJournal } from './journal.ts'
import { allUnrecorded, nextRun, saveUnrecorded, type Unrecorded, unrecordedBefore } from './unrecorded.ts'

/** What the log needs to know of its station when it is opened. */
export interface Station {
  readonly deviceId: string
  readonly clock: Clock
  readonly log: Log
}

/** The log as it was found, and the epoch in which it goes on. */
export interface Found {
  /** Oldest first, the present one last. */
  readonly epochs: readonly Epoch[]
  readonly epoch: Epoch
  /** Last position on disk. */
  readonly position: number
  readonly inode: string
  /** The log goes on where the last run of this directory left it. */
  readonly continued: boolean
}

/** Goes on in the newest epoch, or begins one when the log is new or may be older than what was sent. */
export async function presentEpoch(
  database: Database,
  { deviceId, clock, log }: Station,
  witness: Witness | undefined,
): Promise<Found> {
  const inode = await inodeOf(database.file)
  const row = await database.get<{ position: number | null }>(
    'SELECT max(position) AS position FROM inspections',
  )
  const position = row?.position ?? 0
  const epochs = await readEpochs(database)
  const newest = epochs.at(-1)
  const reason =
    newest === undefined
      ? 'first start'
      : breakOf({ deviceId: newest.deviceId, epoch: newest.epoch, position, inode }, witness, deviceId)
  if (newest !== undefined && reason === undefined) {
    return { epochs, epoch: newest, position, inode, continued: true }
  }
  const epoch: Epoch = {
    base: position,
    epoch: uuidv7({ msecs: clock.wall() }),
    deviceId,
    begunAt: new Date(clock.wall()).toISOString(),
    reason: reason ?? 'first start',
  }
  await beginEpoch(database, epoch)
  if (newest !== undefined)
    log.warn({ epoch: epoch.epoch, before: newest.epoch, reason }, 'a new epoch begins')
  return { epochs: await readEpochs(database), epoch, position, inode, continued: false }
}

/**
 * Verifies the chain of the newest inspections, of whichever epoch.
 * @throws StoreError `corrupt`
 */
export async function verifyNewest(history: History, position: number, count: number): Promise<void> {
  if (position === 0) return
  const epoch = history.epochAt(position)
  const newest = (await history.before(epoch, position - epoch.base + 1, count)).reverse()
  const [first, ...others] = newest
  const link = first === undefined ? 'it is missing' : readLink(first)
  if (first === undefined || typeof link === 'string') {
    throw new StoreError('corrupt', `${history.database.file}: row ${position}: ${link}`)
  }
  const before = { sequence: first.sequence - 1, hash: first.sequence === 1 ? GENESIS : link.previous }
  const report = verifyChain([first, ...others], before)
  if (!report.valid) {
    throw new StoreError('corrupt', `${history.database.file}: sequence ${report.sequence}: ${report.reason}`)
  }
}

/** One run of the process over the log: between two openings. */
export interface Run {
  /** Counts the starts of the store, from 1. */
  readonly run: number
  readonly unrecorded: Unrecorded
  readonly journal: TriggerJournal
}

/**
 * Counts what the run before left unrecorded, then begins to count the triggers of this one.
 * @throws StoreError, or what the file system throws
 */
export async function beginRun(
  database: Database,
  file: string,
  { clock, log }: Station,
  continued: boolean,
): Promise<Run> {
  const [before, boot] = [await readTriggerJournal(file), await bootId()]
  const run = await nextRun(database, before)
  // A database that was put back does not hold what the journal counted: nothing can be said.
  const last = continued ? await unrecordedBefore(database, run, before, boot) : undefined
  if (last !== undefined) {
    await saveUnrecorded(database, last, new Date(clock.wall()).toISOString())
    log.warn({ parts: last.parts, atLeast: last.atLeast }, 'parts of the last run were not recorded')
  }
  return {
    run,
    unrecorded: await allUnrecorded(database, last),
    journal: TriggerJournal.begin(file, run, boot),
  }
}
