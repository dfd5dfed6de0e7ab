import { z } from 'zod'
import { type Moments, noMoments } from './moments.ts'
import type { FirstPoint, Learnt } from './phase-one.ts'
import { noRuns, type RunState } from './rules.ts'

/** All that a chart remembers; JSON, of a size that does not grow with the parts. */
export interface ChartState {
  /** Of every value, both phases. */
  moments: Moments
  /** Values that came but were no numbers. */
  unmeasured: number
  /** Points plotted, both phases. */
  points: number
  /** There is a value before the next one, `last`. */
  follows: boolean
  last: number
  /** Sum and count of the moving ranges, for the spread within a short time. */
  ranges: { sum: number; count: number }
  /** Sum of squares within the finished subgroups, and how many there are. */
  within: { squares: number; groups: number }
  /** The subgroup that is being filled. */
  group: { count: number; mean: number; squares: number; low: number; high: number }
  first: FirstPoint[]
  learnt: Learnt | null
  runs: RunState
  /** The weighted mean, and (1-λ)^2i. */
  ewma: { value: number; fading: number }
}

export function newState(): ChartState {
  return {
    moments: noMoments(),
    unmeasured: 0,
    points: 0,
    follows: false,
    last: 0,
    ranges: { sum: 0, count: 0 },
    within: { squares: 0, groups: 0 },
    group: { count: 0, mean: 0, squares: 0, low: 0, high: 0 },
    first: [],
    learnt: null,
    runs: noRuns(),
    ewma: { value: 0, fading: 1 },
  }
}

const number = z.number()
const count = z.int().min(0)

const moments = z.strictObject({ count, mean: number, m2: number, m3: number, m4: number })
const runs = z.strictObject({
  points: count,
  last: number,
  side: z.int(),
  trend: z.int(),
  turns: count,
  over2: count,
  under2: count,
  over1: count,
  under1: count,
  within1: count,
  beyond1: count,
})
const learnt = z.strictObject({
  centre: number,
  sigma: number.positive(),
  points: count,
  excluded: z.array(z.strictObject({ point: count, value: number, reason: z.enum(['value', 'spread']) })),
  stable: z.boolean(),
  normality: z.strictObject({ statistic: number, p: number }).exactOptional(),
})

/** A state as a snapshot gave it. */
export const chartState = z.strictObject({
  moments,
  unmeasured: count,
  points: count,
  follows: z.boolean(),
  last: number,
  ranges: z.strictObject({ sum: number, count }),
  within: z.strictObject({ squares: number, groups: count }),
  group: z.strictObject({ count, mean: number, squares: number, low: number, high: number }),
  first: z.array(z.strictObject({ value: number, spread: number.optional() })).max(1000),
  learnt: learnt.nullable(),
  runs,
  ewma: z.strictObject({ value: number, fading: number }),
})
