import { z } from 'zod'
import { type AlertRule, SEVERITIES } from './rules.ts'

const timestamp = z.iso.datetime({ precision: 3 })

/** Something that is wrong, or was, as it is stored. */
export const alertSchema = z.object({
  id: z.uuid(),
  rule: z.string(),
  kind: z.enum(['threshold', 'trend', 'rate', 'absence', 'chart', 'state'] satisfies AlertRule['kind'][]),
  title: z.string().optional(),
  subject: z.string(),
  severity: z.enum(SEVERITIES),
  state: z.enum(['open', 'acknowledged', 'cleared']),
  value: z.union([z.number(), z.string(), z.boolean()]).optional(),
  limit: z.union([z.number(), z.string(), z.boolean()]).optional(),
  detail: z.string().optional(),
  inspection: z
    .object({ id: z.string(), epoch: z.string().optional(), sequence: z.int().optional() })
    .optional(),
  since: timestamp,
  occurrences: z.int().min(1),
  acknowledgedBy: z.string().optional(),
  acknowledgedAt: timestamp.optional(),
  clearedAt: timestamp.optional(),
})
export type Alert = Readonly<z.infer<typeof alertSchema>>

/** What happened to an alert. */
export interface AlertChange {
  readonly change: 'raised' | 'escalated' | 'acknowledged' | 'cleared'
  readonly alert: Alert
  readonly at: string
}
