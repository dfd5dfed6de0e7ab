import type { ShapeRecipe } from '../recipe.ts'
import { type Dome, seeDome } from './dome.ts'
import { at, median } from './numbers.ts'
import { bodyField } from './shape-body.ts'
import { DEFECT_SCORE, DEPTH_STD_MM } from './shape-defects.ts'
import { DentFilter } from './shape-filter.ts'
import { placesOn } from './shape-search.ts'
import type { TrayPlan } from './tray.ts'

/** How a still part is looked at. */
export interface StillLook {
  /** Frames that are combined; default 5. */
  readonly frames?: number
  /** Standard deviation of one zone's range in one frame, mm; default 1.1, of a white tray at 320 mm. */
  readonly noiseMm?: number
}

/** Of normal scores, 95 in 100 lie above the mean less this: what a defect must exceed the threshold by. */
const RECALL_STDS = 1.645
/** Defects nearer to the edge than this share of the base are not what is asked about. */
const MOST_RHO = 0.7
/** Turn of the part that is asked about, radians: along neither rows nor columns nor a diagonal of the zones. */
const TURN = 0.5

/**
 * Smallest change of the surface, mm at its middle, that 95 of 100 looks at a still part of the recipe report: what the
 * recipe cannot see lies below. It follows from the ideal matched filter: zones, noise, the relief that the recipe
 * expects (`textureMm`) and what the smooth body follows; half the places within 0.7 of the base are better, half worse.
 * @param radiusMm of the round change, falling from its centre to its rim
 * @returns undefined where the tray's zones see too little of such a part
 * @throws RangeError for a radius, number of frames or noise that is not positive
 */
export function detectable(
  tray: TrayPlan,
  shape: ShapeRecipe,
  radiusMm: number,
  { frames = 5, noiseMm = 1.1 }: StillLook = {},
): number | undefined {
  for (const [name, value] of Object.entries({ radiusMm, frames, noiseMm })) {
    if (!(value > 0 && Number.isFinite(value))) throw new RangeError(`${name}: ${value}, above 0 expected`)
  }
  const { lengthMm, widthMm, heightMm } = shape.product
  const dome: Dome = { x: 0, y: 0, rotation: TURN, rx: lengthMm / 2, ry: widthMm / 2, rz: heightMm }
  const stdMm = Float64Array.from(tray.rangeStdMm, (std) => Math.hypot(std, noiseMm / Math.sqrt(frames)))
  const all = Array.from({ length: tray.zones }, (_, zone) => zone)
  const zones = all.filter((zone) => !Number.isNaN(at(tray.rangeMm, zone)))
  const unknown = new Float64Array(tray.zones).fill(Number.NaN)
  const sight = {
    tray,
    zones,
    depthMm: new Float64Array(tray.zones).fill(tray.distanceMm),
    stdMm,
    brightness: unknown,
  }
  // Slopes are taken about the depths of the sight: once more about those of the body.
  const seen = seeDome({ ...sight, depthMm: seeDome(sight, dome).modelMm }, dome)
  const around = zones.filter((zone) => at(seen.share, zone) > 0)
  const driftStdMm = Math.sqrt(Math.PI / 2 / Math.max(1, zones.length - around.length)) * at(stdMm, 0)
  const body = bodyField(
    { ...seen, dome },
    { depthMm: seen.modelMm, stdMm },
    { around, driftStdMm },
    tray,
    shape,
  )
  if (body === undefined) return undefined
  const filter = new DentFilter(body.field)
  const stds = placesOn(dome)
    .filter(({ u, v }) => (u / dome.rx) ** 2 + (v / dome.ry) ** 2 < MOST_RHO ** 2)
    .map(({ u, v }) => {
      filter.fill(0, { u, v, radius: radiusMm }, radiusMm)
      return 1 / Math.sqrt(filter.information(0))
    })
  const std = median(stds)
  // What is expected of depths beforehand is believed less, the less the look itself says.
  const depth = (DEFECT_SCORE * Math.hypot(1, std / DEPTH_STD_MM) + RECALL_STDS) * std
  return Number.isFinite(depth) ? depth : undefined
}
