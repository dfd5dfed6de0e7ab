import type { Offers } from './client.ts'
import type { Journal } from './journal.ts'
import { subjectOf } from './subjects.ts'
import { committing, held, leaving, restarting, returned, returning, switching, undoing } from './switch.ts'
import { watchTrial } from './switch-trial.ts'
import { RepositoryAway, StorageError } from './tuf-errors.ts'
import { fetching, isFinal, unpacking } from './update-fetch.ts'
import { LockedError } from './update-lock.ts'
import {
  isBeforeSwitch,
  isOver,
  next,
  type Phase,
  type UpdateEvent,
  type UpdateRecord,
} from './update-machine.ts'
import type { UpdateLog } from './update-record.ts'
import type { StatusWriter } from './update-status.ts'
import { messageOf, stamp, type UpdateTools } from './update-tools.ts'
import { forgetConsent, tryToLock } from './update-wait.ts'

export interface Drive {
  readonly tools: UpdateTools
  readonly journal: Journal<UpdateRecord>
  readonly log: UpdateLog
  readonly status: StatusWriter
  readonly offers: Offers | undefined
}

// One each pass of the timer.
const MAX_ATTEMPTS = 5

type Effect = (update: UpdateRecord, tools: UpdateTools, signal: AbortSignal) => Promise<UpdateEvent>

const EFFECTS: Readonly<Partial<Record<Phase, Effect>>> = {
  unpacking,
  testing: (update, tools, signal) => subjectOf(update).test(update, tools, signal),
  held,
  switching,
  restarting,
  trial: watchTrial,
  committing,
  undoing,
  returning,
  returned,
  leaving,
}

/**
 * Brings an update as far as it goes: effect, journal, next effect. Each effect can be done again, so that a new process
 * goes on with the phase that the journal ends with.
 * @returns the update: over, or still waiting for the line or for the repository
 */
export async function drive(start: UpdateRecord, on: Drive, signal: AbortSignal): Promise<UpdateRecord> {
  const { tools, journal, status } = on
  let update = start
  const passOver = tools.clock.now() + tools.pace.waitMs
  let reasonsFrom = Number.NEGATIVE_INFINITY
  while (!isOver(update.phase)) {
    signal.throwIfAborted()
    await status.show(update)
    const event = await eventOf(update, on, signal)
    if (event === 'paused') return update
    const after = next(update, event, stamp(tools.clock))
    const blocked = event.type === 'blocked'
    // On a line that runs they change at every look: a disk need not hear of each.
    const young = blocked && tools.clock.now() < reasonsFrom + tools.pace.reasonsMs
    if (!(blocked && (young || sameReasons(update, after)))) {
      if (after.phase !== update.phase && !isOver(after.phase)) tools.say(sayOf(after))
      await written(update, after, on)
      update = after
      if (blocked) reasonsFrom = tools.clock.now()
    }
    if (!blocked) continue
    await status.show(update)
    if (tools.clock.now() >= passOver) return update
    await tools.clock.sleep(tools.pace.waitPollMs, signal)
  }
  await conclude(update, { ...on, journal })
  return update
}

/** Writes down how it ended; done again, it changes nothing. */
export async function conclude(update: UpdateRecord, { tools, journal, log, status }: Drive): Promise<void> {
  const { phase } = update
  if (phase !== 'committed' && phase !== 'rolled_back' && phase !== 'failed') return
  await journal.permitted()
  await log.append(update, phase, update.since)
  await status.show(update)
  await journal.compact(update)
  await forgetConsent(update, tools)
  tools.say(sayOf(update))
}

async function written(before: UpdateRecord, after: UpdateRecord, on: Drive): Promise<void> {
  try {
    await on.journal.write(after.phase, after)
  } catch (error) {
    // What is not written down did not happen: the line must not wait for a disk.
    if (!(error instanceof LockedError) && ['waiting', 'held', 'switching'].includes(before.phase))
      await undoing(after, on.tools, AbortSignal.timeout(on.tools.pace.readyMs)).catch(() => {})
    throw error
  }
}

async function eventOf(
  update: UpdateRecord,
  on: Drive,
  signal: AbortSignal,
): Promise<UpdateEvent | 'paused'> {
  const { tools, status } = on
  try {
    if (update.phase === 'fetching') {
      try {
        return await fetching(update, on, (share) => status.progress(update, share), signal)
      } finally {
        await status.settled()
      }
    }
    if (update.phase === 'waiting')
      return await tryToLock(update, tools, { steering: on.offers?.steering, signal })
    const effect = EFFECTS[update.phase]
    if (effect === undefined) throw new TypeError(`update: nothing is done while ${update.phase}`)
    const progress = (share: number): void => status.progress(update, share)
    try {
      return await effect(update, { ...tools, progress }, signal)
    } finally {
      await status.settled()
    }
  } catch (error) {
    signal.throwIfAborted()
    return await afterError(error, update, on)
  }
}

async function afterError(error: unknown, update: UpdateRecord, on: Drive): Promise<UpdateEvent | 'paused'> {
  if (error instanceof LockedError) throw error
  const why = messageOf(error)
  on.tools.say(`${update.phase}: ${why}`)
  // Called off while it was brought.
  if (error instanceof RepositoryAway && error.code === 'not-offered' && update.phase === 'fetching')
    return { type: 'refused', why, final: false }
  const later = error instanceof RepositoryAway || error instanceof StorageError
  if (later && (update.phase === 'fetching' || update.phase === 'unpacking')) {
    await on.status.show(update, { waiting_for: [why] })
    return 'paused'
  }
  const canBreak = ['held', 'switching', 'restarting', 'trial'].includes(update.phase)
  if (canBreak) return { type: 'broken', why, final: isFinal(error) }
  if (isBeforeSwitch(update.phase)) return { type: 'refused', why, final: isFinal(error) }
  if (onlyStationTakesBack(update)) {
    const attempts = (update.attempts ?? 0) + 1
    if (attempts >= MAX_ATTEMPTS)
      return { type: 'stuck', why: `not taken back in ${attempts} attempts: ${why}` }
    await on.journal.write('attempt', { ...update, attempts })
  }
  throw error
}

/** A station that is gone for good must not keep the release away that mends it. */
function onlyStationTakesBack({ kind, phase }: UpdateRecord): boolean {
  return (kind === 'recipe' || kind === 'flow') && (phase === 'returning' || phase === 'undoing')
}

function sameReasons(before: UpdateRecord, after: UpdateRecord): boolean {
  return JSON.stringify(before.waiting_for) === JSON.stringify(after.waiting_for)
}

function sayOf({ kind, from, to, phase, failure }: UpdateRecord): string {
  return `${kind} ${from} → ${to}: ${phase}${failure === undefined ? '' : `: ${failure}`}`
}
