import type { RangeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import { bestTarget, frameStd } from './heights.ts'
import { Memory } from './memory.ts'
import { at } from './numbers.ts'
import { RunningMedian } from './running-median.ts'

/** A range this many standard deviations off the zone's median is no noise. */
export const STRAY_STDS = 5
/** A frame with more than this share of strays saw something else. */
const DISTURBED_SHARE = 0.08
/** Which frame is disturbed can be told from so many on. */
export const LEAST_TO_TELL = 3

/** What counts of all looks, one target a zone. Index = zone × looks + look. */
export interface Readings {
  readonly frames: readonly RangeFrame[]
  /** Index of the target that counts; -1: none, or it is left out. */
  readonly target: Float64Array
  /** NaN where there is none. */
  readonly rangeMm: Float64Array
  readonly stdMm: Float64Array
  /** Of the target; of a zone that has none, what its first says. */
  readonly status: Float64Array
}

export function readingsOf(frames: readonly RangeFrame[], zones: number): Readings {
  const looks = frames.length
  const memory = new Memory(4 * looks * zones)
  const per = (): Float64Array => memory.take(looks * zones)
  const readings = { frames, target: per(), rangeMm: per(), stdMm: per(), status: per() }
  const { target, rangeMm, stdMm, status } = readings
  for (let look = 0; look < looks; look += 1) {
    const frame = frames[look]
    if (frame === undefined) continue
    for (let zone = 0; zone < zones; zone += 1) {
      const index = zone * looks + look
      const best = bestTarget(frame, zone)
      const range = best === undefined ? Number.NaN : at(frame.rangeMm, best)
      const valid = best !== undefined && Number.isFinite(range)
      target[index] = valid ? best : -1
      rangeMm[index] = valid ? range : Number.NaN
      stdMm[index] = valid ? frameStd(frame, best) : 0
      status[index] = at(frame.status, valid ? best : zone * frame.targetsPerZone)
    }
  }
  return readings
}

/** Looks but those in which many zones are far from what they are in the others; all, where most would go. */
export function undisturbed({ frames, rangeMm, stdMm }: Readings): readonly number[] {
  const looks = frames.length
  const all = frames.map((_, look) => look)
  if (looks < LEAST_TO_TELL) return all
  const strays = new Float64Array(looks)
  const compared = new Float64Array(looks)
  const ranges = new RunningMedian(looks)
  for (let first = 0; first < rangeMm.length; first += looks) {
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
  const kept = all.filter((look) => at(strays, look) <= DISTURBED_SHARE * at(compared, look))
  return 2 * kept.length > looks ? kept : all
}
