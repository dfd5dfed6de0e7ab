import type { Colour, Defect, Echoes, Estimate, Finding, Grade, Surface } from '../inspection.ts'
import type { Recipe } from '../recipe.ts'
import { echoLosses } from './fusion-echoes.ts'
import { labelLosses } from './fusion-labels.ts'
import { shapeLosses } from './fusion-shape.ts'
import { outsideProbability } from './limits.ts'
import type { Material } from './spectrum.ts'

/** What is known of a part. At least what the recipe weighs. */
export interface Evidence {
  readonly surface?: Surface
  readonly massG?: Estimate
  /** Of the histograms. */
  readonly echoes?: Echoes
  readonly colour?: Colour
  readonly material?: Material
  /** From the recipe's `labTarget`. */
  readonly deltaE00?: Estimate
}

/** Something that allows no better grade, whatever the score. */
export interface Veto {
  readonly bestGrade: Exclude<Grade, 'A+'>
  /** By the rule of decision: the estimate, or the guard band. */
  readonly applies: boolean
  /** That it truly applies. */
  readonly probability: number
}

/** One loss of points, and what else it means. */
export interface Loss extends Finding {
  readonly contribution: number
  /** Standard deviation of the contribution, where it does not come from the spectrum's states. */
  readonly std: number
  /** Told even where it costs nothing. */
  readonly always?: boolean
  readonly veto?: Veto
}

/** The score with everything that it lost, and how well it is known. */
export interface Score {
  readonly score: Estimate
  readonly findings: readonly Finding[]
  readonly vetoes: readonly Veto[]
  readonly surfaceScore?: number
  readonly colourScore?: number
  readonly defects: readonly Defect[]
}

/** Smaller losses are not worth a finding. */
const LEAST_LOSS = 0.0005

/**
 * Adds up what each piece of evidence costs: 1 less all points lost, never below 0. Losses only add, so a part that is
 * worse in anything never scores better.
 */
export function scoreOf(evidence: Evidence, recipe: Recipe): Score {
  const { surface, colour, material } = evidence
  const shapeDefects = surface === undefined ? [] : surface.defects.map((one) => defectLoss(one, recipe))
  const colourDefects = colour === undefined ? [] : colour.defects.map((one) => defectLoss(one, recipe))
  const shape = [
    ...(surface === undefined ? [] : shapeLosses(surface, evidence.massG, recipe)),
    ...shapeDefects,
    ...echoLosses(evidence.echoes, recipe),
  ]
  const states = colour === undefined ? [] : stateLosses(colour, recipe)
  const light = [...states, ...colourDifference(evidence, recipe), ...colourDefects]
  const labels = labelLosses(evidence, recipe, sum([...shapeDefects, ...colourDefects]))
  const losses = [...shape, ...light, ...labels]
  const statesStd = colour === undefined || material === undefined ? 0 : stdOfStates(colour, material, recipe)
  return {
    score: { estimate: left(losses), std: Math.hypot(statesStd, ...losses.map(({ std }) => std)) },
    findings: losses.filter(isWorthTelling).map(told),
    vetoes: losses.flatMap(({ veto }) => (veto === undefined ? [] : [veto])),
    ...(surface === undefined ? {} : { surfaceScore: left(shape) }),
    ...(colour === undefined ? {} : { colourScore: left(light) }),
    defects: [...(surface?.defects ?? []), ...(colour?.defects ?? [])],
  }
}

function sum(losses: readonly Loss[]): number {
  return losses.reduce((total, { contribution }) => total + contribution, 0)
}

function left(losses: readonly Loss[]): number {
  return Math.max(0, 1 - sum(losses))
}

function isWorthTelling({ contribution, always = false, veto }: Loss): boolean {
  return contribution >= LEAST_LOSS || always || veto?.applies === true
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

/** Nothing is lost up to the good difference, all points from the critical one on, in proportion between. */
function colourDifference({ deltaE00 }: Evidence, { material }: Recipe): readonly Loss[] {
  const target = material?.labTarget
  if (target === undefined || deltaE00 === undefined) return []
  const { good, acceptable, critical } = target.limits
  const { estimate, std } = deltaE00
  const share = Math.min(1, Math.max(0, (estimate - good) / (critical - good)))
  const step = estimate >= critical ? 'colour_critical' : estimate >= acceptable ? 'colour_off' : 'colour'
  return [
    {
      code: step,
      value: estimate,
      limit: estimate >= critical ? critical : estimate >= acceptable ? acceptable : good,
      contribution: target.points * share,
      std: share > 0 && share < 1 ? (target.points * std) / (critical - good) : 0,
      ...(target.reject
        ? {
            veto: {
              bestGrade: 'REJECT',
              applies: estimate >= critical,
              probability: outsideProbability(deltaE00, { max: critical }),
            },
          }
        : {}),
    },
  ]
}

/** A defect is told even where the recipe takes no points for it; a critical one rejects. */
function defectLoss(defect: Defect, { shape, material }: Recipe): Loss {
  const { type, severity, deviationMm, criticalProbability = severity >= 1 ? 1 : 0 } = defect
  const points =
    {
      foreign_body: shape?.defects.foreignBody.points,
      deformation: shape?.defects.deformation.points,
      edge_damage: shape?.defects.edgeDamage.points,
      hematoma: material?.defects.hematoma.points,
      bile: material?.defects.bile.points,
      oxidation: material?.defects.oxidation.points,
      discolouration: material?.defects.discolouration.points,
    }[type] ?? 0
  return {
    code: type,
    value: deviationMm ?? severity,
    contribution: points * severity,
    // A defect whose severity is in doubt is in doubt by as much as its being critical is.
    std: points * 0.5 * criticalProbability * (1 - criticalProbability),
    always: true,
    veto: { bestGrade: 'REJECT', applies: severity >= 1, probability: criticalProbability },
  }
}
