import { removeReturn, removeTrial, writeReturn, writeTrial } from './switch-files.ts'
import { dropStore, hasStore, keepStore, storeCopy, storeMoves } from './switch-store.ts'
import { whenReady } from './switch-trial.ts'
import type { UpdateEvent, UpdateRecord } from './update-machine.ts'
import { messageOf, type UpdateTools } from './update-tools.ts'

type Effect = (update: UpdateRecord, tools: UpdateTools, signal: AbortSignal) => Promise<UpdateEvent>
/** `by` of an update that three failed starts began. */
export const RECOVERY = 'recovery'
// The old release did start before; giving it up is nobody's gain.
const PATIENCE_WITH_OLD = 3
const DONE: UpdateEvent = { type: 'done' }
// A lease is renewed this often within its length.
const RENEWALS = 3

/** While the line is locked: the store is copied where its schema will move. */
export const held: Effect = async (update, tools, signal) => {
  if (storeMoves(update)) await whileLocked(update, tools, () => keepStore(update, tools, signal))
  return DONE
}

/** The pointers lead to the new release from here on. The note for it comes first: it never starts unlocked. */
export const switching: Effect = async (update, tools) => {
  const { slots, pace, clock } = tools
  // Beyond what its trial may take: a minute for the restart itself, and for an updater that died and comes again.
  const until = new Date(clock.wall() + pace.readyMs + pace.trialMs + pace.leaseS * 1000).toISOString()
  await writeTrial(tools, update.to, until)
  await slots.point('previous', update.from)
  await slots.point('current', update.to)
  return { type: 'done', until }
}

export const restarting: Effect = async (_update, tools, signal) => {
  await tools.step('ask for restart', () => tools.supervisor.restart(signal))
  return DONE
}

/** The new release has the line. */
export const committing: Effect = async (update, tools) => {
  await removeTrial(tools)
  await unlock(tools)
  await dropStore(update, tools)
  await tools.slots.prune(tools.policy.keep, [])
  return DONE
}

/** Nothing was restarted: the old release runs on. */
export const undoing: Effect = async (update, tools) => {
  await pointBack(update, tools)
  await removeTrial(tools)
  await unlock(tools)
  await dropStore(update, tools)
  return DONE
}

/** The old release, and its store where that moved, are put back. */
export const returning: Effect = async (update, tools, signal) => {
  if (storeMoves(update) && (await hasStore(update, tools)))
    await writeReturn(tools, { id: update.id, version: update.from, backup: storeCopy(update, tools) })
  await pointBack(update, tools)
  await removeTrial(tools)
  await tools.step('ask for restart back', () => tools.supervisor.restart(signal))
  return DONE
}

/** Waits for the old release, and clears up behind the new one. */
export const returned: Effect = async (update, tools, signal) => {
  const running = await tools.link.running()
  // The request may have gone with the power.
  if (running?.version === update.to)
    await tools.step('ask for restart back', () => tools.supervisor.restart(signal))
  const { pace } = tools
  const patient = { ...tools, pace: { ...pace, readyMs: pace.readyMs * PATIENCE_WITH_OLD } }
  const back = await whenReady(update.from, patient, signal)
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
  await tools.slots.sweep()
  await discard(update, tools)
  return DONE
}

async function pointBack({ from, previous }: UpdateRecord, { slots }: UpdateTools): Promise<void> {
  await slots.point('current', from)
  const there = previous !== undefined && (await slots.facts(previous)) !== undefined
  if (there && previous !== from) await slots.point('previous', previous)
  else await slots.unpoint('previous')
}

/** A release that was refused leaves the disk; one that somebody may come back to stays until it is pruned. */
async function discard(
  { to, refused, from, by }: UpdateRecord,
  { slots, policy }: UpdateTools,
): Promise<void> {
  const pointed = await Promise.all([slots.pointed('current'), slots.pointed('previous')])
  // What ran for months and fails now may not be at fault itself.
  const bad = refused === true && by !== RECOVERY
  if (bad && to !== from && !pointed.includes(to)) await slots.discard(to)
  await slots.prune(policy.keep, [])
}

/** A gateway that does not answer now ends the lock by itself when its lease runs out. */
async function unlock({ link, step, say }: UpdateTools): Promise<void> {
  try {
    await step('unlock line', () => link.unlock())
  } catch (error) {
    say(`the line was not unlocked, its lock ends by itself: ${messageOf(error)}`)
  }
}

/** Renews the lock while something is done. */
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
        .lock(update.to, pace.leaseS)
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
  lost ??= await link.lock(update.to, pace.leaseS)
  if (lost !== undefined) throw new Error(`the lock of the line was lost: ${lost}`)
}
