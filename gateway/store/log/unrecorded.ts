import type { Database } from '../database.ts'
import type { TriggerCount } from './journal.ts'

/** Parts that a run saw and did not record: triggers that were noted, less inspections that answer one. */
export interface UnrecordedRun {
  /** Counts the starts of the store. */
  readonly run: number
  readonly parts: number
  /** The machine itself went down, so there may have been more. */
  readonly atLeast: boolean
}

/** What every run of this store left unrecorded. */
export interface Unrecorded {
  readonly parts: number
  /** Set when the run before this one left some. */
  readonly last?: UnrecordedRun
}

/** The newest row's word on the run that wrote it. */
interface LastRow {
  readonly run: number
  readonly noted: number
  readonly recorded: number
}

/** The number of the run that begins now, one more than any that left a trace. @throws StoreError */
export async function nextRun(database: Database, journal: TriggerCount | undefined): Promise<number> {
  const found = await database.get<{ run: number | null }>('SELECT max(run) AS run FROM unrecorded')
  const row = await lastRow(database)
  return Math.max(found?.run ?? 0, row?.run ?? 0, journal?.run ?? 0) + 1
}

/**
 * What the run before `run` left unrecorded: its journal (or, behind it, the count in the newest row) against what
 * is in the log.
 * @param boot names the machine's present boot
 */
export async function unrecordedBefore(
  database: Database,
  run: number,
  journal: TriggerCount | undefined,
  boot: string,
): Promise<UnrecordedRun | undefined> {
  const row = await lastRow(database)
  const ofRow = row?.run === run - 1 ? row : { noted: 0, recorded: 0 }
  const ofJournal = journal?.run === run - 1 ? journal : undefined
  const parts = Math.max(ofRow.noted, ofJournal?.noted ?? 0) - ofRow.recorded
  const sameBoot = ofJournal !== undefined && ofJournal.boot !== '' && ofJournal.boot === boot
  return parts > 0 ? { run: run - 1, parts, atLeast: !sameBoot } : undefined
}

/** Keeps the finding. @param foundAt RFC 3339 */
export function saveUnrecorded(database: Database, found: UnrecordedRun, foundAt: string): Promise<void> {
  return database.run(
    'INSERT OR REPLACE INTO unrecorded (run, found_at, parts, at_least) VALUES (?, ?, ?, ?)',
    [found.run, foundAt, found.parts, found.atLeast ? 1 : 0],
  )
}

/** All that was ever found, with what was found now. @throws StoreError */
export async function allUnrecorded(
  database: Database,
  last: UnrecordedRun | undefined,
): Promise<Unrecorded> {
  const sum = await database.get<{ parts: number | null }>('SELECT sum(parts) AS parts FROM unrecorded')
  return { parts: sum?.parts ?? 0, ...(last === undefined ? {} : { last }) }
}

function lastRow(database: Database): Promise<LastRow | undefined> {
  return database.get<LastRow>('SELECT run, noted, recorded FROM inspections ORDER BY position DESC LIMIT 1')
}
