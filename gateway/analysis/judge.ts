import type { Spectrum } from '../../drivers/as7341/counts.ts'
import type { RangeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import type { EmptyTray } from '../calibration.ts'
import type { Gap, Judgement, UngradedReason, Verdict } from '../inspection.ts'
import type { LensSight } from '../lens-sight.ts'
import type { Look } from '../look.ts'
import type { Recipe } from '../recipe.ts'
import { type ColourFinding, measureColour } from './colour.ts'
import type { Conditions } from './colour-lamp.ts'
import { echoesOf } from './echoes.ts'
import { type EngravingJudgement, judgeEngraving } from './engraving.ts'
import { evidenceOf, judgementOf, type ShapeSeen } from './evidence.ts'
import { scoreOf } from './fusion.ts'
import { lacksEchoes } from './fusion-echoes.ts'
import { gradeOf } from './grade.ts'
import { combineLooks } from './looks.ts'
import { Workspace } from './memory.ts'
import type { Open } from './open.ts'
import type { SpectralReference } from './reflectance.ts'
import { measureScan } from './scan/scan.ts'
import { type SpectralPlan, spectralPlan, type WhiteReference } from './spectrum.ts'
import { measureSurface } from './surface.ts'
import { type TrayPlan, trayPlan } from './tray.ts'

const MS_PER_HOUR = 3_600_000

/** A recipe on a calibrated station, with all that can be worked out before a part comes. */
export interface Plan {
  readonly recipe: Recipe
  readonly tray?: TrayPlan
  readonly spectral?: SpectralPlan
  /** What each part's analysis uses anew: a plan judges one part at a time. */
  readonly workspace?: Workspace
}

/** When and at what temperature a part was seen. */
export interface Circumstances {
  /** Wall clock, ms since 1970. */
  readonly atMs?: number
  /** °C. */
  readonly temperatureC?: number
}

/** What the heads said about one part. */
export interface Sighting {
  /** Of several looks the last. */
  readonly frame?: RangeFrame
  /** All looks that `frame` is the last of, oldest first; absent: it is the only one. */
  readonly looks?: readonly Look[]
  readonly spectrum?: Spectrum
  /** What the camera saw of the engravings. */
  readonly sight?: LensSight
  /** Around the station, where it is known: the lamp that lights the part is not as bright as on the tile. */
  readonly conditions?: Circumstances
  /** Heads that gave nothing. */
  readonly gaps: readonly Gap[]
  /** Ids of the heads that frame, spectrum and sight come from, to name them in reasons. */
  readonly heads?: { readonly ranging?: string; readonly spectral?: string; readonly camera?: string }
}

/**
 * Works out once per recipe and calibration what every part needs; costs about a millisecond.
 * @param tray absent: the ranging head is not calibrated, and the recipe's own counts stand for the lamp
 * @param white the station's white reference; absent: colours are measured against the tray
 */
export function prepare(recipe: Recipe, tray?: EmptyTray, white?: SpectralReference): Plan {
  const ranging = tray === undefined ? undefined : trayPlan(tray, recipe.tray)
  return {
    recipe,
    workspace: new Workspace(),
    ...(ranging === undefined ? {} : { tray: ranging }),
    ...(recipe.material === undefined
      ? {}
      : { spectral: spectralPlan(recipe.material, tray, whiteFor(recipe, white)) }),
  }
}

function whiteFor({ stage }: Recipe, reference: SpectralReference | undefined): WhiteReference | undefined {
  return reference === undefined ? undefined : { reference, stage }
}

/**
 * From measurements to the one verdict about a part. Pure: the same input gives the same judgement, bit for bit.
 * Whatever the recipe weighs and the heads did not deliver makes the part ungraded; nothing is assumed in its place.
 */
export function judge(plan: Plan, sighting: Sighting): Judgement {
  const { recipe, spectral } = plan
  const { spectrum, heads } = sighting
  const shape = shapeOf(plan, sighting)
  const present = shape.reason !== 'no-product'
  const colour: ColourFinding | undefined =
    spectrum === undefined || spectral === undefined || !present
      ? undefined
      : measureColour(spectrum, spectral, conditionsOf(sighting.conditions, spectral))
  const reasons = [...missing(recipe, sighting)]
  addNamed(reasons, shape.reason ?? unread(shape, recipe), heads?.ranging)
  addNamed(reasons, unseen(colour, recipe), heads?.spectral)
  const engraved = engravedOf(recipe, sighting)
  for (const reason of engraved?.reasons ?? []) addNamed(reasons, reason, heads?.camera)
  const evidence = evidenceOf(shape, colour, recipe)
  if (engraved !== undefined) evidence.engraved = engraved.losses
  if (reasons.length > 0) {
    const verdict: Verdict = { kind: 'ungraded', action: recipe.actions.ungraded, reasons }
    return judgementOf(shape, evidence, verdict)
  }
  const score = scoreOf(evidence, recipe)
  const fusion = gradeOf(score, recipe)
  const verdict: Verdict = {
    kind: 'graded',
    grade: fusion.grade,
    score: fusion.score.estimate,
    action: recipe.actions[fusion.grade],
    findings: score.findings,
  }
  return judgementOf(shape, evidence, verdict, fusion)
}

function engravedOf({ camera }: Recipe, { sight }: Sighting): EngravingJudgement | undefined {
  return camera === undefined || sight === undefined ? undefined : judgeEngraving(sight, camera)
}

/** What is known of the lamp since the white reference was taken. */
function conditionsOf({ atMs, temperatureC }: Circumstances = {}, { white }: SpectralPlan): Conditions {
  const sinceMs =
    atMs === undefined || white === undefined ? Number.NaN : atMs - Date.parse(white.reference.at)
  const conditions: Open<Conditions> = {}
  if (temperatureC !== undefined) conditions.temperatureC = temperatureC
  if (Number.isFinite(sinceMs)) conditions.referenceAgeH = sinceMs / MS_PER_HOUR
  return conditions
}

/** A part that stood still is one frame of all its looks; one that passed is what they say together. */
function shapeOf({ recipe, tray, workspace }: Plan, { frame, looks = [] }: Sighting): ShapeSeen {
  const { shape } = recipe
  if (shape === undefined || frame === undefined) return {}
  if (shape.scan !== undefined) return measureScan(looks, tray, shape, shape.scan)
  workspace?.clear()
  const still = looks.length > 1 ? combineLooks(looks, workspace) : frame
  const found = measureSurface(still, tray, shape, workspace)
  const { surface, reason, heightsMm, alone = [] } = found
  return { surface, reason, heightsMm, echoes: echoesOf(frame, looks, alone) }
}

/** Why the histograms cannot be weighed. */
function unread({ surface, echoes }: ShapeSeen, recipe: Recipe): UngradedReason | undefined {
  return surface !== undefined && lacksEchoes(echoes, recipe) ? 'no-histograms' : undefined
}

/** Why the colour cannot be weighed: a difference that decides needs a reference to be measured against. */
function unseen(colour: ColourFinding | undefined, recipe: Recipe): UngradedReason | undefined {
  if (colour === undefined) return undefined
  if ('reason' in colour) return colour.reason
  const target = recipe.material?.labTarget
  const decides =
    (target !== undefined && (target.reject || target.points > 0)) ||
    recipe.labels?.some((label) => label.deltaE00 !== undefined && label.bestGrade !== undefined) === true
  return decides && colour.colour.deltaE00 === undefined ? 'not-calibrated' : undefined
}

/** What the recipe weighs and no head delivered: by the heads' own reasons, where they gave any. */
function missing(recipe: Recipe, { frame, spectrum, sight, gaps }: Sighting): readonly string[] {
  const wanted =
    Number(recipe.shape !== undefined && frame === undefined) +
    Number(recipe.material !== undefined && spectrum === undefined) +
    Number(recipe.camera !== undefined && sight === undefined)
  if (wanted === 0) return []
  const reasons = gaps.map(({ head, reason }) => `${reason}:${head}`)
  return reasons.length < wanted ? [...reasons, 'sensor-absent'] : reasons
}

function addNamed(reasons: string[], reason: string | undefined, head: string | undefined): void {
  if (reason === undefined) return
  // That there is no product is no head's fault, and may be what several of them say.
  const named = head === undefined || reason === 'no-product' ? reason : `${reason}:${head}`
  if (!reasons.includes(named)) reasons.push(named)
}
