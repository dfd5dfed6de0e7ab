import { z } from 'zod'

const scalar = z.union([z.number(), z.string(), z.boolean()])

/** An alert as page and API show it. */
export const alertView = z.object({
  id: z.string().describe('What is acknowledged.'),
  rule: z.string(),
  kind: z
    .enum(['threshold', 'trend', 'rate', 'absence', 'chart', 'state'])
    .describe('Of what kind the rule is.'),
  title: z.string().exactOptional(),
  subject: z.string().describe('What it is about: a chart, a unit, else `station`.'),
  severity: z.enum(['info', 'warning', 'critical']),
  state: z.enum(['open', 'acknowledged', 'cleared']),
  since: z.string(),
  value: scalar.exactOptional(),
  limit: scalar.exactOptional(),
  detail: z.string().exactOptional(),
  occurrences: z.int(),
  acknowledged_by: z.string().exactOptional(),
})
export type AlertView = z.infer<typeof alertView>
