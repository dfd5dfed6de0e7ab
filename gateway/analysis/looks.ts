import type { RangeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import type { Look } from '../look.ts'
import { VALID } from './heights.ts'
import { LEAST_TO_TELL, type Readings, readingsOf, STRAY_STDS, undisturbed } from './looks-readings.ts'
import { type Arrays, Memory } from './memory.ts'
import { at } from './numbers.ts'
import type { Open } from './open.ts'
import { RunningMedian } from './running-median.ts'

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
/** Median absolute deviation of a normal variable to its standard deviation. */
const FROM_MEDIAN = 1.4826
/** Status of a zone in which no frame saw a target. */
const NO_TARGET = 255

/**
 * Fuses the frames of a part that stands still: per zone the mean of the valid ranges, without strays and without
 * frames that saw a disturbance. A zone that is valid in half of the frames or fewer stays invalid.
 * @param memory to keep the frame in; absent: its own
 * @returns a frame whose `rangeMm` is NaN and whose status is 255 where a zone stays invalid
 * @throws RangeError for no look, or for looks of different resolution
 */
export function combineLooks(looks: readonly Look[], memory?: Arrays): CombinedFrame {
  const [first] = looks
  const frames = looks.map(({ frame }) => frame)
  if (first === undefined) throw new RangeError('looks: 0, at least one expected')
  const { zones } = first.frame
  for (const frame of frames) {
    if (frame.zones !== zones) {
      throw new RangeError(`looks: zones ${frame.zones} beside ${zones}, one resolution expected`)
    }
  }
  const readings = readingsOf(frames, zones, memory)
  return fused(readings, undisturbed(readings), memory)
}

function fused(readings: Readings, kept: readonly number[], memory?: Arrays): CombinedFrame {
  const { frames } = readings
  const [first] = frames
  if (first === undefined) throw new RangeError('looks: 0, at least one expected')
  const means = zeros(first, memory)
  const fusion = new ZoneFusion(readings, kept, memory)
  for (let zone = 0; zone < first.zones; zone += 1) fusion.write(zone, means)
  for (const look of kept) addLook(readings, look, kept.length, means)
  for (let zone = 0; zone < first.zones; zone += 1) {
    const count = fusion.count(zone)
    means.sigmaMm[zone] = count === 0 ? 0 : at(means.sigmaMm, zone) / (count * Math.sqrt(count))
    means.signalKcpsPerSpad[zone] = count === 0 ? 0 : at(means.signalKcpsPerSpad, zone) / count
    means.reflectancePercent[zone] = at(means.reflectancePercent, zone) / count
  }
  means.looks = kept.length
  means.disturbed = frames.length - kept.length
  return means
}

/**
 * The frame to be, with nothing in it yet. Histograms are left out: they are of one frame. Spelt out, since to spread
 * the first frame takes longer than to fuse a quarter of the zones.
 */
function zeros(first: RangeFrame, given?: Arrays): Open<CombinedFrame> {
  const { zones, ambientKcpsPerSpad, spads, targetsDetected } = first
  const length = 6 * zones + ambientKcpsPerSpad.length + spads.length + targetsDetected.length
  const memory = given ?? new Memory(length)
  return {
    kind: 'vl53l8ch',
    takenAt: first.takenAt,
    zones,
    targetsPerZone: 1,
    streamCount: first.streamCount,
    siliconTemperatureC: first.siliconTemperatureC,
    ambientKcpsPerSpad: memory.take(ambientKcpsPerSpad.length),
    spads: memory.take(spads.length),
    targetsDetected: memory.take(targetsDetected.length),
    signalKcpsPerSpad: memory.take(zones),
    reflectancePercent: memory.take(zones),
    rangeMm: memory.take(zones),
    sigmaMm: memory.take(zones),
    status: memory.take(zones),
    stdMm: memory.take(zones),
    raw: first.raw,
    looks: 0,
    disturbed: 0,
  }
}

/** Adds one look: to what all zones have its share of `looks`, to what a target says all of it, where it counts. */
function addLook({ frames, target }: Readings, look: number, looks: number, out: CombinedFrame): void {
  const frame = frames[look]
  if (frame === undefined) return
  addShare(frame.ambientKcpsPerSpad, looks, out.ambientKcpsPerSpad)
  addShare(frame.spads, looks, out.spads)
  addShare(frame.targetsDetected, looks, out.targetsDetected)
  for (let zone = 0; zone < out.zones; zone += 1) {
    const best = at(target, zone * frames.length + look)
    if (best < 0) continue
    out.sigmaMm[zone] = at(out.sigmaMm, zone) + at(frame.sigmaMm, best)
    out.signalKcpsPerSpad[zone] = at(out.signalKcpsPerSpad, zone) + at(frame.signalKcpsPerSpad, best)
    out.reflectancePercent[zone] = at(out.reflectancePercent, zone) + at(frame.reflectancePercent, best)
  }
}

function addShare(values: Float64Array, looks: number, out: Float64Array): void {
  const share = 1 / looks
  for (let zone = 0; zone < out.length; zone += 1) out[zone] = at(out, zone) + share * at(values, zone)
}

/** Why a zone has no range: what most of the frames that have none say. */
function invalidStatus({ frames, rangeMm, status }: Readings, kept: readonly number[], zone: number): number {
  const counts = new Map<number, number>()
  for (const look of kept) {
    const index = zone * frames.length + look
    if (!Number.isNaN(at(rangeMm, index))) continue
    // Valid, but no number: as good as nothing.
    const stated = at(status, index) === VALID ? NO_TARGET : at(status, index)
    counts.set(stated, (counts.get(stated) ?? 0) + 1)
  }
  const [most] = [...counts].sort(([, a], [, b]) => b - a)
  return most?.[0] ?? NO_TARGET
}

/** Fuses the ranges of one zone after the other. */
class ZoneFusion {
  readonly #readings: Readings
  readonly #kept: readonly number[]
  readonly #median: RunningMedian
  /** Per zone, looks that count. */
  readonly #counts: Float64Array

  constructor(readings: Readings, kept: readonly number[], given?: Arrays) {
    const { calm, frames } = readings
    const memory = given ?? new Memory(calm.length + frames.length)
    this.#readings = readings
    this.#kept = kept
    this.#median = new RunningMedian(frames.length, memory)
    this.#counts = memory.take(calm.length)
  }

  /** Looks that a zone is the mean of; 0: it is not valid. */
  count(zone: number): number {
    return at(this.#counts, zone)
  }

  write(zone: number, out: CombinedFrame): void {
    const readings = this.#readings
    const kept = this.#kept
    const first = zone * readings.frames.length
    const count = this.#withoutStrays(zone)
    if (2 * count > kept.length) {
      this.#counts[zone] = count
      this.#average(zone, count, out)
      return
    }
    for (const look of kept) readings.target[first + look] = -1
    out.rangeMm[zone] = Number.NaN
    out.status[zone] = invalidStatus(readings, kept, zone)
  }

  /** Leaves out what is far from the others' median, where there are enough to say so. @returns how many are left */
  #withoutStrays(zone: number): number {
    const { frames, target, rangeMm, stdMm, calm } = this.#readings
    if (at(calm, zone) === 1) return this.#kept.length
    const first = zone * frames.length
    const median = this.#median
    median.clear()
    for (const look of this.#kept) median.add(at(rangeMm, first + look))
    const valid = median.count
    if (valid < LEAST_TO_TELL) return valid
    const middle = median.value
    median.clear()
    for (const look of this.#kept) median.add(Math.abs(at(rangeMm, first + look) - middle))
    // Where the frames scatter more than the chip says, that is noise, not strays.
    const scatter = FROM_MEDIAN * median.value
    let count = valid
    for (const look of this.#kept) {
      const off = Math.abs(at(rangeMm, first + look) - middle)
      if (!(off > STRAY_STDS * Math.max(scatter, at(stdMm, first + look)))) continue
      target[first + look] = -1
      count -= 1
    }
    return count
  }

  #average(zone: number, count: number, out: CombinedFrame): void {
    const { frames, target, rangeMm, stdMm, status } = this.#readings
    const first = zone * frames.length
    let sum = 0
    let stated = 0
    let valid = 0
    let doubtful = VALID
    for (const look of this.#kept) {
      const index = first + look
      if (at(target, index) < 0) continue
      sum += at(rangeMm, index)
      stated += at(stdMm, index) ** 2
      if (at(status, index) === VALID) valid += 1
      else if (doubtful === VALID) doubtful = at(status, index)
    }
    const range = sum / count
    let scatter = 0
    for (const look of this.#kept) {
      if (at(target, first + look) >= 0) scatter += (at(rangeMm, first + look) - range) ** 2
    }
    // The stated variance is a prior worth STATED_FRAMES degrees of freedom; the scatter has one less than frames.
    const variance = (STATED_FRAMES * (stated / count) + scatter) / (STATED_FRAMES + count - 1)
    out.rangeMm[zone] = range
    out.stdMm[zone] = Math.sqrt(count === 1 ? stated : variance / count + FLOOR_MM ** 2)
    // Valid where most frames say so; else what the first of the others says, which is trusted less.
    out.status[zone] = 2 * valid > count ? VALID : doubtful
  }
}
