import { z } from 'zod'
import type { ChartPlan } from './chart.ts'
import { LARGEST_SUBGROUP, LEAST_SUBGROUP } from './constants.ts'
import { CHART_KINDS } from './limits.ts'
import { MEASURE_NAMES } from './measures.ts'
import { NELSON, RULES, type Rule, WESTERN_ELECTRIC } from './rules.ts'

const positive = z.number().positive()

const specification = z
  .strictObject({
    lower: z.number().optional().describe('Least value of a good part.'),
    upper: z.number().optional().describe('Greatest value of a good part.'),
  })
  .refine(({ lower, upper }) => lower !== undefined || upper !== undefined, 'expected lower, upper or both')
  .refine(({ lower, upper }) => lower === undefined || upper === undefined || lower < upper, {
    path: ['upper'],
    error: 'expected more than lower',
  })

/** One control chart of the configuration. */
export const chartOptions = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9_-]{1,64}$/, 'expected 1 to 64 of a-z, 0-9, _ and -')
      .describe('Names the chart in alerts and on the page.'),
    value: z
      .enum(MEASURE_NAMES)
      .describe('What it follows, by its name in messages. Ungraded parts are no points.'),
    kind: z
      .enum(CHART_KINDS)
      .default('i_mr')
      .describe('Single values, means of subgroups with range or standard deviation, or a weighted mean.'),
    subgroup: z
      .int()
      .min(LEAST_SUBGROUP)
      .max(LARGEST_SUBGROUP)
      .default(5)
      .describe('Parts a subgroup, of `xbar_r` and `xbar_s`.'),
    rules: z
      .union([z.enum(['western_electric', 'nelson']), z.array(z.enum(RULES)).min(1).max(RULES.length)])
      .default('western_electric')
      .describe(
        'Which rules a plotted value is judged by. Spread and `ewma` are judged by their limits alone.',
      ),
    first_points: z
      .int()
      .min(8)
      .max(500)
      .default(50)
      .describe('Points that limits are learnt from (phase I); then they stay.'),
    estimate: z
      .enum(['mean', 'median'])
      .default('median')
      .describe('Limits from mean or from median range: the median bears single wild points.'),
    exclude: z
      .boolean()
      .default(true)
      .describe('Leaves first points out that lie beyond the limits of the others, and says which.'),
    known: z
      .strictObject({
        centre: z.number().describe('Mean of the process.'),
        sigma: positive.describe('Standard deviation of one part.'),
      })
      .optional()
      .describe('Limits that are known: nothing is learnt.'),
    lambda: positive.max(1).default(0.2).describe('EWMA: weight of the newest value.'),
    width: positive.max(10).default(2.962).describe('EWMA: half width of the limits, standard deviations.'),
    specification: specification.optional().describe('What Cp and Cpk are computed against.'),
  })
  .describe('A control chart.')
export type ChartOptions = Readonly<z.infer<typeof chartOptions>>

/** `charts` of the configuration. */
export const chartsOptions = z
  .array(chartOptions)
  .max(32)
  .refine(
    (charts) => new Set(charts.map(({ name }) => name)).size === charts.length,
    'expected different names',
  )
  .describe('Control charts, one each for every recipe and lot.')

/** What a chart is kept by. */
export function chartPlan(options: ChartOptions): ChartPlan {
  const { kind, rules, first_points, estimate, exclude, known, lambda, width } = options
  const subgroup = kind === 'xbar_r' || kind === 'xbar_s' ? options.subgroup : 1
  return {
    kind,
    subgroup,
    rules: rulesOf(rules),
    firstPoints: first_points,
    estimate,
    exclude,
    known,
    lambda,
    width,
    steadyLimits: false,
  }
}

function rulesOf(rules: ChartOptions['rules']): readonly Rule[] {
  if (rules === 'western_electric') return WESTERN_ELECTRIC
  return rules === 'nelson' ? NELSON : rules
}
