import { z } from 'zod'

export const SEVERITIES = ['info', 'warning', 'critical'] as const
/** How much an alert matters, least first. */
export type Severity = (typeof SEVERITIES)[number]

const name = z.string().regex(/^[a-z0-9_-]{1,64}$/, 'expected 1 to 64 of a-z, 0-9, _ and -')
const path = z
  .string()
  .regex(/^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+){0,7}$/, 'expected a dotted path, e.g. as7341.oxidation_index')
const parts = z.int().min(1).max(10_000)
const seconds = z.number().positive().max(604_800)
const minutes = z.number().positive().max(10_080)

const lasting = z
  .strictObject({
    parts: parts.optional().describe('Parts, points or reports in a row.'),
    seconds: seconds.optional().describe('Without a break.'),
  })
  .refine((value) => (value.parts === undefined) !== (value.seconds === undefined), {
    error: 'expected either parts or seconds',
  })

const bounds = {
  above: z.number().optional().describe('More than this.'),
  at_least: z.number().optional().describe('This or more.'),
  below: z.number().optional().describe('Less than this.'),
  at_most: z.number().optional().describe('This or less.'),
}

const condition = z
  .strictObject({
    value: path.describe('Place in the inspection message. A part without it says nothing.'),
    ...bounds,
    equals: z.union([z.string(), z.number(), z.boolean()]).optional().describe('Exactly this.'),
  })
  .refine((given) => Object.keys(given).length > 1, 'expected a bound or equals beside value')
export type Condition = Readonly<z.infer<typeof condition>>

const common = {
  name: name.describe('Names the rule in alerts.'),
  title: z.string().max(200).optional().describe('One line for a person.'),
  enabled: z.boolean().default(true).describe('A rule that is not is kept, and says nothing.'),
  severity: z.enum(SEVERITIES).describe('How much it matters.'),
  for: lasting.optional().describe('How long it must hold before there is an alert; absent: at once.'),
  clear_after: lasting.prefault({ parts: 1 }).describe('How long it must not hold before the alert ends.'),
  latched: z.boolean().default(false).describe('The alert stays until somebody has acknowledged it.'),
  escalate_after_minutes: minutes
    .optional()
    .describe('Severity rises by one each time this passes without an acknowledgement.'),
  least_open_seconds: z
    .number()
    .min(0)
    .max(86_400)
    .default(60)
    .describe('An alert stays at least this long: what comes and goes is one alert, not a flood.'),
  while_line_stands: z
    .enum(['raise', 'suppress'])
    .default('raise')
    .describe('`suppress`: no new alert while the line stands.'),
}

const limitOfClear = z
  .number()
  .optional()
  .describe('Hysteresis: the alert ends only beyond this, on the good side of the limit.')

/** On the good side of the one bound there is. */
function clears(when: Condition, clearLimit: number | undefined): boolean {
  if (clearLimit === undefined) return true
  const [upper, lower] = [when.above ?? when.at_least, when.below ?? when.at_most]
  if (when.equals !== undefined || (upper === undefined) === (lower === undefined)) return false
  return upper === undefined ? clearLimit >= (lower ?? 0) : clearLimit <= upper
}

const thresholdRule = z
  .strictObject({
    ...common,
    kind: z.literal('threshold').describe('A value of one inspection beyond a limit.'),
    when: condition.describe('What is wrong.'),
    clear_limit: limitOfClear,
    min_parts: parts
      .default(1)
      .describe('Parts with this value that must have been seen, this one included.'),
  })
  .refine(({ when, clear_limit }) => clears(when, clear_limit), {
    path: ['clear_limit'],
    error: 'expected a value on the good side of the only bound of `when`',
  })

const trendRule = z
  .strictObject({
    ...common,
    kind: z.literal('trend').describe('A value that drifts: least-squares slope over the last parts.'),
    value: path.describe('Place in the inspection message.'),
    last: z.int().min(5).max(1000).default(50).describe('Parts the slope is taken over.'),
    slope_above: z.number().optional().describe('Rise a part that is too much.'),
    slope_below: z.number().optional().describe('The same downwards: a negative number.'),
    significance: z
      .number()
      .min(0)
      .max(20)
      .default(3)
      .describe('Standard errors by which the slope must differ from 0, so that noise is no trend.'),
  })
  .refine((rule) => (rule.slope_above === undefined) !== (rule.slope_below === undefined), {
    path: ['slope_above'],
    error: 'expected either slope_above or slope_below',
  })

