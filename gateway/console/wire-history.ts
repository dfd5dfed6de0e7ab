import * as z from 'zod/mini'

const measure = z.object({
  count: z.number(),
  mean: z.number(),
  std: z.optional(z.number()),
  min: z.number(),
  max: z.number(),
  p05: z.number(),
  p50: z.number(),
  p95: z.number(),
})
export type MeasureSums = z.infer<typeof measure>

const sums = z.object({
  parts: z.number(),
  ungraded: z.number(),
  grades: z.record(z.string(), z.number()),
  measures: z.record(z.string(), measure),
})
export type Sums = z.infer<typeof sums>

const history = z.object({
  by: z.enum(['hour', 'day']),
  rows: z.array(z.extend(sums, { starts_at: z.string() })),
  total: sums,
})
/** What the page reads of `/api/v1/aggregates`. */
export type History = z.infer<typeof history>
export type HistoryRow = History['rows'][number]

/** @throws ZodError naming what the page does not understand */
export function parseHistory(body: unknown): History {
  return history.parse(body)
}
