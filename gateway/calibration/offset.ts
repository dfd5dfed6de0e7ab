import { zoneTangents } from '../../drivers/vl53l8ch/optics.ts'
import type { RangeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import { at, invertPositive } from '../analysis/numbers.ts'
import { CalibrationRefused } from './refused.ts'
import type { OffsetRow } from './rows.ts'

/** ST's status of a valid target. */
const VALID = 5
/** A flat target fills the field: fewer zones see past it. */
const LEAST_SHARE = 0.9
/** A target that is held by hand; more is another plane than was meant, or none. */
const MOST_TILT_DEG = 3
/** ±15 mm below 200 mm is the order of the chip family: more than this is another distance than was said. */
const MOST_MEAN_MM = 20
/** What remains about the plane: offsets of zones are some millimetres, a corner of a box is more. */
const MOST_RESIDUAL_MM = 15
/** Tilt that is expected before anything is measured, as of the empty tray: a degree. */
const TILT_STD = Math.PI / 180
/** Standard deviation of one zone's offset that the tilt is weighed against, mm (the simulated head's; same order). */
const OFFSET_STD_MM = 3

/** What a flat target at a known distance says about a ranging head. */
export type FlatTarget = Pick<OffsetRow, 'distance_mm' | 'offset_mm' | 'noise_mm' | 'tilt_deg' | 'frames'>

/**
 * Offsets of the zones from a flat, square target that fills the field. Its tilt is taken out, as far as it can be told
 * from the offsets' own gradient: a tilted bracket is the empty tray's to say.
 * @param frames of the still target, one resolution, at least 8
 * @param distanceMm from the head's front to the target along the axis
 * @throws CalibrationRefused with the number that was refused, and its limit
 */
export function offsetsOf(frames: readonly RangeFrame[], distanceMm: number): FlatTarget {
  const [first] = frames
  if (!(distanceMm > 0 && Number.isFinite(distanceMm)))
    throw new CalibrationRefused(`distance ${distanceMm} mm: expected a number above 0`)
  if (first === undefined || frames.length < 8 || frames.some(({ zones }) => zones !== first.zones))
    throw new CalibrationRefused(`${frames.length} frames: expected at least 8 of one resolution`)
  const seen = Array.from({ length: first.zones }, (_, zone) => zoneMean(frames, zone))
  const valid = seen.filter((one) => one !== undefined).length
  if (valid < LEAST_SHARE * first.zones) {
    throw new CalibrationRefused(
      `${valid} of ${first.zones} zones see the target: expected ${Math.ceil(LEAST_SHARE * first.zones)}; is it large enough, and still?`,
    )
  }
  const tangents = zoneTangents(first.zones)
  const points = seen.flatMap((one, zone) =>
    one === undefined
      ? []
      : [{ zone, x: at(tangents.x, zone) * distanceMm, y: at(tangents.y, zone) * distanceMm, z: one.mean }],
  )
  const { a, b, mean } = tilted(points, distanceMm)
  const offsets = new Map(points.map(({ zone, x, y, z }) => [zone, z - distanceMm - a * x - b * y]))
  check({ a, b, mean, offsets: [...offsets.values()] }, distanceMm)
  const variances = seen.flatMap((one) => (one === undefined ? [] : [one.variance]))
  return {
    distance_mm: distanceMm,
    offset_mm: seen.map((_, zone) => offsets.get(zone) ?? null),
    noise_mm: Math.sqrt(sumOf(variances) / variances.length),
    tilt_deg: { x: degrees(a), y: degrees(b) },
    frames: frames.length,
  }
}

interface ZoneMean {
  readonly mean: number
  /** Of the mean. */
  readonly variance: number
}

function zoneMean(frames: readonly RangeFrame[], zone: number): ZoneMean | undefined {
  const ranges = frames.flatMap((frame) => {
    const index = zone * frame.targetsPerZone
    return at(frame.status, index) === VALID ? [at(frame.rangeMm, index)] : []
  })
  if (2 * ranges.length <= frames.length || ranges.length < 2) return undefined
  const mean = sumOf(ranges) / ranges.length
  const squares = sumOf(ranges.map((range) => (range - mean) ** 2))
  return { mean, variance: squares / (ranges.length - 1) / ranges.length }
}

interface Point {
  readonly x: number
  readonly y: number
  readonly z: number
}

/** The slopes of the target, and how far it stands on average from where it should; least squares with a prior. */
function tilted(
  points: readonly Point[],
  distanceMm: number,
): { readonly a: number; readonly b: number; readonly mean: number } {
  const matrix = new Float64Array(9)
  const vector = new Float64Array(3)
  for (const { x, y, z } of points) {
    const row = Float64Array.of(x, y, 1)
    for (let i = 0; i < 3; i += 1) {
      vector[i] = at(vector, i) + at(row, i) * (z - distanceMm)
      for (let j = 0; j <= i; j += 1) matrix[3 * i + j] = at(matrix, 3 * i + j) + at(row, i) * at(row, j)
    }
  }
  for (const slope of [0, 4]) matrix[slope] = at(matrix, slope) + (OFFSET_STD_MM / TILT_STD) ** 2
  invertPositive(matrix, 3)
  const solved = (i: number): number => sumOf([0, 1, 2].map((j) => at(matrix, 3 * i + j) * at(vector, j)))
  return { a: solved(0), b: solved(1), mean: solved(2) }
}

interface Fitted {
  readonly a: number
  readonly b: number
  readonly mean: number
  readonly offsets: readonly number[]
}

function check({ a, b, mean, offsets }: Fitted, distanceMm: number): void {
  const tilt = Math.max(Math.abs(degrees(a)), Math.abs(degrees(b)))
  if (tilt > MOST_TILT_DEG) {
    throw new CalibrationRefused(
      `the target is tilted by ${tilt.toFixed(1)}°: at most ${MOST_TILT_DEG}° expected; set it square to the head`,
    )
  }
  if (Math.abs(mean) > MOST_MEAN_MM) {
    throw new CalibrationRefused(
      `the target is seen at ${(distanceMm + mean).toFixed(1)} mm, ${distanceMm} mm were said: at most ${MOST_MEAN_MM} mm between them expected; measure it again`,
    )
  }
  const worst = Math.max(...offsets.map((offset) => Math.abs(offset - mean)))
  if (worst > MOST_RESIDUAL_MM) {
    throw new CalibrationRefused(
      `a zone is ${worst.toFixed(1)} mm off the plane: at most ${MOST_RESIDUAL_MM} mm expected; is the target flat, and nothing before it?`,
    )
  }
}

function degrees(slope: number): number {
  return (Math.atan(slope) * 180) / Math.PI
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}
