import { at } from '../numbers.ts'
import { distances, type Points, type Shape, shapeOf, smallest, subset } from './scatter.ts'

export interface McdOptions {
  /** Share of the points that are described, 0.5 to 1: up to the rest of them may be anything. */
  readonly share: number
  /** Share of the unit matrix in every covariance. */
  readonly ridge: number
  /** Random beginnings. */
  readonly starts: number
  readonly seed: number
}

/** Beginnings that are followed to their end; Rousseeuw and Van Driessen's figure. */
const FOLLOWED = 10
/** Steps of every beginning before the best are chosen; theirs as well. */
const FIRST_STEPS = 2
const MOST_STEPS = 100
/** Of more points than this so many are drawn to begin with. */
const NESTED = 600
/** A determinant that falls by less than this (logarithm) has settled. */
const SETTLED = 1e-9

/**
 * Minimum covariance determinant: the share of the points with the tightest covariance. FAST-MCD (Rousseeuw and Van
 * Driessen, Technometrics 41, 1999): random beginnings, concentration steps, the best few followed to the end; for many
 * points the beginnings are made on a sample. Every covariance is regularised towards the unit matrix (Boudt et al.,
 * Statistics and Computing 30, 2020), so that fewer points or dependent features do no harm; points should be scaled.
 * To the random beginnings come two that see all points at once, for dimensions in which a random handful of points is
 * seldom free of bad ones.
 * @returns the best shape; the same points, options and seed give the same one, bit for bit
 */
export function minimumCovariance(points: Points, options: McdOptions): Shape {
  const random = randomFrom(options.seed)
  const sampled = points.count <= NESTED ? points : subset(points, draw(points.count, NESTED, random))
  const begun = beginnings(sampled, options, random)
    .map((shape) => steps(sampled, shape, options, FIRST_STEPS))
    .sort((one, other) => one.logDeterminant - other.logDeterminant)
    .slice(0, FOLLOWED)
  let best: Shape | undefined
  for (const shape of begun) {
    const settled = steps(points, steps(sampled, shape, options, MOST_STEPS), options, MOST_STEPS)
    if (best === undefined || settled.logDeterminant < best.logDeterminant) best = settled
  }
  if (best === undefined) throw new RangeError('no points to describe')
  return best
}

function beginnings(points: Points, { ridge, starts }: McdOptions, random: () => number): Shape[] {
  const { count, size } = points
  const shapes = [sphericalHalf(points, ridge), spatialSigns(points, ridge)]
  for (let start = 0; start < starts; start += 1) {
    shapes.push(shapeOf(points, draw(count, Math.min(count, size + 1), random), ridge))
  }
  return shapes
}

/** Concentration steps: the points nearest to a shape make the next one, whose determinant is never larger. */
function steps(points: Points, from: Shape, { share, ridge }: McdOptions, most: number): Shape {
  const kept = Math.max(points.size + 1, Math.floor(share * points.count))
  const far = new Float64Array(points.count)
  let shape = from
  for (let step = 0; step < most; step += 1) {
    distances(points, shape, far)
    const next = shapeOf(points, smallest(far, kept), ridge)
    // The first step leaves the handful of points that it began with: nothing to compare with yet.
    const settled = step > 0 && shape.logDeterminant - next.logDeterminant < SETTLED
    shape = next
    if (settled) break
  }
  return shape
}

/** The half of the points that is nearest to the middle of the scaled features. */
function sphericalHalf(points: Points, ridge: number): Shape {
  return shapeOf(points, smallest(norms(points), points.count >> 1), ridge)
}

/** The half that is nearest by the covariance of directions, in which no point weighs more than another. */
function spatialSigns(points: Points, ridge: number): Shape {
  const { values, count, size } = points
  const far = norms(points)
  const signs = Float64Array.from(values, (value, index) => {
    const norm = Math.sqrt(at(far, Math.floor(index / size)))
    return norm === 0 ? 0 : (value / norm) * Math.sqrt(size)
  })
  const all = Uint32Array.from({ length: count }, (_, index) => index)
  const shape = shapeOf({ values: signs, count, size }, all, ridge)
  distances(points, { ...shape, location: new Float64Array(size) }, far)
  return shapeOf(points, smallest(far, count >> 1), ridge)
}

function norms({ values, count, size }: Points): Float64Array {
  const squares = new Float64Array(count)
  values.forEach((value, index) => {
    const row = Math.floor(index / size)
    squares[row] = at(squares, row) + value * value
  })
  return squares
}

/** `some` of `count` indices, none twice (Floyd). */
function draw(count: number, some: number, random: () => number): Uint32Array {
  const chosen = new Set<number>()
  for (let top = count - some; top < count; top += 1) {
    const index = Math.floor(random() * (top + 1))
    chosen.add(chosen.has(index) ? top : index)
  }
  return Uint32Array.from(chosen)
}

/** Mulberry32 (Tommy Ettinger): uniform in [0, 1). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
