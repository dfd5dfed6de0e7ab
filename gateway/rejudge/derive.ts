import type { Plan } from '../analysis/judge.ts'
import type { EmptyTray } from '../calibration.ts'
import { FIRST_PART, heldAsFirst } from '../first-part.ts'
import type { Inspected } from '../inspect.ts'
import type { InspectionDraft } from '../message.ts'
import type { RawRecord } from '../raw.ts'
import { recordOf } from '../record.ts'
import type { RecipeInForce } from '../setup.ts'
import { inspectAgain } from './again.ts'
import type { StoredMessage } from './message.ts'
import { type Difference, differenceOf } from './same.ts'
import { circumstancesOf } from './sources.ts'

/** Members of the message that follow from raw data, recipe and calibration. */
const DERIVED = ['as7341', 'camera', 'fusion', 'heads', 'mass_g', 'verdict', 'vl53l8ch'] as const

/** Relative difference of numbers that another machine or release may have. */
export const TOLERANCE = 1e-9
/** Findings are rounded to four decimals when the part is judged: there one unit of the last may differ. */
const FINDINGS = /^verdict\.findings\.\d+\./
const FINDING_UNIT = 1.0001e-4

/** What a part is derived from. */
export interface Basis {
  readonly message: StoredMessage
  readonly record: RawRecord
  readonly recipe: RecipeInForce
  readonly tray: EmptyTray | undefined
  readonly plan: Plan
}

/**
 * Derives the message of a part anew, and compares.
 * @param exact bit for bit; else numbers may differ by `TOLERANCE`, before they are rounded for the message, and what
 *   the stored message does not know is not asked for
 */
export async function derivationOf(basis: Basis, exact: boolean): Promise<Difference | undefined> {
  const inspected = await inspectedAgain(basis)
  const stored = derivedPart(basis.message)
  const plain = derivedPart(draftOf(basis, inspected))
  const equal = differenceOf(stored, plain, () => false, exact)
  if (equal === undefined || exact) return equal
  // A number may stand so near the border between two roundings that its last bits decide.
  const low = derivedPart(draftOf(basis, scaled(inspected, 1 - TOLERANCE)))
  const high = derivedPart(draftOf(basis, scaled(inspected, 1 + TOLERANCE)))
  const agrees = (field: string, value: number, derived: number): boolean => {
    if (FINDINGS.test(field)) return Math.abs(value - derived) <= FINDING_UNIT
    const borders = [numberAt(low, field), numberAt(high, field)]
    return Math.min(...borders) <= value && value <= Math.max(...borders)
  }
  return differenceOf(stored, plain, agrees, false)
}

/** The verdict of a part as this release gives it and would write it; when it was decided stays as it was. */
export async function verdictAgain(basis: Basis): Promise<InspectionDraft['verdict']> {
  return draftOf(basis, await inspectedAgain(basis)).verdict
}

async function inspectedAgain(basis: Basis): Promise<Inspected> {
  const { message, record, plan, tray } = basis
  const again = await inspectAgain(record, plan, tray, circumstancesOf(basis))
  return wasFirst(message) ? { ...again, judgement: heldAsFirst(again.judgement) } : again
}

/** Whether it was held only for a person to see the first part after a changeover: that no analysis says. */
function wasFirst({ verdict }: StoredMessage): boolean {
  return verdict.reasons.includes(FIRST_PART)
}

/** As the gateway records it; what else the message says is not derived, and taken from it. */
function draftOf({ message, recipe, tray }: Basis, inspected: Inspected): InspectionDraft {
  const { judgement } = inspected
  const { latency_ms } = message.verdict
  const part = {
    trigger: { number: 1, at: 0, source: 'replay', sampleId: message.sample_id },
    inspected,
    judgement,
    latencyMs: latency_ms,
    decidedAt: latency_ms,
  } as const
  const identity = { deviceId: '', site: '', line: '', station: '' }
  return recordOf(part, {
    id: message.id,
    identity,
    software: message.provenance.software,
    inForce: { recipe, lotId: '', tray, references: [] },
    clock: 'holdover',
    wallMs: Date.parse(message.timestamp),
    dryRun: false,
  }).draft
}

function derivedPart(message: object): Record<string, unknown> {
  return Object.fromEntries(
    DERIVED.flatMap((key) => {
      const value: unknown = Reflect.get(message, key)
      return value === undefined ? [] : [[key, value]]
    }),
  )
}

/** Every number that was concluded, times `factor`. */
function scaled(inspected: Inspected, factor: number): Inspected {
  return { ...inspected, judgement: scale(inspected.judgement, factor) }
}

function scale<T>(value: T, factor: number): T
function scale(value: unknown, factor: number): unknown {
  if (typeof value === 'number') return value * factor
  if (Array.isArray(value)) return value.map((inner) => scale<unknown>(inner, factor))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, scale<unknown>(inner, factor)]))
}

function numberAt(value: unknown, field: string): number {
  let inner: unknown = value
  for (const key of field.split('.')) {
    inner = typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined
  }
  return typeof inner === 'number' ? inner : Number.NaN
}
