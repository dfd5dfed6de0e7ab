import type { Colour, Defect, Estimate, Finding, Surface } from '../inspection.ts'
import type { Recipe } from '../recipe.ts'
import type { Material } from './spectrum.ts'

/** What is known of a part. At least what the recipe weighs. */
export interface Evidence {
  readonly surface?: Surface
  readonly massG?: Estimate
  readonly colour?: Colour
  readonly material?: Material
}

/** The score with everything that it lost, and how well it is known. */
export interface Score {
  readonly score: Estimate
  readonly findings: readonly Finding[]
  readonly surfaceScore?: number
  readonly colourScore?: number
  readonly defects: readonly Defect[]
}

/** One loss of points. */
interface Loss extends Finding {
  readonly contribution: number
  /** Standard deviation of the contribution, where it does not come from the spectrum's states. */
  readonly std: number
}

/** Smaller losses are not worth a finding. */
const LEAST_LOSS = 0.0005

/**
 * Adds up what each piece of evidence costs: 1 less all points lost, never below 0. Losses only add, so a part that is
 * worse in anything never scores better.
 */
export function scoreOf(evidence: Evidence, recipe: Recipe): Score {
  const { surface, colour, material } = evidence
  const shapeLosses = surface === undefined ? [] : shapeLossesOf(surface, evidence.massG, recipe)
  const states = colour === undefined ? [] : stateLosses(colour, recipe)
  const colourLosses = colour === undefined ? [] : defectLosses(colour.defects, recipe)
  const statesStd = colour === undefined || material === undefined ? 0 : stdOfStates(colour, material, recipe)
  const losses = [...shapeLosses, ...states, ...colourLosses]
  return {
    score: {
      estimate: left(losses),
      std: Math.hypot(statesStd, ...losses.map(({ std }) => std)),
    },
    findings: losses.filter(isWorthTelling).map(told),
    ...(surface === undefined ? {} : { surfaceScore: left(shapeLosses) }),
    ...(colour === undefined ? {} : { colourScore: left([...states, ...colourLosses]) }),
    defects: [...(surface?.defects ?? []), ...(colour?.defects ?? [])],
  }
}

function left(losses: readonly Loss[]): number {
  return Math.max(0, 1 - losses.reduce((sum, { contribution }) => sum + contribution, 0))
}

/** A defect is told even where the recipe takes no points for it. */
function isWorthTelling({ contribution, limit }: Loss): boolean {
  return contribution >= LEAST_LOSS || limit === undefined
}

/** As a person reads it: four decimals. */
function told({ code, value, limit, contribution }: Loss): Finding {
  const round = (number: number): number => Math.round(number * 1e4) / 1e4
  return {
    code,
    ...(value === undefined ? {} : { value: round(value) }),
    ...(limit === undefined ? {} : { limit: round(limit) }),
    contribution: round(contribution),
  }
}

function shapeLossesOf(surface: Surface, massG: Estimate | undefined, recipe: Recipe): readonly Loss[] {
  const { shape, grading } = recipe
  if (shape === undefined) return []
  const { limits, limitTolerance } = shape
  const size = { points: grading.points.size, tolerance: limitTolerance }
  const height = { estimate: surface.maxHeightMm, std: 0 }
  return [
    ...outside('volume', surface.volumeMm3, limits.volumeMm3, size),
    ...(massG === undefined ? [] : outside('mass', massG, limits.massG, size)),
    ...outside('height', height, limits.maxHeightMm, size),
    ...outside('uniformity', surface.uniformity, limits.uniformity, {
      points: grading.points.uniformity,
      tolerance: 1,
    }),
    ...defectLosses(surface.defects, recipe),
  ]
}

interface Limits {
  readonly min?: number | undefined
  readonly max?: number | undefined
}

/** What a value costs that leaves its limits: all its points when it is `tolerance` (relative) outside. */
function outside(
  name: string,
  { estimate, std }: Estimate,
  limits: Limits | undefined,
  { points, tolerance }: { readonly points: number; readonly tolerance: number },
): readonly Loss[] {
  const { min, max } = limits ?? {}
  const broken =
    min !== undefined && estimate < min
      ? { code: `${name}_low`, limit: min, by: min - estimate }
      : max !== undefined && estimate > max
        ? { code: `${name}_high`, limit: max, by: estimate - max }
        : undefined
  if (broken === undefined) return []
  const { code, limit, by } = broken
  const perUnit = points / (tolerance * limit)
  const contribution = Math.min(points, by * perUnit)
  return [{ code, value: estimate, limit, contribution, std: contribution < points ? std * perUnit : 0 }]
}

const STATES = ['freshness', 'fat', 'oxidation'] as const
type State = (typeof STATES)[number]

/** How far each state is from its best, 0…1. */
function shortfalls(colour: Colour): Readonly<Record<State, number>> {
  return {
    freshness: 1 - colour.freshness.estimate,
    fat: 1 - colour.fatQuality.estimate,
    oxidation: colour.oxidation.estimate,
  }
}

/** Score that one unit of each state costs: its own points, and the worst state's once more. */
function prices(colour: Colour, { points, weakest }: Recipe['grading']): Readonly<Record<State, number>> {
  const short = shortfalls(colour)
  const worst = STATES.reduce((most, state) => (short[state] > short[most] ? state : most))
  const price = (state: State): number => points[state] + (state === worst ? weakest : 0)
  return { freshness: price('freshness'), fat: price('fat'), oxidation: price('oxidation') }
}

function stateLosses(colour: Colour, { grading }: Recipe): readonly Loss[] {
  const short = shortfalls(colour)
  const price = prices(colour, grading)
  return STATES.map((code) => ({
    code,
    value: code === 'oxidation' ? short.oxidation : 1 - short[code],
    limit: code === 'oxidation' ? 0 : 1,
    contribution: short[code] * price[code],
    std: 0,
  }))
}

/** The states come from one spectrum and hang together: their losses' variance takes the whole covariance. */
function stdOfStates(colour: Colour, { covariance }: Material, { grading }: Recipe): number {
  const price = prices(colour, grading)
  const slopes = [price.freshness, price.oxidation, price.fat]
  let variance = 0
  for (const [i, one] of slopes.entries()) {
    for (const [j, other] of slopes.entries()) variance += one * other * (covariance[4 * i + j] ?? 0)
  }
  return Math.sqrt(Math.max(0, variance))
}

function defectLosses(defects: readonly Defect[], { shape, material }: Recipe): readonly Loss[] {
  return defects.map(({ type, severity, deviationMm, criticalProbability = 0 }) => {
    const points = {
      foreign_body: shape?.defects.foreignBody.points,
      deformation: shape?.defects.deformation.points,
      edge_damage: shape?.defects.edgeDamage.points,
      hematoma: material?.defects.hematoma.points,
      bile: material?.defects.bile.points,
      oxidation: material?.defects.oxidation.points,
      discolouration: material?.defects.discolouration.points,
    }[type]
    return {
      code: type,
      value: deviationMm ?? severity,
      contribution: (points ?? 0) * severity,
      // A defect whose severity is in doubt is in doubt by as much as its being critical is.
      std: (points ?? 0) * 0.5 * criticalProbability * (1 - criticalProbability),
    }
  })
}
