import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Line } from './link.ts'
import { codeOf } from './slots-pointer.ts'
import type { Steering } from './steering.ts'
import { subjectOf } from './subjects.ts'
import type { UpdateEvent, UpdateRecord } from './update-machine.ts'
import { messageOf, type UpdateTools } from './update-tools.ts'
import { isOpen, localTime, windowsText } from './update-windows.ts'

// Node-RED takes longer to come up than a trial lasts, and no inspection waits for it.
const FLOWS = 'flows'

/** Consent given at the machine's own command line. */
export const CONSENT_FILE = 'consent.json'
export const consentNote = z.looseObject({
  version: z.string(),
  /** What was agreed to; a release, where it does not say. */
  kind: z.string().default('release'),
  /** Which one of its kind; of a release there is one. */
  name: z.string().optional(),
  by: z.string(),
})

/** Who sent the update, where they steer it. */
export interface Steered {
  readonly steering: Steering | undefined
  readonly signal: AbortSignal
}

/**
 * Locks the line when nothing speaks against the switch: the window is open, somebody agreed where that is asked for,
 * no part has come for a while, there is room, and who sent it has not thought better of it.
 * @returns `locked`, `blocked` with every reason, or `refused`: called off
 */
export async function tryToLock(
  update: UpdateRecord,
  tools: UpdateTools,
  { steering, signal }: Steered,
): Promise<UpdateEvent> {
  const { policy, clock, link, pace, step } = tools
  const reasons: string[] = []
  if (!isOpen(policy.windows, localTime(clock.wall())))
    reasons.push(`the window: ${windowsText(policy.windows)}`)
  reasons.push(...(await tooFull(update, tools)))
  const line = await link.line().catch(messageOf)
  const consent = await consentOf(update, tools, typeof line === 'string' ? undefined : line.consent)
  const beside = subjectOf(update).besideTheLine === true
  if (!beside) reasons.push(...busy(line, policy.idleS))
  const asks = update.ask !== undefined || policy.consent === 'operator'
  const ready = reasons.length === 0 && (!asks || consent !== undefined)
  const standing = { consent, ready, signal }
  const orders = await steering?.orders(update.target.path, standing)
  if (orders?.cancelled !== undefined) return { type: 'refused', why: orders.cancelled, final: false }
  reasons.push(...(orders?.waitFor ?? []))
  const asked = update.ask ?? orders?.ask ?? (policy.consent === 'operator' ? '' : undefined)
  if (asked !== undefined && consent === undefined) {
    const why = asked === '' ? '' : `: ${asked}`
    reasons.push(`consent of the operator for ${nameOf(update)}${why}`)
  }
  if (reasons.length > 0) return { type: 'blocked', waitingFor: reasons }
  const before = await link.running()
  const refused = beside
    ? undefined
    : await step('lock line', () => link.lock(update.to, pace.leaseS)).catch(messageOf)
  if (refused !== undefined) return { type: 'blocked', waitingFor: [refused] }
  const units = [...(before?.units ?? [])]
    .filter(([name, state]) => state === 'ok' && name !== FLOWS)
    .map(([name]) => name)
  return { type: 'locked', well: units, ...(consent === undefined ? {} : { consent }) }
}

/** Why the line is not free. @param line a text: why the gateway does not say */
function busy(line: Line | string, idleS: number): readonly string[] {
  if (typeof line === 'string') return [`the gateway to say whether the line is idle: ${line}`]
  const { idle, why, sinceLastTriggerS: since } = line
  if (!idle) return why.length === 0 ? ['an idle line'] : why
  return since === undefined || since >= idleS
    ? []
    : [`an idle line: the last part came less than ${idleS} s ago`]
}

/** What a switch itself writes is little; without any room even that fails half way. */
async function tooFull(update: UpdateRecord, tools: UpdateTools): Promise<readonly string[]> {
  const { policy, freeBytes, dir } = tools
  const reserve = policy.reserveMb * 1e6
  const folders = [dir, ...subjectOf(update).folders(tools)]
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

function nameOf({ kind, name, to }: UpdateRecord): string {
  return kind === 'release' ? to : `${kind} ${name} ${to}`
}

async function consentOf(
  update: UpdateRecord,
  { dir }: UpdateTools,
  said: Line['consent'],
): Promise<string | undefined> {
  if (said !== undefined && isMeant(said, update)) return said.by
  const note = await consentIn(dir)
  return note !== undefined && isMeant(note, update) ? note.by : undefined
}

/** What was agreed to is done with: the same version would have to be agreed to anew. */
export async function forgetConsent(update: UpdateRecord, { dir }: Pick<UpdateTools, 'dir'>): Promise<void> {
  const note = await consentIn(dir)
  if (note !== undefined && isMeant(note, update)) await rm(join(dir, CONSENT_FILE), { force: true })
}

function isMeant(
  { version, kind = 'release', name }: NonNullable<Line['consent']>,
  update: UpdateRecord,
): boolean {
  const same = version === update.to && kind === update.kind
  return same && (kind === 'release' || name === update.name)
}

async function consentIn(dir: string): Promise<z.infer<typeof consentNote> | undefined> {
  try {
    return consentNote.safeParse(JSON.parse(await readFile(join(dir, CONSENT_FILE), 'utf8'))).data
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}
