import { at, median } from '../numbers.ts'
import { FEATURES } from './features.ts'
import { minimumCovariance } from './mcd.ts'
import { distances, type Points, type Shape, shapeOf, subset } from './scatter.ts'
import { fitBody, fitTail, type Tail, tailOf } from './tail.ts'

/** What good parts look like: their robust shape in scaled features. All arrays in the order of `features`. */
export interface AnomalyModel {
  readonly features: readonly string[]
  /** Features that were seldom measured, or the same on every part. */
  readonly leftOut: readonly string[]
  /** A learned feature is (value - centre) / scale. */
  readonly centre: readonly number[]
  readonly scale: readonly number[]
  readonly location: readonly number[]
  /** Row-major. */
  readonly scatter: readonly number[]
  readonly tail: Tail
  /** Parts that it was learned from, and those of them that belong together. */
  readonly parts: number
  readonly kept: number
}

/** There are too few parts to learn from. */
export interface Shortage {
  readonly parts: number
  readonly needed: number
}

/** Parts that a model needs for each of its features. */
export const PARTS_PER_FEATURE = 5
/** Share of the parts that must be good. */
const SHARE = 0.75
const STARTS = 200
/** Of the models that only say how far good parts are that a model does not know. */
const FOLD_STARTS = 50
const FOLDS = 5
/** A feature that is missing in more parts than this is not learned. */
const MOST_MISSING = 0.1
/** Points beyond this tail take no part in the final shape (Rousseeuw and Van Driessen: 0.025). */
const OUTSIDE = 0.025
/** Share of the unit matrix in the scatter: never less than this, and more the fewer parts there are. */
const LEAST_RIDGE = 0.002
const RIDGE_PER_SHORTAGE = 0.1
/** Median absolute deviation to standard deviation, of a normal distribution. */
const MAD = 1.4826
/** A feature that stands at a limit it cannot pass on more parts than this has no scatter to speak of. */
const MOST_TIED = 0.2

/**
 * Learns what good parts look like, up to a quarter of which may be bad.
 * @param rows features of each part, in the order of `FEATURES`, NaN for what was not measured
 * @param seed of the random beginnings: the same rows and seed give the same model, bit for bit
 */
export function learn(rows: readonly Float64Array[], seed = 1): AnomalyModel | Shortage {
  const columns = FEATURES.map(({ name }, index) => ({ name, index, ...scaleOf(rows, index) }))
  const used = columns.filter(({ scale }) => scale > 0)
  const whole = rows.filter((row) => used.every(({ index }) => !Number.isNaN(at(row, index))))
  const needed = PARTS_PER_FEATURE * Math.max(1, used.length)
  if (whole.length < needed || used.length === 0) return { parts: whole.length, needed }
  const points: Points = {
    values: Float64Array.from(
      whole.flatMap((row) => used.map(({ index, centre, scale }) => (at(row, index) - centre) / scale)),
    ),
    count: whole.length,
    size: used.length,
  }
  const { shape, kept } = robustShape(points, STARTS, seed)
  return {
    features: used.map(({ name }) => name),
    leftOut: columns.filter(({ scale }) => !(scale > 0)).map(({ name }) => name),
    centre: used.map(({ centre }) => centre),
    scale: used.map(({ scale }) => scale),
    location: [...shape.location],
    scatter: [...shape.scatter],
    tail: fitTail(heldOut(points, seed)),
    parts: whole.length,
    kept,
  }
}

/** @returns a scale of 0 for a feature that cannot be learned */
function scaleOf(rows: readonly Float64Array[], index: number): { centre: number; scale: number } {
  const values = Float64Array.from(rows, (row) => at(row, index)).filter((value) => !Number.isNaN(value))
  if (values.length < (1 - MOST_MISSING) * rows.length || values.length === 0) return { centre: 0, scale: 0 }
  const centre = median([...values])
  const mad = MAD * median([...values].map((value) => Math.abs(value - centre)))
  const learnable = mad > 1e-9 * Math.max(1, Math.abs(centre)) && tiedShare(values.sort()) <= MOST_TIED
  return { centre, scale: learnable ? mad : 0 }
}

/** Share of sorted values that are the same as the most frequent one. */
function tiedShare(sorted: Float64Array): number {
  let [most, run] = [1, 1]
  for (let index = 1; index < sorted.length; index += 1) {
    run = at(sorted, index) === at(sorted, index - 1) ? run + 1 : 1
    if (run > most) most = run
  }
  return most / sorted.length
}

/** Minimum covariance determinant, then once more with all points that belong to it: as robust, and more exact. */
function robustShape(points: Points, starts: number, seed: number): { shape: Shape; kept: number } {
  const kept = SHARE * points.count
  const ridge = Math.min(0.5, Math.max(LEAST_RIDGE, (RIDGE_PER_SHORTAGE * points.size) / kept))
  const tight = minimumCovariance(points, { share: SHARE, ridge, starts, seed })
  const squares = new Float64Array(points.count)
  distances(points, tight, squares)
  const body = fitBody(squares)
  const inside = [...squares].flatMap((square, index) => (tailOf(square, body) < OUTSIDE ? [] : [index]))
  return { shape: shapeOf(points, inside, ridge), kept: inside.length }
}

/** Squared distance of every point to the shape of points that it was not among. */
function heldOut(points: Points, seed: number): Float64Array {
  const squares = new Float64Array(points.count)
  for (let fold = 0; fold < FOLDS; fold += 1) {
    const all = Array.from({ length: points.count }, (_, index) => index)
    const held = all.filter((index) => index % FOLDS === fold)
    const others = all.filter((index) => index % FOLDS !== fold)
    const { shape } = robustShape(subset(points, others), FOLD_STARTS, seed)
    const part = new Float64Array(held.length)
    distances(subset(points, held), shape, part)
    held.forEach((index, place) => {
      squares[index] = at(part, place)
    })
  }
  return squares
}
