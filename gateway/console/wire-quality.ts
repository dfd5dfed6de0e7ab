import * as z from 'zod/mini'

const scalar = z.union([z.number(), z.string(), z.boolean()])

const alert = z.object({
  id: z.string(),
  rule: z.string(),
  title: z.optional(z.string()),
  subject: z.string(),
  severity: z.enum(['info', 'warning', 'critical']),
  state: z.enum(['open', 'acknowledged', 'cleared']),
  since: z.string(),
  value: z.optional(scalar),
  limit: z.optional(scalar),
  detail: z.optional(z.string()),
  acknowledged_by: z.optional(z.string()),
})
export type Alert = z.infer<typeof alert>

const rating = z.enum(['excellent', 'on_target', 'tolerable', 'off_limit'])
export type Rating = z.infer<typeof rating>

const ratedShare = z.object({
  count: z.number(),
  of: z.number(),
  share: z.optional(z.number()),
  rating: z.optional(rating),
  certain: z.optional(z.boolean()),
})

const lotFigures = z.object({
  conformity: ratedShare,
  reject: ratedShare,
  cadence_per_h: z.optional(z.number()),
  cadence_rating: z.optional(rating),
})
export type LotFigures = z.infer<typeof lotFigures>

const chart = z.object({
  name: z.string(),
  recipe: z.string(),
  revision: z.number(),
  lot: z.string(),
  capability: z.optional(
    z.object({
      count: z.number(),
      cpk: z.object({ value: z.number(), low: z.number(), high: z.number() }),
      not_normal: z.optional(z.boolean()),
    }),
  ),
})
export type Chart = z.infer<typeof chart>

const quality = z.object({
  alerts: z.array(alert),
  kpi: z.object({ lot: lotFigures }),
  charts: z.array(chart),
})
/** What the page reads of `/api/v1/quality`. */
export type Quality = z.infer<typeof quality>

/**
 * @param body what the gateway answered
 * @throws ZodError naming what the page does not understand
 */
export function parseQuality(body: unknown): Quality {
  return quality.parse(body)
}
