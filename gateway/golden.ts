import { differenceToTarget } from './analysis/delta-e.ts'
import { normalCdf } from './analysis/numbers.ts'
import type { GoldenFinding, GoldenValue } from './calibration/rows.ts'
import type { GoldenTolerances, Toleranced } from './golden-options.ts'
import type { GoldenStatistics } from './golden-statistics.ts'
import type { GoldenDecision } from './golden-watch.ts'
import type { Lab } from './inspection.ts'

/**
 * In tolerance only where it is so with this probability (JCGM 106:2012, 8.3.2: guarded acceptance, as ISO 14253-1
 * has it); out of it where the measured value is (8.2, simple). In between a check is to be repeated with more looks.
 */
const ACCEPTED = 0.95
const REJECTED = 0.5

/** What each tolerance is about; the colour's is three values. */
const VALUE_OF: Readonly<
  Record<Exclude<Toleranced, 'delta_e'>, readonly [GoldenValue, 'relative' | 'absolute']>
> = {
  volume_percent: ['volume_mm3', 'relative'],
  mass_percent: ['mass_g', 'relative'],
  height_mm: ['height_mm', 'absolute'],
  max_height_mm: ['max_height_mm', 'absolute'],
  length_mm: ['length_mm', 'absolute'],
  width_mm: ['width_mm', 'absolute'],
  uniformity: ['uniformity', 'absolute'],
  freshness: ['freshness', 'absolute'],
  fat_quality: ['fat_quality', 'absolute'],
  oxidation: ['oxidation', 'absolute'],
  score: ['score', 'absolute'],
}

/** A golden part as it was defined, or as it is now. */
export interface GoldenMeasured {
  readonly values: GoldenStatistics
  readonly looks: number
  readonly placements: number
}

export interface GoldenResult {
  readonly decision: GoldenDecision
  readonly findings: readonly GoldenFinding[]
}

/**
 * Whether a golden part still measures as it did. What both measurements have in common (model, tray, calibration)
 * cancels: the uncertainty of the deviation is the scatter of looks and placements of both.
 * @param now of one placement or more
 * @returns failed where one tolerance failed or was not measured; inconclusive where one was
 */
export function checkGolden(
  reference: GoldenMeasured,
  now: GoldenMeasured,
  tolerances: GoldenTolerances,
): GoldenResult {
  const findings = Object.entries(tolerances).flatMap(([name, tolerance]): GoldenFinding[] => {
    if (tolerance === undefined) return []
    if (name === 'delta_e') return [colourFinding(reference, now, tolerance)]
    const found = Object.entries(VALUE_OF).find(([known]) => known === name)?.[1]
    return found === undefined ? [] : [valueFinding({ name, tolerance, reference, now }, ...found)]
  })
  const some = (decision: GoldenFinding['decision']): boolean =>
    findings.some((finding) => finding.decision === decision)
  const failed = findings.length === 0 || some('failed') || some('not-measured')
  return { decision: failed ? 'failed' : some('inconclusive') ? 'inconclusive' : 'passed', findings }
}

interface Comparison {
  readonly name: string
  readonly tolerance: number
  readonly reference: GoldenMeasured
  readonly now: GoldenMeasured
}

function valueFinding(
  { name, tolerance, reference, now }: Comparison,
  value: GoldenValue,
  scale: 'relative' | 'absolute',
): GoldenFinding {
  const [was, is] = [reference.values[value], now.values[value]]
  if (was === undefined || is === undefined || (scale === 'relative' && !(Math.abs(was.mean) > 0)))
    return { name, decision: 'not-measured', tolerance }
  const unit = scale === 'relative' ? 100 / Math.abs(was.mean) : 1
  const deviation = (is.mean - was.mean) * unit
  const u = unit * Math.sqrt(varianceOf(reference, now, value))
  const probability = withinProbability(deviation, u, tolerance)
  return {
    name,
    decision: decisionOf(probability),
    tolerance,
    reference: was.mean,
    measured: is.mean,
    deviation,
    u,
    ...(u > 0 ? { z: deviation / u } : {}),
    probability,
  }
}

function colourFinding(reference: GoldenMeasured, now: GoldenMeasured, tolerance: number): GoldenFinding {
  const [was, is] = [labOf(reference.values), labOf(now.values)]
  if (was === undefined || is === undefined) return { name: 'delta_e', decision: 'not-measured', tolerance }
  const covariance = new Float64Array(9)
  const names = ['l', 'a', 'b'] as const
  for (const [axis, name] of names.entries()) covariance[4 * axis] = varianceOf(reference, now, name)
  const { deltaE00, withinProbability: within } = differenceToTarget(is, was, covariance, tolerance)
  const { estimate, std: u } = deltaE00
  // Without noise there is no distribution to ask.
  const probability = u > 0 ? within : withinProbability(estimate, 0, tolerance)
  return {
    name: 'delta_e',
    decision: decisionOf(probability),
    tolerance,
    reference: 0,
    measured: estimate,
    deviation: estimate,
    u,
    ...(u > 0 ? { z: estimate / u } : {}),
    probability,
  }
}

function labOf({ l, a, b }: GoldenStatistics): Lab | undefined {
  return l === undefined || a === undefined || b === undefined
    ? undefined
    : { l: l.mean, a: a.mean, b: b.mean }
}

/** Variance of the difference of two means. Which of the two scatters more may have come since: the larger counts. */
function varianceOf(reference: GoldenMeasured, now: GoldenMeasured, value: GoldenValue): number {
  const [was, is] = [reference.values[value], now.values[value]]
  const look = Math.max(was?.look_std ?? 0, is?.look_std ?? 0) ** 2
  const place = Math.max(was?.place_std ?? 0, is?.place_std ?? 0) ** 2
  const share = (one: GoldenMeasured): number => place / one.placements + look / (one.placements * one.looks)
  return share(reference) + share(now)
}

/** That a value with this standard uncertainty lies within ±tolerance (JCGM 106:2012, eq. 11: the normal case). */
function withinProbability(deviation: number, u: number, tolerance: number): number {
  if (!(u > 0)) return Math.abs(deviation) <= tolerance ? 1 : 0
  return Math.max(0, normalCdf((tolerance - deviation) / u) - normalCdf((-tolerance - deviation) / u))
}

function decisionOf(probability: number): GoldenDecision {
  if (probability >= ACCEPTED) return 'passed'
  return probability < REJECTED ? 'failed' : 'inconclusive'
}
