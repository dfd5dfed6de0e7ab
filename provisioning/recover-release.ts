import { join } from 'node:path'
import { Journal } from './journal.ts'
import { subjectOf } from './subjects.ts'
import { RECOVERY } from './switch.ts'
import { JOURNAL_FILE, LOCK_FILE } from './update.ts'
import { type Drive, drive } from './update-drive.ts'
import { UpdateLock } from './update-lock.ts'
import { isOver, isSwitched, next, type UpdateRecord, updateRecord } from './update-machine.ts'
import { LOG_FILE, UpdateLog } from './update-record.ts'
import { StatusWriter } from './update-status.ts'
import { stamp, type UpdateTools } from './update-tools.ts'

// Where the pointer leads nowhere.
const NO_RELEASE = '0.0.0'
const WHY = 'it did not start three times'
/** What a station starts with. The rest it does not start with, or only the station itself can take back. */
const AT_START: readonly UpdateRecord['kind'][] = ['release', 'configuration', 'model', 'firmware']

/** What was done, for the journal of the machine. */
export type Recovery =
  | { readonly done: 'returned'; readonly update: UpdateRecord }
  | { readonly done: 'nothing'; readonly why: string }

/**
 * After three failed starts: puts the release before this one back, without network and without asking anybody. It only
 * ever goes back, and takes the way back away behind itself: two bad releases do not take turns.
 * @throws LockedError when an updater works: its trial fails by the same failed starts, and it goes back itself
 */
export async function recover(tools: UpdateTools, signal: AbortSignal): Promise<Recovery> {
  const lock = await UpdateLock.take(join(tools.dir, LOCK_FILE))
  try {
    const journal = await Journal.open({
      file: join(tools.dir, JOURNAL_FILE),
      schema: updateRecord,
      step: tools.step,
      permitted: () => lock.assertHeld(),
    })
    const current = await tools.slots.pointed('current')
    const log = new UpdateLog(join(tools.dir, LOG_FILE), tools.step)
    const begun = await backFrom(journal.last, current, { tools, log })
    if (typeof begun === 'string') return { done: 'nothing', why: begun }
    await journal.write('recover', begun)
    const on = { tools, journal, log, status: new StatusWriter(tools), offers: undefined }
    return { done: 'returned', update: await drive(begun, on, signal) }
  } finally {
    await lock.release()
  }
}

/** The update that goes back; a text: why none does. */
async function backFrom(
  last: UpdateRecord | undefined,
  current: string | undefined,
  { tools, log }: Pick<Drive, 'tools' | 'log'>,
): Promise<UpdateRecord | string> {
  const at = stamp(tools.clock)
  if (last !== undefined && mayBeWhy(last)) {
    const inForce = await subjectOf(last).current(last, tools)
    if (inForce !== last.from && isSwitched(last.phase)) return next(last, { type: 'unwell', why: WHY }, at)
    if (inForce === last.from && ['returning', 'returned'].includes(last.phase))
      return `${last.kind} ${last.from} was put back already, and it does not start either`
    // The newest change is the likeliest reason, and the least to lose.
    if (last.kind !== 'release' && last.phase === 'committed' && inForce === last.to)
      return contentBack(last, at)
  }
  const previous = await tools.slots.pointed('previous')
  if (previous === undefined || previous === current) return 'there is no release before this one'
  const [now, then] = await Promise.all([
    current === undefined ? undefined : tools.slots.facts(current),
    tools.slots.facts(previous),
  ])
  if (now !== undefined && then !== undefined && now.store_schema > then.store_schema)
    return `${previous} cannot open the store of ${current}: schema ${now.store_schema}, it has ${then.store_schema}`
  return {
    ...{ schema: 'poincon.update-journal/1', id: `recovery-${at}`, by: RECOVERY, kind: 'release' },
    ...{ name: 'poincon', phase: 'returning', from: previous, to: current ?? NO_RELEASE },
    ...{ from_schema: then?.store_schema ?? 0, began: at, since: at, interrupted: 0 },
    target: await targetOf(last, current, log),
    ...{ failure: WHY, refused: true },
  }
}

/** The way back from content that had been committed. */
function contentBack({ kind, name, from, to, target, from_schema }: UpdateRecord, at: string): UpdateRecord {
  return {
    ...{ schema: 'poincon.update-journal/1', id: `recovery-${at}`, by: RECOVERY, kind, name },
    ...{ phase: 'returning', from, to, from_schema, began: at, since: at, interrupted: 0 },
    ...{ target, failure: WHY, refused: true },
  }
}

/** Whether it can be why a station does not start. The system of before comes back without a station, too. */
function mayBeWhy({ kind, phase }: UpdateRecord): boolean {
  return AT_START.includes(kind) || (kind === 'os-image' && isSwitched(phase))
}

/** Where the release that fails came from: so that it is not taken again by itself. */
async function targetOf(
  last: UpdateRecord | undefined,
  current: string | undefined,
  log: UpdateLog,
): Promise<UpdateRecord['target']> {
  if (last?.kind === 'release' && isOver(last.phase) && last.to === current) return last.target
  const version = current ?? NO_RELEASE
  const hash = (await log.hashOfRelease(version)) ?? ''
  return { path: `installed/${version}`, channel: 'installed', length: 0, hash }
}
