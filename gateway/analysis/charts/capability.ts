import type { ControlChart } from './chart.ts'
import { deviationOf, type Shape, shapeOf } from './moments.ts'
import { chiSquareQuantile, normalQuantile } from './quantiles.ts'

/** What the parts must keep; one side is enough. */
export interface Specification {
  readonly lower?: number | undefined
  readonly upper?: number | undefined
}

/** An index with its two-sided confidence interval. */
export interface Index {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** How well the process keeps its specification. */
export interface Capability {
  readonly count: number
  readonly mean: number
  /** Standard deviation of one part within a short time, and over all parts. */
  readonly sigmaWithin: number
  readonly sigmaOverall: number
  /** Short time; `cp` needs both sides. */
  readonly cp?: Index
  readonly cpk: Index
  /** All parts; `pp` needs both sides. */
  readonly pp?: Index
  readonly ppk: Index
  /** Of the intervals, e.g. 0.95. */
  readonly confidence: number
  /** Absent of fewer than 20 values. `notNormal`: the indices say less than they seem to. */
  readonly shape?: Shape
}

/**
 * Spread width over process width: (USL-LSL)/6s, with the interval of s from χ² (Montgomery, Introduction to Statistical Quality Control, 8.3).
 * @param freedom degrees of freedom of `sigma`
 */
export function potentialIndex(width: number, sigma: number, freedom: number, confidence = 0.95): Index {
  const value = width / (6 * sigma)
  const tail = (1 - confidence) / 2
  return {
    value,
    low: value * Math.sqrt(chiSquareQuantile(tail, freedom) / freedom),
    high: value * Math.sqrt(chiSquareQuantile(1 - tail, freedom) / freedom),
  }
}

/**
 * Distance of the mean to the nearer limit over 3s; interval of Bissell (1990): variance 1/9n + index²/2ν.
 * @param process mean of `count` values, `sigma` with `freedom` degrees of freedom
 * @throws RangeError where no limit is given
 */
export function centredIndex(
  { lower, upper }: Specification,
  process: {
    readonly mean: number
    readonly sigma: number
    readonly count: number
    readonly freedom: number
  },
  confidence = 0.95,
): Index {
  if (lower === undefined && upper === undefined)
    throw new RangeError('specification: expected lower, upper or both')
  const { mean, sigma, count, freedom } = process
  const below = lower === undefined ? Number.POSITIVE_INFINITY : mean - lower
  const above = upper === undefined ? Number.POSITIVE_INFINITY : upper - mean
  const value = Math.min(below, above) / (3 * sigma)
  const deviation = Math.sqrt(1 / (9 * count) + (value * value) / (2 * freedom))
  const width = normalQuantile((1 + confidence) / 2) * deviation
  return { value, low: value - width, high: value + width }
}

// The mean moving range is worth 0.605 of a sample deviation: var = 0.826 σ²/n against σ²/2n (Cryer and Ryan 1990).
const MOVING_RANGE_EFFICIENCY = 0.605

/**
 * The capability of all parts that a chart has seen, both phases.
 * @returns undefined of fewer than two values (three for moving ranges), or where nothing scatters
 * @throws RangeError where the specification has no limit
 */
export function capabilityOf(
  chart: ControlChart,
  specification: Specification,
  confidence = 0.95,
): Capability | undefined {
  const { moments } = chart.figures
  const overall = deviationOf(moments)
  const within = spreadWithin(chart)
  if (overall === undefined || within === undefined || !(overall > 0) || !(within.sigma > 0)) return undefined
  const { count, mean } = moments
  const long = { mean, sigma: overall, count, freedom: count - 1 }
  const short = { mean, sigma: within.sigma, count, freedom: within.freedom }
  const shape = shapeOf(moments)
  const width = widthOf(specification)
  return {
    count,
    mean,
    sigmaWithin: within.sigma,
    sigmaOverall: overall,
    ...(width === undefined ? {} : { cp: potentialIndex(width, within.sigma, within.freedom, confidence) }),
    cpk: centredIndex(specification, short, confidence),
    ...(width === undefined ? {} : { pp: potentialIndex(width, overall, count - 1, confidence) }),
    ppk: centredIndex(specification, long, confidence),
    confidence,
    ...(shape === undefined ? {} : { shape }),
  }
}

function widthOf({ lower, upper }: Specification): number | undefined {
  return lower === undefined || upper === undefined ? undefined : upper - lower
}

/** Single values: mean moving range. Subgroups: pooled variance within, which is the exact χ² case. */
function spreadWithin(chart: ControlChart): { sigma: number; freedom: number } | undefined {
  const { ranges, within } = chart.figures
  const { subgroup } = chart.plan
  if (subgroup > 1) {
    const freedom = within.groups * (subgroup - 1)
    return freedom === 0 ? undefined : { sigma: Math.sqrt(within.squares / freedom), freedom }
  }
  if (ranges.count < 2) return undefined
  return {
    sigma: (ranges.sum / ranges.count) * (Math.sqrt(Math.PI) / 2),
    freedom: MOVING_RANGE_EFFICIENCY * ranges.count,
  }
}
