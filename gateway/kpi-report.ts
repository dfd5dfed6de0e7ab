import { z } from 'zod'

const count = z.int().min(0)
const unit = z.number().min(0).max(1)
const rating = z
  .enum(['excellent', 'on_target', 'tolerable', 'off_limit'])
  .describe('Against the targets of the recipe.')

const share = z.object({
  count,
  of: count.describe('Parts it is a share of; with none there is no share.'),
  share: unit.optional(),
  low: unit.optional().describe('Lower end of the 95 % interval (Wilson 1927).'),
  high: unit.optional().describe('Upper end.'),
})
const rated = share.extend({
  rating: rating.optional(),
  certain: z.boolean().optional().describe('The whole interval has this rating.'),
})

/** The key figures of a lot or of a shift. */
export const kpiReport = z.object({
  name: z.string().describe('Lot, or name and date of the shift.'),
  parts: count.describe('Without places where no part lay, and without what an update turned away.'),
  empty: count.describe('Triggers where no part lay.'),
  updating: count.default(0).describe('Turned away while an update had the line: in no other figure.'),
  conformity: rated.describe('Graded and not REJECT, of the graded parts.'),
  downgrade: rated.describe('B or C, of the graded parts.'),
  reject: rated.describe('Rejected for whatever reason, of all parts.'),
  hold: share.describe('Held, of all parts.'),
  ungraded: share.describe('Without a grade, of all parts.'),
  planned_s: z.number().min(0).describe('Planned time so far, s: within shifts and outside breaks.'),
  stopped_s: z.number().min(0).describe('Of it the line stood, s.'),
  uncounted_s: z
    .number()
    .min(0)
    .describe('Time nobody watched, s: station off, clock set, an update had the line.'),
  cadence_per_h: z.number().min(0).optional().describe('Parts an hour of planned time.'),
  cadence_rating: rating.optional(),
  running_cadence_per_h: z.number().min(0).optional().describe('Parts an hour of the time the line ran.'),
  oee: z
    .object({
      quality: unit.optional().describe('Accepted, of all parts: what has no grade is not good.'),
      availability: unit.optional().describe('Planned time in which the line ran, of planned time.'),
    })
    .describe('Two of the three factors (ISO 22400-2); performance needs an ideal cycle time.'),
})
export type KpiReport = z.infer<typeof kpiReport>
export type Share = z.infer<typeof share>
export type RatedShare = z.infer<typeof rated>
export type Rating = z.infer<typeof rating>
