import { z } from 'zod'

const share = z.number().min(0).max(1)
const perHour = z.number().min(0).max(1_000_000)

/** What a lot or a shift should reach. The defaults are those of the original's quality references. */
export const kpiTargets = z
  .strictObject({
    conformity: z
      .strictObject({
        excellent: share.default(0.99).describe('From here on it is excellent.'),
        target: share.default(0.98).describe('From here on it is on target.'),
        limit: share.default(0.97).describe('Below it is off limit.'),
      })
      .refine(({ excellent, target, limit }) => limit <= target && target <= excellent, {
        error: 'expected limit ≤ target ≤ excellent',
      })
      .prefault({})
      .describe('Share of the graded parts that are not REJECT.'),
    downgrade: most(0.05, 0.1).describe('Share of the graded parts that are B or C.'),
    reject: most(0.02, 0.05).describe('Share of all parts that were rejected.'),
    cadence_per_h: z
      .strictObject({
        target: perHour.default(100).describe('From here on it is on target.'),
        limit: perHour.default(60).describe('Below it is off limit.'),
      })
      .refine(({ target, limit }) => limit <= target, {
        path: ['limit'],
        error: 'expected no more than target',
      })
      .prefault({})
      .describe('Parts an hour of planned time.'),
  })
  .describe('Targets of the key figures.')
export type KpiTargets = Readonly<z.infer<typeof kpiTargets>>

function most(target: number, limit: number) {
  return z
    .strictObject({
      target: share.default(target).describe('Up to here it is on target.'),
      limit: share.default(limit).describe('Beyond it is off limit.'),
    })
    .refine((rate) => rate.target <= rate.limit, { path: ['limit'], error: 'expected no less than target' })
    .prefault({})
}
