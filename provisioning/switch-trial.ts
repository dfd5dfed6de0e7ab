import type { Running } from './link.ts'
import type { UpdateEvent, UpdateRecord } from './update-machine.ts'
import type { UpdateTools } from './update-tools.ts'

// How far two looks at the same process may disagree about when it started.
const SAME_START_S = 1.5

/** Waits for a release that was asked to start, and watches it for a while: the line is locked, no part is inspected. */
export async function watchTrial(
  update: UpdateRecord,
  tools: UpdateTools,
  signal: AbortSignal,
): Promise<UpdateEvent> {
  const { pace, clock } = tools
  // Nobody was there while its time ran out: it has the line, and parts may have been stored since.
  const lapsed = update.until !== undefined && Date.parse(update.until) < clock.wall()
  const first = await whenReady(update.to, tools, signal)
  if (typeof first === 'string') return { type: 'unwell', why: first }
  if (lapsed) return { type: 'well' }
  const startedS = startOf(first, tools)
  const over = clock.now() + pace.trialMs
  let last = first
  do {
    await clock.sleep(Math.min(pace.pollMs, Math.max(0, over - clock.now())), signal)
    const seen = await whenReady(update.to, tools, signal)
    if (typeof seen === 'string') return { type: 'unwell', why: seen }
    const why = (await tooMuchMemory(tools)) ?? restarted(startedS, seen, tools)
    if (why !== undefined) return { type: 'unwell', why }
    last = seen
  } while (clock.now() < over)
  const missing = unwellOf(update.well ?? [], last)
  return missing.length === 0
    ? { type: 'well' }
    : { type: 'unwell', why: `not as before: ${missing.join(', ')}` }
}

/** Waits for a release. @returns what it says, or why it was not ready in time */
export async function whenReady(
  version: string,
  { link, pace, clock }: UpdateTools,
  signal: AbortSignal,
): Promise<Running | string> {
  const over = clock.now() + pace.readyMs
  for (;;) {
    const running = await link.running()
    if (running?.version === version && running.ready) return running
    signal.throwIfAborted()
    if (clock.now() >= over)
      return `${version} was not ready within ${pace.readyMs / 1000} s: ${seen(running, version)}`
    await clock.sleep(pace.pollMs, signal)
  }
}

function seen(running: Running | undefined, version: string): string {
  if (running === undefined) return 'nothing answers'
  if (running.version !== version) return `${running.version} runs`
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

/** Units that were well before, and are not now. */
export function unwellOf(well: readonly string[], { units }: Running): readonly string[] {
  return well.flatMap((name) => {
    const state = units.get(name)
    return state === 'ok' ? [] : [`${name} is ${state ?? 'not there'}`]
  })
}
