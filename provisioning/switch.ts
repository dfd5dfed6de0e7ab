import { join } from 'node:path'
import { Contents } from './content.ts'
import { subjectOf } from './subjects.ts'
import { removeReturn, removeTrial, writeReturn, writeTrial } from './switch-files.ts'
import { dropStore, hasStore, keepStore, storeCopy, storeMoves } from './switch-store.ts'
import { whenReady } from './switch-trial.ts'
import type { UpdateEvent, UpdateRecord } from './update-machine.ts'
import { LOG_FILE, UpdateLog } from './update-record.ts'
import { messageOf, type UpdateTools } from './update-tools.ts'

type Effect = (update: UpdateRecord, tools: UpdateTools, signal: AbortSignal) => Promise<UpdateEvent>
/** `by` of an update that three failed starts began. */
export const RECOVERY = 'recovery'
// The old release did start before; giving it up is nobody's gain.
const PATIENCE_WITH_OLD = 3
const DONE: UpdateEvent = { type: 'done' }
// What comes up with the machine itself takes longer.
const REBOOT_MS = 600_000
// A lease is renewed this often within its length.
const RENEWALS = 3

/** While the line is locked: what has to be kept of now is kept; the store, where its schema will move. */
export const held: Effect = async (update, tools, signal) => {
  if (storeMoves(update)) await whileLocked(update, tools, () => keepStore(update, tools, signal))
  const before = await subjectOf(update).before?.(update, tools)
  return before === undefined ? DONE : { type: 'done', before }
}

/** The next start is with the new one from here on. The note for it comes first: it never starts unlocked. */
export const switching: Effect = async (update, tools, signal) => {
  const { pace, clock } = tools
  const subject = subjectOf(update)
  // Beyond what its trial may take: a minute for the restart itself, and for an updater that died and comes again.
  const longer = subject.slow === true ? REBOOT_MS : 0
  const ms = pace.readyMs + pace.trialMs + pace.leaseS * 1000 + longer
  const until = new Date(clock.wall() + ms).toISOString()
  if (subject.besideTheLine !== true) await writeTrial(tools, update.to, until)
  const put = (): Promise<void> => subject.put(update, tools, signal)
  await (subject.slow === true ? whileLocked(update, tools, put) : put())
  return { type: 'done', until }
}

export const restarting: Effect = async (update, tools, signal) => {
  await tools.step('ask for restart', () => subjectOf(update).restart(update, tools, signal))
  return DONE
}

/** The new one has the line. */
export const committing: Effect = async (update, tools) => {
  await removeTrial(tools)
  await unlock(tools)
  await dropStore(update, tools)
  await subjectOf(update).tidy(update, tools, false)
  return DONE
}

/** Nothing was restarted: the old one runs on. */
export const undoing: Effect = async (update, tools, signal) => {
  const subject = subjectOf(update)
  await subject.back(update, tools, signal)
  await subject.undone?.(tools, signal)
  await removeTrial(tools)
  await unlock(tools)
  await dropStore(update, tools)
  return DONE
}

/** The old one, and the store where that moved, are put back. */
export const returning: Effect = async (update, tools, signal) => {
  if (storeMoves(update) && (await hasStore(update, tools)))
    await writeReturn(tools, { id: update.id, version: update.from, backup: storeCopy(update, tools) })
  const subject = subjectOf(update)
  await subject.back(update, tools, signal)
  if (update.kind === 'release' && update.by === RECOVERY) await clearConfigurations(update.from, tools)
  await removeTrial(tools)
  await tools.step('ask for restart back', () => subject.restart(update, tools, signal))
  return DONE
}

/** What was taken under a newer release, the one that comes back may not be able to read. */
async function clearConfigurations(release: string, tools: UpdateTools): Promise<void> {
  const log = new UpdateLog(join(tools.dir, LOG_FILE), tools.step)
  const contents = new Contents(tools)
  for (const [name, version] of Object.entries(await log.configurationsBeyond(release))) {
    const of = { kind: 'configuration', name } as const
    if ((await contents.current(of)) === version) await contents.clear(of)
  }
}

/** Waits for the old one, and clears up behind the new one. */
export const returned: Effect = async (update, tools, signal) => {
  const running = await tools.link.running()
  // The request may have gone with the power.
  const subject = subjectOf(update)
  if (running !== undefined && subject.runs(running, update.to, update))
    await tools.step('ask for restart back', () => subject.restart(update, tools, signal))
  const { pace } = tools
  const patient = { ...tools, pace: { ...pace, readyMs: pace.readyMs * PATIENCE_WITH_OLD } }
  const late = await subject.isBack?.(update, tools, signal)
  if (late !== undefined) return { type: 'stuck', why: late }
  const back = await whenReady(update, update.from, patient, signal)
  if (typeof back === 'string') return { type: 'stuck', why: back }
  await removeReturn(tools)
  await unlock(tools)
  await dropStore(update, tools)
  await discard(update, tools)
  return { type: 'well' }
}

/** It does not come to a switch. */
export const leaving: Effect = async (update, tools) => {
  await removeTrial(tools)
  if (update.held === true) await unlock(tools)
  await dropStore(update, tools)
  await discard(update, tools)
  return DONE
}

/** What was refused leaves the disk; what somebody may come back to stays until it is pruned. */
async function discard(update: UpdateRecord, tools: UpdateTools): Promise<void> {
  // What ran for months and fails now may not be at fault itself.
  const bad = update.refused === true && update.by !== RECOVERY
  await subjectOf(update).tidy(update, tools, bad)
}

/** A gateway that does not answer now ends the lock by itself when its lease runs out. */
async function unlock({ link, step, say }: UpdateTools): Promise<void> {
  try {
    await step('unlock line', () => link.unlock())
  } catch (error) {
    say(`the line was not unlocked, its lock ends by itself: ${messageOf(error)}`)
  }
}

/** Renews the lock while something is done. @throws Error where the line was free meanwhile */
async function whileLocked(
  update: UpdateRecord,
  tools: UpdateTools,
  work: () => Promise<void>,
): Promise<void> {
  const { link, pace, clock } = tools
  let lost: string | undefined
  let cancel = (): void => {}
  const renew = (): void => {
    cancel = clock.after((pace.leaseS * 1000) / RENEWALS, () => {
      void link
        .lock(update.to, pace.leaseS, 'renew')
        .catch(messageOf)
        .then((why) => {
          lost ??= why
        })
      renew()
    })
  }
  renew()
  try {
    await work()
  } finally {
    cancel()
  }
  lost ??= await link.lock(update.to, pace.leaseS, 'renew')
  if (lost !== undefined) throw new Error(`the lock of the line was lost: ${lost}`)
}
