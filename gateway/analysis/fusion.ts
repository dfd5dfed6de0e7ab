import type { Colour, Defect, Echoes, Estimate, Finding, Grade, Surface } from '../inspection.ts'
import type { Recipe } from '../recipe.ts'
import { colourDifference, stateLosses, stdOfStates } from './fusion-colour.ts'
import { echoLosses } from './fusion-echoes.ts'
import { labelLosses } from './fusion-labels.ts'
import { shapeLosses } from './fusion-shape.ts'
import type { Open } from './open.ts'
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
  /** What the engravings forbid. */
  readonly engraved?: readonly Loss[]
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
  const shapeDefects = defectLosses(surface, recipe)
  const colourDefects = defectLosses(colour, recipe)
  const shape = surface === undefined ? [] : shapeLosses(surface, evidence.massG, recipe)
  shape.push(...shapeDefects, ...echoLosses(evidence.echoes, recipe))
  const light = colour === undefined ? [] : stateLosses(colour, recipe)
  light.push(...colourDifference(evidence, recipe), ...colourDefects)
  const labels = labelLosses(evidence, recipe, sum(shapeDefects) + sum(colourDefects))
  const losses = [...shape, ...light, ...labels, ...(evidence.engraved ?? [])]
  const statesStd = colour === undefined || material === undefined ? 0 : stdOfStates(colour, material, recipe)
  const found: Open<Score> = {
    score: { estimate: left(losses), std: Math.sqrt(statesStd * statesStd + variance(losses)) },
    findings: findingsOf(losses),
    vetoes: vetoesOf(losses),
    defects: [...(surface?.defects ?? []), ...(colour?.defects ?? [])],
  }
  if (surface !== undefined) found.surfaceScore = left(shape)
  if (colour !== undefined) found.colourScore = left(light)
  return found
}

function defectLosses(seen: { readonly defects: readonly Defect[] } | undefined, recipe: Recipe): Loss[] {
  return seen === undefined ? [] : seen.defects.map((one) => defectLoss(one, recipe))
}

function variance(losses: readonly Loss[]): number {
  let squares = 0
  for (const { std } of losses) squares += std * std
  return squares
}

function findingsOf(losses: readonly Loss[]): readonly Finding[] {
  const findings: Finding[] = []
  for (const loss of losses) if (isWorthTelling(loss)) findings.push(told(loss))
  return findings
}

function vetoesOf(losses: readonly Loss[]): readonly Veto[] {
  const vetoes: Veto[] = []
  for (const { veto } of losses) if (veto !== undefined) vetoes.push(veto)
  return vetoes
}

function sum(losses: readonly Loss[]): number {
  let total = 0
  for (const { contribution } of losses) total += contribution
  return total
}

function left(losses: readonly Loss[]): number {
  return Math.max(0, 1 - sum(losses))
}

function isWorthTelling({ contribution, always = false, veto }: Loss): boolean {
  return contribution >= LEAST_LOSS || always || veto?.applies === true
}

/** As a person reads it: four decimals. */
function told({ code, value, limit, contribution }: Loss): Finding {
  const finding: Open<Finding> = { code }
  if (value !== undefined) finding.value = fourDecimals(value)
  if (limit !== undefined) finding.limit = fourDecimals(limit)
  finding.contribution = fourDecimals(contribution)
  return finding
}

function fourDecimals(number: number): number {
  return Math.round(number * 1e4) / 1e4
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
