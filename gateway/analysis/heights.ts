import type { RangeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import { type Arrays, Memory } from './memory.ts'
import { at } from './numbers.ts'
import type { TrayPlan } from './tray.ts'

/** One frame of heights over the tray. */
export interface Heights {
  /** Per zone, depth from the head along the tray's normal, mm; NaN where there is no range. */
  readonly depthMm: Float64Array
  /** Per zone, standard deviation of the depth. */
  readonly stdMm: Float64Array
  readonly valid: number
  /** Invalid zones that had too little light. */
  readonly dark: number
}

/** ST's target status: 5 is valid; 6 (no wrap check) and 9 (merged pulses) are about half as trustworthy (facts §5). */
export const VALID = 5
const [NO_WRAP_CHECK, MERGED] = [6, 9]
/** Status of a zone that saw too little: no target, low signal, none at all. */
const DARK: readonly number[] = [1, 8, 255]
/** What scatters however strong the signal is, mm: 0.4…0.6 at contact, recorded, the chip's step of 0.25 included. */
const LEAST_STD_MM = 0.4
/**
 * The chip's own sigma reads wider than ranges scatter. It is 1 mm at contact; what weak light adds to that is in the
 * square 200² (signal + ambient) / (signal² SPADs), recorded, where photons counted in 1.3 ms under a pulse of 159 mm
 * rms scatter by 140².
 */
const SIGMA_FLOOR_MM = 1
const SIGMA_SCALE = 0.7
/** A doubtful target scatters so much more than a valid one. */
const DOUBTFUL_SCALE = 3

/**
 * @param frame of one look, or of several combined (`combineLooks`), which knows its own uncertainty
 * @param memory to keep the heights in; absent: their own
 * @returns undefined where the frame has other zones than the calibration
 */
export function heightsOf(
  frame: RangeFrame & { readonly stdMm?: Float64Array },
  tray: TrayPlan,
  memory: Arrays = new Memory(2 * tray.zones),
): Heights | undefined {
  if (frame.zones !== tray.zones) return undefined
  const depthMm = memory.take(tray.zones).fill(Number.NaN)
  const stdMm = memory.take(tray.zones)
  let valid = 0
  let dark = 0
  for (let zone = 0; zone < tray.zones; zone += 1) {
    const target = bestTarget(frame, zone)
    const blind = Number.isNaN(at(tray.rangeMm, zone))
    if (target === undefined || blind || !Number.isFinite(at(frame.rangeMm, target))) {
      if (!blind && DARK.includes(at(frame.status, zone * frame.targetsPerZone))) dark += 1
      continue
    }
    valid += 1
    // What calibration read at the tray is there the plane itself: the zone's own offset cancels.
    const rise = at(tray.rangeMm, zone) - at(frame.rangeMm, target)
    depthMm[zone] = tray.distanceMm - at(tray.perRange, zone) * rise
    const std = frame.stdMm === undefined ? frameStd(frame, target) : at(frame.stdMm, zone)
    stdMm[zone] = Math.sqrt(std * std + at(tray.rangeStdMm, zone) ** 2)
  }
  return { depthMm, stdMm, valid, dark }
}

/** Standard deviation of one frame's range, mm, from what the chip says of its sigma. */
export function frameStd(frame: RangeFrame, target: number): number {
  const light = SIGMA_SCALE * Math.sqrt(Math.max(0, at(frame.sigmaMm, target) ** 2 - SIGMA_FLOOR_MM ** 2))
  const doubt = at(frame.status, target) === VALID ? 1 : DOUBTFUL_SCALE
  return doubt * Math.sqrt(light * light + LEAST_STD_MM ** 2)
}

/** The strongest target of a zone that counts; undefined: there is none. */
export function bestTarget(frame: RangeFrame, zone: number): number | undefined {
  const first = zone * frame.targetsPerZone
  let best: number | undefined
  for (let target = first; target < first + frame.targetsPerZone; target += 1) {
    const status = at(frame.status, target)
    if (status !== VALID && status !== NO_WRAP_CHECK && status !== MERGED) continue
    if (best === undefined || at(frame.signalKcpsPerSpad, target) > at(frame.signalKcpsPerSpad, best)) {
      best = target
    }
  }
  return best
}
