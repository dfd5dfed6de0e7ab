import type { RangeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import { bestTarget, frameStd } from './heights.ts'
import { type Arrays, Memory } from './memory.ts'
import { at } from './numbers.ts'
import { RunningMedian } from './running-median.ts'

/** A range this many standard deviations off the zone's median is no noise. */
export const STRAY_STDS = 5
/** A frame with more than this share of strays saw something else. */
const DISTURBED_SHARE = 0.08
/** Which frame is disturbed can be told from so many on. */
export const LEAST_TO_TELL = 3

/** What counts of all looks, one target a zone. Index = zone × looks + look, where not said otherwise. */
export interface Readings {
  readonly frames: readonly RangeFrame[]
  /** Index of the target that counts; -1: none, or it is left out. */
  readonly target: Float64Array
  /** NaN where there is none. */
  readonly rangeMm: Float64Array
  readonly stdMm: Float64Array
  /** Of the target; of a zone that has none, what its first says. */
  readonly status: Float64Array
  /** Per zone, 1: its ranges are so near to each other that none is a stray, whatever their median is. */
  readonly calm: Float64Array
}

export function readingsOf(
  frames: readonly RangeFrame[],
  zones: number,
  memory: Arrays = new Memory((4 * frames.length + 1) * zones),
): Readings {
  const looks = frames.length
  const per = (): Float64Array => memory.take(looks * zones)
  const readings = {
    frames,
    target: per(),
    rangeMm: per(),
    stdMm: per(),
    status: per(),
    calm: memory.take(zones),
  }
  for (let look = 0; look < looks; look += 1) readLook(readings, look)
  for (let zone = 0; zone < zones; zone += 1) readings.calm[zone] = isCalm(readings, zone) ? 1 : 0
  return readings
}

function readLook({ frames, target, rangeMm, stdMm, status }: Readings, look: number): void {
  const frame = frames[look]
  if (frame === undefined) return
  for (let zone = 0; zone < frame.zones; zone += 1) {
    const index = zone * frames.length + look
    const best = bestTarget(frame, zone)
    const range = best === undefined ? Number.NaN : at(frame.rangeMm, best)
    const valid = best !== undefined && Number.isFinite(range)
    target[index] = valid ? best : -1
    rangeMm[index] = valid ? range : Number.NaN
    stdMm[index] = valid ? frameStd(frame, best) : 0
    status[index] = at(frame.status, valid ? best : zone * frame.targetsPerZone)
  }
}

/** No range is farther from the median than from the farthest other: most zones need no median. */
function isCalm({ frames, rangeMm, stdMm }: Readings, zone: number): boolean {
  const looks = frames.length
  let least = Number.POSITIVE_INFINITY
  let most = Number.NEGATIVE_INFINITY
  let leastStd = Number.POSITIVE_INFINITY
  for (let index = zone * looks; index < (zone + 1) * looks; index += 1) {
    const range = at(rangeMm, index)
    const std = at(stdMm, index)
    if (Number.isNaN(range)) return false
    if (range < least) least = range
    if (range > most) most = range
    if (std < leastStd) leastStd = std
  }
  return most - least <= STRAY_STDS * leastStd
}

/** Looks but those in which many zones are far from what they are in the others; all, where most would go. */
export function undisturbed(readings: Readings): readonly number[] {
  const { frames, calm } = readings
  const looks = frames.length
  const all = frames.map((_, look) => look)
  if (looks < LEAST_TO_TELL) return all
  const strays = new Float64Array(looks)
  const compared = new Float64Array(looks)
  const ranges = new RunningMedian(looks)
  let calmZones = 0
  for (let zone = 0; zone < calm.length; zone += 1) {
    if (at(calm, zone) === 1) calmZones += 1
    else countStrays(readings, zone, { strays, compared, ranges })
  }
  const kept = all.filter((look) => at(strays, look) <= DISTURBED_SHARE * (calmZones + at(compared, look)))
  return 2 * kept.length > looks ? kept : all
}

interface Strays {
  readonly strays: Float64Array
  readonly compared: Float64Array
  readonly ranges: RunningMedian
}

function countStrays({ frames, rangeMm, stdMm }: Readings, zone: number, counts: Strays): void {
  const { strays, compared, ranges } = counts
  const looks = frames.length
  const first = zone * looks
  ranges.clear()
  for (let look = 0; look < looks; look += 1) ranges.add(at(rangeMm, first + look))
  const middle = ranges.value
  for (let look = 0; look < looks; look += 1) {
    const off = Math.abs(at(rangeMm, first + look) - middle)
    if (Number.isNaN(off)) continue
    compared[look] = at(compared, look) + 1
    if (off > STRAY_STDS * at(stdMm, first + look)) strays[look] = at(strays, look) + 1
  }
}
