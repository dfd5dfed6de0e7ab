import { z } from 'zod'
import type { Action, Grade } from './inspection.ts'
import type { InspectionMessage } from './message.ts'

const count = z.int().min(0)

/** What became of the parts of one lot, as the log has them. */
export const lotTotals = z.object({
  parts: count.describe('Inspections stored.'),
  actions: z
    .object({ accept: count, reject: count, hold: count } satisfies Record<Action, unknown>)
    .describe('By what was done with the part.'),
  grades: z
    .object({ 'A+': count, A: count, B: count, C: count, REJECT: count } satisfies Record<Grade, unknown>)
    .describe('By grade; the ungraded are in none.'),
  ungraded: count.describe('No grade could be given.'),
  reasons: z
    .record(z.string(), count)
    .describe('How often each reason of a verdict that did not accept was given; head ids left out.'),
  mass_g: z.number().min(0).describe('Sum of the accepted parts, g.'),
  mass_parts: count.describe('Accepted parts whose mass is known.'),
  overridden: count.describe('Verdicts that two persons changed.'),
})
export type LotTotals = Readonly<z.infer<typeof lotTotals>>

/** Reasons are few by construction; a message from elsewhere shall not make a lot's row grow. */
const MOST_REASONS = 64

export function emptyTotals(): LotTotals {
  return {
    parts: 0,
    actions: { accept: 0, reject: 0, hold: 0 },
    grades: { 'A+': 0, A: 0, B: 0, C: 0, REJECT: 0 },
    ungraded: 0,
    reasons: {},
    mass_g: 0,
    mass_parts: 0,
    overridden: 0,
  }
}

/** The totals with one more inspection. */
export function withPart(totals: LotTotals, { verdict, mass_g: mass }: Part): LotTotals {
  const weighed = verdict.action === 'accept' && mass !== undefined
  return {
    ...totals,
    parts: totals.parts + 1,
    actions: { ...totals.actions, [verdict.action]: totals.actions[verdict.action] + 1 },
    ...(verdict.kind === 'graded'
      ? { grades: { ...totals.grades, [verdict.grade]: totals.grades[verdict.grade] + 1 } }
      : { ungraded: totals.ungraded + 1 }),
    ...(verdict.action === 'accept' ? {} : { reasons: counted(totals.reasons, verdict.reasons) }),
    ...(weighed ? { mass_g: totals.mass_g + mass.estimate, mass_parts: totals.mass_parts + 1 } : {}),
  }
}

type Part = Pick<InspectionMessage, 'verdict' | 'mass_g'>

function counted(
  before: Readonly<Record<string, number>>,
  reasons: readonly string[],
): Record<string, number> {
  const after = { ...before }
  for (const reason of reasons) {
    const name = reason.split(':', 1)[0] ?? reason
    if (name in after || Object.keys(after).length < MOST_REASONS) after[name] = (after[name] ?? 0) + 1
  }
  return after
}
