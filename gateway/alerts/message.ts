import { z } from 'zod'
import type { AlertChange } from './alert.ts'
import { SEVERITIES } from './rules.ts'

const scalar = z.union([z.number(), z.string(), z.boolean()])
const timestamp = z.iso.datetime({ precision: 3 })
const name = z.string().regex(/^[a-z0-9-]{1,64}$/)

/**
 * The message of one change of an alert on every wire: `poincon.alert/1` (CONTRACTS). What the gateway adds to the
 * alerts of the flows, which have had this form before, is optional in it.
 */
export const alertMessage = z.object({
  schema: z.literal('poincon.alert/1').describe('Name and version of this form.'),
  id: z
    .uuid()
    .optional()
    .describe(
      'UUIDv7 of the alert: the same in all its messages, and what is acknowledged; absent: of a flow.',
    ),
  change: z
    .enum(['raised', 'escalated', 'acknowledged', 'cleared'])
    .optional()
    .describe('What happened. A repeat of an id with the same change can be dropped, but for `escalated`.'),
  timestamp: timestamp.describe('When it happened.'),
  device_id: name.describe('The gateway.'),
  site: name.describe('First level of the topic.'),
  line: name.describe('Second level of the topic.'),
  station: name.describe('Third level of the topic.'),
  rule: z.string().describe('The rule that was broken, by name.'),
  kind: z
    .enum(['threshold', 'trend', 'rate', 'absence', 'chart', 'state'])
    .optional()
    .describe('Of what kind the rule is.'),
  title: z.string().optional().describe('The rule in one line, for a person.'),
  subject: z.string().optional().describe('What it is about: a chart, a unit, else `station`.'),
  severity: z.enum(SEVERITIES).describe('How much it matters now.'),
  state: z
    .enum(['open', 'acknowledged', 'cleared'])
    .optional()
    .describe('`acknowledged`: somebody knows; it still holds.'),
  value: scalar.optional().describe('What was measured when it was raised, in the unit of its limit.'),
  limit: scalar.optional().describe('What should have been kept.'),
  detail: z.string().optional().describe('More, in words.'),
  since: timestamp.describe('When it was raised.'),
  inspection: z
    .object({
      id: z.string().describe('Its id.'),
      epoch: z
        .string()
        .optional()
        .describe('The log it stands in, where it stood there when it raised the alert.'),
      sequence: z.int().min(1).optional().describe('Its place in the epoch.'),
    })
    .optional()
    .describe('The inspection that raised it, where one did.'),
  occurrences: z
    .int()
    .min(1)
    .optional()
    .describe('How often the rule was broken since it was raised, that time included.'),
  acknowledged_by: z.string().optional().describe('Who has acknowledged it.'),
  acknowledged_at: timestamp.optional().describe('When.'),
  cleared_at: timestamp.optional().describe('When it ended.'),
})
export type AlertMessage = z.infer<typeof alertMessage>

/** Where alerts come from. */
export interface AlertOrigin {
  readonly deviceId: string
  readonly site: string
  readonly line: string
  readonly station: string
}

/** A change as it goes out. */
export function alertMessageOf({ change, alert, at }: AlertChange, origin: AlertOrigin): AlertMessage {
  const { id, rule, kind, title, subject, severity, state, value, limit, detail, since, occurrences } = alert
  return {
    schema: 'poincon.alert/1',
    id,
    change,
    timestamp: at,
    device_id: origin.deviceId,
    site: origin.site,
    line: origin.line,
    station: origin.station,
    rule,
    kind,
    ...(title === undefined ? {} : { title }),
    subject,
    severity,
    state,
    ...(value === undefined ? {} : { value }),
    ...(limit === undefined ? {} : { limit }),
    ...(detail === undefined ? {} : { detail }),
    since,
    ...(alert.inspection === undefined ? {} : { inspection: alert.inspection }),
    occurrences,
    ...(alert.acknowledgedBy === undefined ? {} : { acknowledged_by: alert.acknowledgedBy }),
    ...(alert.acknowledgedAt === undefined ? {} : { acknowledged_at: alert.acknowledgedAt }),
    ...(alert.clearedAt === undefined ? {} : { cleared_at: alert.clearedAt }),
  }
}

/** What `cmd/alert/acknowledge` takes. */
export const acknowledgePayload = z.strictObject({
  id: z.uuid().describe('Of the alert.'),
  by: z.string().min(1).max(128).describe('Who acknowledges it.'),
})
