import type { ShapeRecipe } from '../recipe.ts'
import { type Dome, type DomeFit, edgeStd } from './dome.ts'
import type { Heights } from './heights.ts'
import { Memory } from './memory.ts'
import { at } from './numbers.ts'
import type { Presence } from './presence.ts'
import { type Field, type FieldInput, fieldOf } from './shape-field.ts'
import { type Hits, hitsOf } from './shape-hits.ts'
import { SIZE } from './shape-quadric.ts'
import type { TrayPlan } from './tray.ts'

/** A fitted body with the field of what it leaves unexplained. */
export interface BodyField {
  readonly field: Field
  readonly dome: Dome
}

/** A part may lie anywhere in the field, turned anyhow. */
const PLACE_STD_MM = 30
const ROTATION_STD = 0.7
/** What a half ellipsoid and its few rays leave open of a smooth body, as one zone sees it, mm. */
const MODEL_STD_MM = 0.3

/** What bodies and zones a field is asked about: everything but the residuals. */
export type BodySight = Pick<DomeFit, 'dome' | 'modelMm' | 'share' | 'slopes' | 'contrast'>

/** Residuals within so many standard deviations of texture and noise hold no defect that could be told from them. */
const SMOOTH_STDS = 2

/** Whether any zone is far enough from the body that a defect is worth looking for. */
export function standsOut(
  fit: BodySight,
  { depthMm, stdMm }: Pick<Heights, 'depthMm' | 'stdMm'>,
  { around }: Pick<Presence, 'around'>,
  { textureMm }: ShapeRecipe,
): boolean {
  for (const zone of around) {
    // Not `Math.hypot`, which takes ten times as long.
    const std = edgeStd(Math.sqrt(at(stdMm, zone) ** 2 + textureMm ** 2), at(fit.share, zone))
    if (Math.abs(at(fit.modelMm, zone) - at(depthMm, zone)) > SMOOTH_STDS * std) return true
  }
  return false
}

/** @returns undefined where too little of the body is seen */
export function bodyField(
  fit: BodySight,
  heights: Pick<Heights, 'depthMm' | 'stdMm'>,
  { around, driftStdMm }: Pick<Presence, 'around' | 'driftStdMm'>,
  tray: TrayPlan,
  recipe: ShapeRecipe,
): BodyField | undefined {
  const hits = hitsOf(fit, around, tray)
  if (hits.zones.length < SIZE) return undefined
  const memory = new Memory(2 * tray.zones)
  const residualMm = memory.take(tray.zones)
  const stdMm = memory.take(tray.zones)
  for (const zone of hits.zones) {
    residualMm[zone] = at(fit.modelMm, zone) - at(heights.depthMm, zone)
    stdMm[zone] = Math.sqrt(edgeStd(at(heights.stdMm, zone), at(fit.share, zone)) ** 2 + MODEL_STD_MM ** 2)
  }
  const field = fieldOf({
    hits,
    residualMm,
    stdMm,
    slopes: fit.slopes,
    ...priorOf(fit.dome, recipe),
    commonStdMm: driftStdMm,
    footprintMm: footprintOf(hits, fit, tray),
    textureMm: recipe.textureMm,
  })
  return field === undefined ? undefined : { field, dome: fit.dome }
}

function priorOf(
  { rx, ry, rz }: Dome,
  { product, sizeSpread }: ShapeRecipe,
): Pick<FieldInput, 'priorVariance' | 'priorStep'> {
  const size = sizeSpread ** 2
  // The recipe's length goes with the longer axis, whichever the fit calls so.
  const [along, across] = rx >= ry ? [product.lengthMm, product.widthMm] : [product.widthMm, product.lengthMm]
  return {
    priorVariance: Float64Array.of(PLACE_STD_MM ** 2, PLACE_STD_MM ** 2, ROTATION_STD ** 2, size, size, size),
    priorStep: Float64Array.of(
      0,
      0,
      0,
      Math.log(along / 2 / rx),
      Math.log(across / 2 / ry),
      Math.log(product.heightMm / rz),
    ),
  }
}

/** Side of the footprint on the body, mm, over the zones that see it. */
function footprintOf(hits: Hits, { modelMm }: BodySight, tray: TrayPlan): number {
  const areas = hits.zones.reduce((sum, zone) => sum + at(tray.slopeArea, zone) * at(modelMm, zone) ** 2, 0)
  return Math.sqrt(areas / hits.zones.length)
}
