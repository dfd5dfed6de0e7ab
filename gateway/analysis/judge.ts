import type { Spectrum } from '../../drivers/as7341/counts.ts'
import type { RangeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import type { EmptyTray } from '../calibration.ts'
import type { Estimate, Gap, Judgement, Surface, UngradedReason } from '../inspection.ts'
import type { Recipe } from '../recipe.ts'
import { type ColourFinding, measureColour } from './colour.ts'
import { scoreOf } from './fusion.ts'
import { gradeOf } from './grade.ts'
import { type SpectralPlan, spectralPlan } from './spectrum.ts'
import { measureSurface, type SurfaceFinding } from './surface.ts'
import { type TrayPlan, trayPlan } from './tray.ts'

/** A recipe on a calibrated station, with all that can be worked out before a part comes. */
export interface Plan {
  readonly recipe: Recipe
  readonly tray?: TrayPlan
  readonly spectral?: SpectralPlan
}

/** What the heads said about one part. */
export interface Sighting {
  readonly frame?: RangeFrame
  readonly spectrum?: Spectrum
  /** Heads that gave nothing. */
  readonly gaps: readonly Gap[]
  /** Ids of the heads that frame and spectrum come from, to name them in reasons. */
  readonly heads?: { readonly ranging?: string; readonly spectral?: string }
}

/**
 * Works out once per recipe and calibration what every part needs; costs about a millisecond.
 * @param tray absent: the ranging head is not calibrated, and the recipe's own counts stand for the lamp
 */
export function prepare(recipe: Recipe, tray?: EmptyTray): Plan {
  const ranging = tray === undefined ? undefined : trayPlan(tray, recipe.tray)
  return {
    recipe,
    ...(ranging === undefined ? {} : { tray: ranging }),
    ...(recipe.material === undefined ? {} : { spectral: spectralPlan(recipe.material, tray) }),
  }
}

/**
 * From measurements to the one verdict about a part. Pure: the same input gives the same judgement, bit for bit.
 * Whatever the recipe weighs and the heads did not deliver makes the part ungraded; nothing is assumed in its place.
 */
export function judge(plan: Plan, sighting: Sighting): Judgement {
  const { recipe, tray, spectral } = plan
  const { frame, spectrum, heads } = sighting
  const shape: SurfaceFinding =
    frame === undefined || recipe.shape === undefined ? {} : measureSurface(frame, tray, recipe.shape)
  const present = shape.reason !== 'no-product'
  const colour: ColourFinding | undefined =
    spectrum === undefined || spectral === undefined || !present
      ? undefined
      : measureColour(spectrum, spectral)
  const reasons = [
    ...missing(recipe, sighting),
    ...named(shape.reason, heads?.ranging),
    ...(colour !== undefined && 'reason' in colour ? named(colour.reason, heads?.spectral) : []),
  ]
  const measured = {
    ...(shape.heightsMm === undefined ? {} : { heightsMm: shape.heightsMm }),
    ...(shape.surface === undefined ? {} : { surface: shape.surface, ...massOf(shape.surface, recipe) }),
    ...(colour === undefined || 'reason' in colour ? {} : { colour: colour.colour }),
  }
  if (reasons.length > 0) {
    return { ...measured, verdict: { kind: 'ungraded', action: recipe.actions.ungraded, reasons } }
  }
  const material = colour === undefined || 'reason' in colour ? {} : { material: colour.material }
  const score = scoreOf({ ...measured, ...material }, recipe)
  const fusion = gradeOf(score, recipe)
  return {
    ...measured,
    fusion,
    verdict: {
      kind: 'graded',
      grade: fusion.grade,
      score: fusion.score.estimate,
      action: recipe.actions[fusion.grade],
      findings: score.findings,
    },
  }
}

/** What the recipe weighs and no head delivered: by the heads' own reasons, where they gave any. */
function missing(recipe: Recipe, { frame, spectrum, gaps }: Sighting): readonly string[] {
  const wanted = [
    recipe.shape !== undefined && frame === undefined,
    recipe.material !== undefined && spectrum === undefined,
  ].filter((lacks) => lacks).length
  if (wanted === 0) return []
  const reasons = gaps.map(({ head, reason }) => `${reason}:${head}`)
  return reasons.length < wanted ? [...reasons, 'sensor-absent'] : reasons
}

function named(reason: UngradedReason | undefined, head: string | undefined): readonly string[] {
  if (reason === undefined) return []
  // That there is no product is no head's fault.
  return [head === undefined || reason === 'no-product' ? reason : `${reason}:${head}`]
}

function massOf(surface: Surface, { shape }: Recipe): { readonly massG?: Estimate } {
  if (shape === undefined) return {}
  const gramsPerMm3 = shape.densityGPerCm3 / 1000
  const { estimate, std } = surface.volumeMm3
  return { massG: { estimate: estimate * gramsPerMm3, std: std * gramsPerMm3 } }
}
