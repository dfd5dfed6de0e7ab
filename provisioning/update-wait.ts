import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { codeOf } from './slots-pointer.ts'
import type { UpdateEvent, UpdateRecord } from './update-machine.ts'
import { messageOf, type UpdateTools } from './update-tools.ts'
import { isOpen, localTime, windowsText } from './update-windows.ts'

/** Consent given at the machine's own command line. */
export const CONSENT_FILE = 'consent.json'
export const consentNote = z.looseObject({ version: z.string(), by: z.string() })

/**
 * Locks the line when nothing speaks against the switch: the window is open, somebody agreed where that is asked for,
 * no part has come for a while, and there is room.
 * @returns `locked`, or `blocked` with every reason
 */
export async function tryToLock(update: UpdateRecord, tools: UpdateTools): Promise<UpdateEvent> {
  const { policy, clock, link, pace, step } = tools
  const reasons: string[] = []
  if (!isOpen(policy.windows, localTime(clock.wall())))
    reasons.push(`the window: ${windowsText(policy.windows)}`)
  reasons.push(...(await tooFull(tools)))
  const line = await link.line().catch(messageOf)
  if (typeof line === 'string') {
    return {
      type: 'blocked',
      waitingFor: [...reasons, `the gateway to say whether the line is idle: ${line}`],
    }
  }
  const consent = await consentOf(update, tools, line.consent)
  if (policy.consent === 'operator' && consent === undefined)
    reasons.push(`consent of the operator for ${update.to}`)
  const since = line.sinceLastTriggerS
  if (!line.idle) reasons.push(...(line.why.length === 0 ? ['an idle line'] : line.why))
  else if (since !== undefined && since < policy.idleS)
    reasons.push(`an idle line: the last part came less than ${policy.idleS} s ago`)
  if (reasons.length > 0) return { type: 'blocked', waitingFor: reasons }
  const before = await link.running()
  const refused = await step('lock line', () => link.lock(update.to, pace.leaseS)).catch(messageOf)
  if (refused !== undefined) return { type: 'blocked', waitingFor: [refused] }
  const units = [...(before?.units ?? [])].filter(([, state]) => state === 'ok').map(([name]) => name)
  return { type: 'locked', well: units, ...(consent === undefined ? {} : { consent }) }
}

/** What a switch itself writes is little; without any room even that fails half way. */
async function tooFull({ policy, freeBytes, dir, slots }: UpdateTools): Promise<readonly string[]> {
  const reserve = policy.reserveMb * 1e6
  const folders = [dir, slots.folder]
  const free = await Promise.all(folders.map((folder) => freeBytes(folder)))
  return folders.flatMap((folder, index) => {
    const has = free[index] ?? 0
    return has >= reserve
      ? []
      : [
          `room in ${folder}: ${Math.floor(has / 1e6)} MB free, expected ${policy.reserveMb} (update.reserve_mb)`,
        ]
  })
}

async function consentOf(
  { to }: UpdateRecord,
  { dir }: UpdateTools,
  said: { readonly version: string; readonly by: string } | undefined,
): Promise<string | undefined> {
  if (said?.version === to) return said.by
  try {
    const note = consentNote.safeParse(JSON.parse(await readFile(join(dir, CONSENT_FILE), 'utf8')))
    return note.success && note.data.version === to ? note.data.by : undefined
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}
