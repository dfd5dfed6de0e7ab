import type { RangeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import type { Look } from '../look.ts'
import { bestTarget, frameStd, VALID } from './heights.ts'
import { at, median } from './numbers.ts'

/** Several looks at a part that stood still, as one frame with one target a zone. */
export interface CombinedFrame extends RangeFrame {
  /** Per zone, standard uncertainty of `rangeMm`, mm; what the chip says of itself is no longer needed. */
  readonly stdMm: Float64Array
  /** Looks that count, and those that saw a hand or another disturbance. */
  readonly looks: number
  readonly disturbed: number
}

/** The chip's statement about its noise counts like so many frames beside what the frames really scatter. */
const STATED_FRAMES = 8
/** What no number of frames takes away: the chip's step of a quarter of a millimetre, its table of offsets, mm. */
const FLOOR_MM = 0.12
/** A range this many standard deviations off the zone's median is no noise. */
const STRAY_STDS = 5
/** Median absolute deviation of a normal variable to its standard deviation. */
const FROM_MEDIAN = 1.4826
/** A frame with more than this share of strays saw something else. */
const DISTURBED_SHARE = 0.08
/** Status of a zone in which no frame saw a target. */
const NO_TARGET = 255
/** Which frame is disturbed can be told from so many on. */
const LEAST_TO_TELL = 3

/**
 * Fuses the frames of a part that stands still: per zone the mean of the valid ranges, without strays and without
 * frames that saw a disturbance. A zone that is valid in half of the frames or fewer stays invalid.
 * @returns a frame whose `rangeMm` is NaN and whose status is 255 where a zone stays invalid
 * @throws RangeError for no look, or for looks of different resolution
 */
export function combineLooks(looks: readonly Look[]): CombinedFrame {
  const [first] = looks
  const frames = looks.map(({ frame }) => frame)
  if (first === undefined) throw new RangeError('looks: 0, at least one expected')
  const { zones } = first.frame
  for (const frame of frames) {
    if (frame.zones !== zones) {
      throw new RangeError(`looks: zones ${frame.zones} beside ${zones}, one resolution expected`)
    }
  }
  const seen = frames.map((frame) => readingsOf(frame))
  const kept = undisturbed(seen, zones)
  return fused(first.frame, kept, looks.length - kept.length)
}

/** One frame, one target a zone; NaN and status 255 where there is none. */
interface Readings {
  readonly frame: RangeFrame
  /** Per zone, index of the target that counts; -1: none. */
  readonly target: Float64Array
  readonly rangeMm: Float64Array
  readonly stdMm: Float64Array
}

function readingsOf(frame: RangeFrame): Readings {
  const target = new Float64Array(frame.zones).fill(-1)
  const rangeMm = new Float64Array(frame.zones).fill(Number.NaN)
  const stdMm = new Float64Array(frame.zones)
  for (let zone = 0; zone < frame.zones; zone += 1) {
    const best = bestTarget(frame, zone)
    if (best === undefined || !Number.isFinite(at(frame.rangeMm, best))) continue
    target[zone] = best
    rangeMm[zone] = at(frame.rangeMm, best)
    stdMm[zone] = frameStd(frame, best)
  }
  return { frame, target, rangeMm, stdMm }
}

/** Without the frames in which many zones are far from what they are in the others; all, where most would go. */
function undisturbed(seen: readonly Readings[], zones: number): readonly Readings[] {
  if (seen.length < LEAST_TO_TELL) return seen
  const strays = new Float64Array(seen.length)
  const compared = new Float64Array(seen.length)
  for (let zone = 0; zone < zones; zone += 1) {
    const middle = median(
      seen.map(({ rangeMm }) => at(rangeMm, zone)).filter((range) => !Number.isNaN(range)),
    )
    seen.forEach(({ rangeMm, stdMm }, index) => {
      const off = Math.abs(at(rangeMm, zone) - middle)
      if (Number.isNaN(off)) return
      compared[index] = at(compared, index) + 1
      if (off > STRAY_STDS * at(stdMm, zone)) strays[index] = at(strays, index) + 1
    })
  }
  const kept = seen.filter((_, index) => at(strays, index) <= DISTURBED_SHARE * at(compared, index))
  return 2 * kept.length > seen.length ? kept : seen
}

function fused(first: RangeFrame, kept: readonly Readings[], disturbed: number): CombinedFrame {
  const { zones } = first
  const per = (value: number): Float64Array => new Float64Array(zones).fill(value)
  const frame = {
    ...first,
    targetsPerZone: 1 as const,
    ambientKcpsPerSpad: meanPerZone(kept, 'ambientKcpsPerSpad'),
    spads: meanPerZone(kept, 'spads'),
    targetsDetected: meanPerZone(kept, 'targetsDetected'),
    signalKcpsPerSpad: per(0),
    reflectancePercent: per(Number.NaN),
    rangeMm: per(Number.NaN),
    sigmaMm: per(0),
    status: per(NO_TARGET),
    stdMm: per(0),
    looks: kept.length,
    disturbed,
  }
  for (let zone = 0; zone < zones; zone += 1) {
    const valid = withoutStrays(kept, zone)
    if (2 * valid.length > kept.length) setZone(frame, zone, valid)
    else frame.status[zone] = invalidStatus(kept, zone)
  }
  return frame
}

/** Why a zone has no range: what most of the frames that have none say. */
function invalidStatus(kept: readonly Readings[], zone: number): number {
  const counts = new Map<number, number>()
  for (const { frame, target } of kept) {
    if (at(target, zone) >= 0) continue
    const stated = at(frame.status, zone * frame.targetsPerZone)
    // Valid, but no number: as good as nothing.
    const status = stated === VALID ? NO_TARGET : stated
    counts.set(status, (counts.get(status) ?? 0) + 1)
  }
  const [most] = [...counts].sort(([, a], [, b]) => b - a)
  return most?.[0] ?? NO_TARGET
}

/** The frames' readings of a zone that are valid and near their median, where there are enough to say so. */
function withoutStrays(kept: readonly Readings[], zone: number): readonly Readings[] {
  const valid = kept.filter(({ target }) => at(target, zone) >= 0)
  if (valid.length < LEAST_TO_TELL) return valid
  const middle = median(valid.map(({ rangeMm }) => at(rangeMm, zone)))
  const off = (reading: Readings): number => Math.abs(at(reading.rangeMm, zone) - middle)
  // Where the frames scatter more than the chip says, that is noise, not strays.
  const scatter = FROM_MEDIAN * median(valid.map(off))
  return valid.filter((reading) => off(reading) <= STRAY_STDS * Math.max(scatter, at(reading.stdMm, zone)))
}

type Writable = Pick<
  CombinedFrame,
  'signalKcpsPerSpad' | 'reflectancePercent' | 'rangeMm' | 'sigmaMm' | 'status' | 'stdMm'
>

function setZone(frame: Writable, zone: number, readings: readonly Readings[]): void {
  const count = readings.length
  const mean = (value: (reading: Readings) => number): number =>
    readings.reduce((sum, reading) => sum + value(reading), 0) / count
  const range = mean(({ rangeMm }) => at(rangeMm, zone))
  const stated = mean(({ stdMm }) => at(stdMm, zone) ** 2)
  const scatter = mean(({ rangeMm }) => (at(rangeMm, zone) - range) ** 2) * count
  // The stated variance is a prior worth STATED_FRAMES degrees of freedom; the scatter has one less than frames.
  const variance = (STATED_FRAMES * stated + scatter) / (STATED_FRAMES + count - 1)
  frame.rangeMm[zone] = range
  frame.stdMm[zone] = count === 1 ? Math.sqrt(stated) : Math.sqrt(variance / count + FLOOR_MM ** 2)
  frame.sigmaMm[zone] =
    mean(({ frame: { sigmaMm }, target }) => at(sigmaMm, at(target, zone))) / Math.sqrt(count)
  frame.signalKcpsPerSpad[zone] = mean(({ frame: { signalKcpsPerSpad }, target }) =>
    at(signalKcpsPerSpad, at(target, zone)),
  )
  frame.reflectancePercent[zone] = mean(({ frame: { reflectancePercent }, target }) =>
    at(reflectancePercent, at(target, zone)),
  )
  // Valid where most frames say so; else what they say instead, which is trusted less.
  const valid = readings.filter((reading) => at(reading.frame.status, at(reading.target, zone)) === VALID)
  const doubtful = readings.find((reading) => !valid.includes(reading))
  frame.status[zone] =
    2 * valid.length > count || doubtful === undefined
      ? VALID
      : at(doubtful.frame.status, at(doubtful.target, zone))
}

function meanPerZone(
  kept: readonly Readings[],
  field: 'ambientKcpsPerSpad' | 'spads' | 'targetsDetected',
): Float64Array {
  const [first] = kept
  const mean = new Float64Array(first?.frame[field].length ?? 0)
  for (const { frame } of kept) {
    for (let zone = 0; zone < mean.length; zone += 1) {
      mean[zone] = at(mean, zone) + at(frame[field], zone) / kept.length
    }
  }
  return mean
}
