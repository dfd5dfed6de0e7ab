import type { Look } from '../../look.ts'
import { heightsOf } from '../heights.ts'
import { at } from '../numbers.ts'
import type { TrayPlan } from '../tray.ts'
import { type Footprints, footprintsOf } from './footprint.ts'

/** A look with fewer valid zones than this share is left out. */
const LEAST_VALID = 0.6

/** All zones of all usable looks: sighting i is zone `i % zones` of look `i / zones`. */
export interface ScanSight {
  readonly tray: TrayPlan
  readonly footprints: Footprints
  readonly looks: number
  /** Per look, how far the belt had carried the part since the trigger, mm in the tray's plane. */
  readonly shiftX: Float64Array
  readonly shiftY: Float64Array
  /** Per sighting, depth from the head along the tray's normal, mm; NaN where there is none. */
  readonly depthMm: Float64Array
  /** Per sighting, the sensor's standard deviation, mm. */
  readonly stdMm: Float64Array
  /** Per sighting, the chip's reflectance over what it said of the bare belt; NaN: not known. */
  readonly brightness: Float64Array
  /** Looks that were left out: no place, or too few valid zones; and whether most of those were dark. */
  readonly dropped: number
  readonly dark: boolean
}

/** How the belt moves under the head. */
export interface BeltPath {
  /** From the X axis (zone columns) to the way the belt runs, degrees. */
  readonly directionDeg: number
}

/** @returns undefined where the frames have other zones than the calibration */
export function sightOf(
  looks: readonly Look[],
  tray: TrayPlan,
  { directionDeg }: BeltPath,
): ScanSight | undefined {
  const cos = Math.cos((directionDeg * Math.PI) / 180)
  const sin = Math.sin((directionDeg * Math.PI) / 180)
  const { zones } = tray
  const shiftX = new Float64Array(looks.length)
  const shiftY = new Float64Array(looks.length)
  const depthMm = new Float64Array(looks.length * zones).fill(Number.NaN)
  const stdMm = new Float64Array(looks.length * zones)
  const brightness = new Float64Array(looks.length * zones).fill(Number.NaN)
  let used = 0
  let dark = 0
  for (const { frame, beltMm } of looks) {
    const heights = heightsOf(frame, tray)
    if (heights === undefined) return undefined
    if (beltMm === undefined || !Number.isFinite(beltMm)) continue
    if (heights.valid < LEAST_VALID * zones) {
      if (2 * heights.dark > zones - heights.valid) dark += 1
      continue
    }
    shiftX[used] = beltMm * cos
    shiftY[used] = beltMm * sin
    depthMm.set(heights.depthMm, used * zones)
    stdMm.set(heights.stdMm, used * zones)
    for (let zone = 0; zone < zones; zone += 1) {
      brightness[used * zones + zone] =
        at(frame.reflectancePercent, zone * frame.targetsPerZone) / at(tray.reflectancePercent, zone)
    }
    used += 1
  }
  const dropped = looks.length - used
  return {
    tray,
    footprints: footprintsOf(tray),
    looks: used,
    shiftX,
    shiftY,
    depthMm,
    stdMm,
    brightness,
    dropped,
    dark: 2 * dark > dropped,
  }
}
