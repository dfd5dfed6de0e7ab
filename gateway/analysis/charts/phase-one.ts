import { median } from '../numbers.ts'
import { c4, d2, d4 } from './constants.ts'
import { type ChartKind, type InControl, meanBand, spreadBand } from './limits.ts'
import { type AndersonDarling, andersonDarling } from './moments.ts'
import { chiSquareQuantile } from './quantiles.ts'

/** A plotted point while limits are learnt. */
export interface FirstPoint {
  /** A value, or the mean of a subgroup. */
  readonly value: number
  /** Range or standard deviation of a subgroup; absent for single values. */
  readonly spread?: number | undefined
}

/** A point that limits were not learnt from. */
export interface Exclusion {
  /** Its place among the first points, from 1. */
  readonly point: number
  readonly value: number
  /** Beyond the limits the others give, in its value or in its spread. */
  readonly reason: 'value' | 'spread'
}

/** What the first points say about the process. */
export interface Learnt extends InControl {
  /** Points that the limits rest on. */
  readonly points: number
  readonly excluded: readonly Exclusion[]
  /** False: more than a quarter lay beyond the limits of the rest; nothing was settled when they were learnt. */
  readonly stable: boolean
  /** Of the points that were kept; absent of fewer than eight. */
  readonly normality?: AndersonDarling
}

export interface LearningPlan {
  readonly kind: ChartKind
  /** Parts a subgroup; 1 for single values. */
  readonly subgroup: number
  /** `mean`: mean range or deviation, as the books do. `median`: robust against single points. */
  readonly estimate: 'mean' | 'median'
  readonly exclude: boolean
}

const LARGEST_EXCLUDED_SHARE = 0.25

/**
 * Learns centre and spread from the first points. Points beyond the limits that the rest gives are left out, until
 * none is or a quarter is out.
 * @returns undefined where the points do not differ: no limits can be had from them
 */
export function learn(points: readonly FirstPoint[], plan: LearningPlan): Learnt | undefined {
  const excluded = new Map<number, Exclusion>()
  let kept = estimate(points, excluded, plan)
  let stable = true
  while (plan.exclude && kept !== undefined) {
    const outside = beyond(points, excluded, plan, kept)
    if (outside.length === 0) break
    if (excluded.size + outside.length > LARGEST_EXCLUDED_SHARE * points.length) {
      stable = false
      break
    }
    for (const exclusion of outside) excluded.set(exclusion.point - 1, exclusion)
    kept = estimate(points, excluded, plan)
  }
  if (kept === undefined) return undefined
  const values = points.filter((_, index) => !excluded.has(index)).map(({ value }) => value)
  const normality = andersonDarling(values)
  const ordered = [...excluded.values()].sort((one, other) => one.point - other.point)
  return {
    ...kept,
    points: values.length,
    excluded: ordered,
    stable,
    ...(normality === undefined ? {} : { normality }),
  }
}

type Excluded = ReadonlyMap<number, Exclusion>

function estimate(
  points: readonly FirstPoint[],
  excluded: Excluded,
  plan: LearningPlan,
): InControl | undefined {
  const values: number[] = []
  const spreads: number[] = []
  points.forEach(({ value, spread }, index) => {
    if (excluded.has(index)) return
    values.push(value)
    const before = points[index - 1]
    if (spread !== undefined) spreads.push(spread)
    // A range across a point that was left out would not be one of neighbours.
    else if (before !== undefined && !excluded.has(index - 1)) spreads.push(Math.abs(value - before.value))
  })
  if (values.length < 2 || spreads.length === 0) return undefined
  const robust = plan.estimate === 'median'
  const sigma = (robust ? median(spreads) : meanOf(spreads)) / unbiasing(plan, robust)
  if (!(sigma > 0)) return undefined
  return { centre: robust ? median(values) : meanOf(values), sigma }
}

/** Mean, or median, of the plotted spread where σ is 1. */
function unbiasing({ kind, subgroup }: LearningPlan, robust: boolean): number {
  if (kind === 'xbar_s') {
    return robust ? Math.sqrt(chiSquareQuantile(0.5, subgroup - 1) / (subgroup - 1)) : c4(subgroup)
  }
  const n = kind === 'xbar_r' ? subgroup : 2
  return robust ? d4(n) : d2(n)
}

function beyond(
  points: readonly FirstPoint[],
  excluded: Excluded,
  { kind, subgroup }: LearningPlan,
  kept: InControl,
): Exclusion[] {
  const location = meanBand(kept, subgroup)
  const spreads = spreadBand(kind, kept.sigma, subgroup)
  return points.flatMap(({ value, spread }, index): Exclusion[] => {
    if (excluded.has(index)) return []
    const wide = spread !== undefined && spreads !== undefined && spread > spreads.upper
    if (wide) return [{ point: index + 1, value: spread, reason: 'spread' }]
    const off = value < location.lower || value > location.upper
    return off ? [{ point: index + 1, value, reason: 'value' }] : []
  })
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
