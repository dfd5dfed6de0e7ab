import { z } from 'zod'
import { ACTIONS, GRADES } from '../inspection.ts'
import { lotTotals } from '../lot-totals.ts'
import { checkpointRecord } from './checkpoint.ts'

const decision = z.object({
  grade: z.enum(GRADES).optional().describe('Absent: no grade could be given.'),
  action: z.enum(ACTIONS),
})

const tracedPart = decision.extend({
  id: z.string().describe('Of the inspection.'),
  epoch: z.string(),
  sequence: z.int().min(1).describe('The order in which parts were inspected, whatever the clock said.'),
  timestamp: z.iso.datetime(),
  reasons: z.array(z.string()),
  hash: z.string().describe('Its place in the chain: `provenance.hash`.'),
  overridden: decision
    .extend({ at: z.iso.datetime() })
    .optional()
    .describe('What two persons decided instead.'),
})
export type TracedPart = z.infer<typeof tracedPart>

/** What a label leads to: `poincon.trace/1`. Names no person. */
export const traceRecord = z
  .object({
    schema: z.literal('poincon.trace/1'),
    kind: z.enum(['lot', 'part']),
    id: z.string().describe('Of the lot, or of the inspection.'),
    device_id: z.string(),
    site: z.string(),
    line: z.string(),
    station: z.string(),
    lot: z
      .object({
        id: z.string(),
        started_at: z.iso.datetime(),
        closed_at: z.iso.datetime().optional().describe('Absent: it is still being made.'),
        totals: lotTotals,
      })
      .optional()
      .describe('Absent: it is not known any more.'),
    parts: z.array(tracedPart).describe('In the order they were inspected.'),
    parts_not_listed: z.int().min(0).describe('Of the lot, too many to list or not stored any more.'),
    recipes: z.array(z.object({ id: z.string(), revision: z.int(), sha256: z.string() })),
    calibrations: z.array(
      z.object({ id: z.string(), kind: z.string().optional(), taken_at: z.string().optional() }),
    ),
    software: z.array(z.string()),
    checkpoint: checkpointRecord
      .nullable()
      .describe('The first signed place of the chain that covers every part of it; null: not signed yet.'),
  })
  .meta({ title: 'poincon.trace/1' })
export type Trace = z.infer<typeof traceRecord>