const rateRule = z
  .strictObject({
    ...common,
    kind: z.literal('rate').describe('Too large a share of the parts.'),
    when: condition.describe('What is counted.'),
    share_above: z.number().min(0).max(1).describe('Share that is too much.'),
    clear_limit: limitOfClear,
    window: z
      .strictObject({
        parts: parts.min(2).optional().describe('Of this many last parts.'),
        minutes: minutes.optional().describe('Of the parts of this time, in sixtieths of it.'),
      })
      .refine((value) => (value.parts === undefined) !== (value.minutes === undefined), {
        error: 'expected either parts or minutes',
      })
      .describe('Which parts are looked at.'),
    min_parts: parts.default(20).describe('Fewer in the window say nothing.'),
  })
  .refine((rule) => rule.window.parts === undefined || rule.min_parts <= rule.window.parts, {
    path: ['min_parts'],
    error: 'expected no more than window.parts',
  })
  .refine((rule) => rule.clear_limit === undefined || rule.clear_limit <= rule.share_above, {
    path: ['clear_limit'],
    error: 'expected no more than share_above',
  })

const absenceRule = z.strictObject({
  ...common,
  while_line_stands: common.while_line_stands.unwrap().default('suppress'),
  kind: z.literal('absence').describe('Nothing came.'),
  value: path.optional().describe('Place in the message that must be there; absent: any inspection does.'),
  seconds: seconds.describe('For this long.'),
})

const chartRule = z.strictObject({
  ...common,
  kind: z.literal('chart').describe('A control chart’s rule was broken.'),
  charts: z
    .array(name)
    .min(1)
    .max(64)
    .optional()
    .describe('Which charts; absent: all. Each has its own alert.'),
  rules: z
    .array(z.string().min(1).max(32))
    .min(1)
    .max(32)
    .optional()
    .describe('Which rules, e.g. `we1`; absent: all.'),
})

const stateRule = z.strictObject({
  ...common,
  kind: z.literal('state').describe('A unit is not well.'),
  units: z
    .array(z.string().min(1).max(128))
    .min(1)
    .max(64)
    .optional()
    .describe('Which units; absent: all. Each has its own alert.'),
  except: z
    .array(z.string().min(1).max(128))
    .max(64)
    .default([])
    .describe('Units that it leaves to other rules.'),
  states: z
    .array(z.enum(['degraded', 'failed']))
    .min(1)
    .default(['degraded', 'failed'])
    .describe('What is not well.'),
})

/** One rule. */
export const alertRule = z.discriminatedUnion('kind', [
  thresholdRule,
  trendRule,
  rateRule,
  absenceRule,
  chartRule,
  stateRule,
])
export type AlertRule = z.infer<typeof alertRule>
export type RuleOf<K extends AlertRule['kind']> = Extract<AlertRule, { kind: K }>

/** `alerts.rules` of the configuration. */
export const alertRules = z
  .array(alertRule)
  .max(200)
  .refine(
    (rules) => new Set(rules.map((rule) => rule.name)).size === rules.length,
    'expected different names',
  )

const score = { clear_after: { parts: 5 }, escalate_after_minutes: 15 } as const

/**
 * The five rules of the original (facts §8), able to fire: its oxidation index could not pass .7, ours can. Its score
 * rules exclude each other: below .4 only the critical one.
 */
export const DEFAULT_RULES = [
  {
    name: 'quality_critical',
    title: 'The score is critically low',
    kind: 'threshold',
    severity: 'critical',
    when: { value: 'verdict.score', below: 0.4 },
    clear_after: { parts: 5 },
  },
  {
    name: 'quality_low',
    title: 'The score is low',
    kind: 'threshold',
    severity: 'warning',
    when: { value: 'verdict.score', below: 0.6, at_least: 0.4 },
    ...score,
  },
  {
    name: 'grade_reject',
    title: 'A part was graded REJECT',
    kind: 'threshold',
    severity: 'critical',
    when: { value: 'verdict.grade', equals: 'REJECT' },
    clear_after: { parts: 5 },
  },
  {
    name: 'oxidation_high',
    title: 'The product is oxidised',
    kind: 'threshold',
    severity: 'warning',
    when: { value: 'as7341.oxidation_index', above: 0.7 },
    clear_limit: 0.65,
    ...score,
  },
  {
    name: 'freshness_low',
    title: 'The product is not fresh',
    kind: 'threshold',
    severity: 'warning',
    when: { value: 'as7341.freshness_index', below: 0.5 },
    clear_limit: 0.55,
    ...score,
  },
] as const satisfies readonly z.input<typeof alertRule>[]

/** `alerts` of the configuration. */
export const alertsOptions = z.strictObject({
  rules: alertRules
    .prefault(() => [...DEFAULT_RULES])
    .describe('What raises an alert; the defaults are the five of SQAL.'),
  most_raised_per_minute: z
    .int()
    .min(1)
    .max(1000)
    .default(30)
    .describe('New alerts a minute; further ones wait, and are raised if they still hold.'),
})
export type AlertsOptions = Readonly<z.infer<typeof alertsOptions>>
