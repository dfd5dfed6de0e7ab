import type { Running } from './link.ts'
import { subjectOf } from './subjects.ts'
import type { UpdateEvent, UpdateRecord } from './update-machine.ts'
import type { UpdateTools } from './update-tools.ts'

// How far two looks at the same process may disagree about when it started.
const SAME_START_S = 1.5

/** Waits for what was asked to start, and watches it for a while: the line is locked, no part is inspected. */
export async function watchTrial(
  update: UpdateRecord,
  tools: UpdateTools,
  signal: AbortSignal,
): Promise<UpdateEvent> {
  const { pace, clock } = tools
  // Nobody was there while its time ran out: it has the line, and parts may have been stored since.
  const lapsed = update.until !== undefined && Date.parse(update.until) < clock.wall()
  const first = await whenReady(update, update.to, tools, signal)
  if (typeof first === 'string') return { type: 'unwell', why: first }
  if (lapsed) return await judged(update, tools, signal)
  const startedS = startOf(first, tools)
  const over = clock.now() + pace.trialMs
  let last = first
  do {
    await clock.sleep(Math.min(pace.pollMs, Math.max(0, over - clock.now())), signal)
    const seen = await whenReady(update, update.to, tools, signal)
    if (typeof seen === 'string') return { type: 'unwell', why: seen }
    const why = (await tooMuchMemory(tools)) ?? restarted(startedS, seen, tools)
    if (why !== undefined) return { type: 'unwell', why }
    last = seen
  } while (clock.now() < over)
  const missing = unwellOf(update, last)
  if (missing.length > 0) return { type: 'unwell', why: `not as before: ${missing.join(', ')}` }
  return await judged(update, tools, signal)
}

/** What only its kind can tell. */
async function judged(update: UpdateRecord, tools: UpdateTools, signal: AbortSignal): Promise<UpdateEvent> {
  const why = await subjectOf(update).unwell?.(update, tools, signal)
  return why === undefined ? { type: 'well' } : { type: 'unwell', why }
}

/** Waits for a gateway that runs with a version. @returns what it says, or why it was not ready in time */
export async function whenReady(
  update: UpdateRecord,
  version: string,
  { link, pace, clock }: UpdateTools,
  signal: AbortSignal,
): Promise<Running | string> {
  const over = clock.now() + pace.readyMs
  for (;;) {
    const running = await link.running()
    const runs = running !== undefined && subjectOf(update).runs(running, version, update)
    if (runs && running.ready) return running
    signal.throwIfAborted()
    if (clock.now() >= over)
      return `${version} was not ready within ${pace.readyMs / 1000} s: ${seen(running, runs)}`
    await clock.sleep(pace.pollMs, signal)
  }
}

function seen(running: Running | undefined, runs: boolean): string {
  if (running === undefined) return 'nothing answers'
  if (!runs) {
    const content = [...running.content].map(([key, version]) => ` ${key} ${version}`)
    return `${running.version}${content.length === 0 ? '' : ` with${content.join(',')}`} runs`
  }
  return `waiting for ${running.waitingFor.join(', ') || 'nothing it names'}`
}

function startOf({ uptimeS }: Running, { clock }: UpdateTools): number {
  return clock.now() / 1000 - uptimeS
}

function restarted(startedS: number, seenNow: Running, tools: UpdateTools): string | undefined {
  return startOf(seenNow, tools) > startedS + SAME_START_S ? 'it started anew by itself on trial' : undefined
}

async function tooMuchMemory({ link, policy }: UpdateTools): Promise<string | undefined> {
  const mb = await link.memoryMb()
  return mb !== undefined && mb > policy.memoryMb
    ? `it uses ${Math.round(mb)} MB: expected at most ${policy.memoryMb} (update.memory_mb)`
    : undefined
}

/** Units that were well before, and are not now. What a configuration removes was shown, and agreed to. */
export function unwellOf(
  { kind, well = [] }: Pick<UpdateRecord, 'kind' | 'well'>,
  { units }: Pick<Running, 'units'>,
): readonly string[] {
  return well.flatMap((name) => {
    const state = units.get(name)
    if (state === undefined && kind === 'configuration') return []
    return state === 'ok' ? [] : [`${name} is ${state ?? 'not there'}`]
  })
}
