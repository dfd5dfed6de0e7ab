import { at } from '../numbers.ts'

/** Points of equal dimension, row after row. */
export interface Points {
  readonly values: Float64Array
  readonly count: number
  readonly size: number
}

/** Where points lie, and how they scatter; the scatter as its lower Cholesky factor. */
export interface Shape {
  readonly location: Float64Array
  /** Covariance, (1 - ridge) of it and `ridge` of the unit matrix; row-major. */
  readonly scatter: Float64Array
  readonly factor: Float64Array
  /** ln of the determinant of `scatter`. */
  readonly logDeterminant: number
}

/** Mean and regularised covariance of the points of these indices. @param ridge 0…1, above 0: never singular */
export function shapeOf(points: Points, chosen: ArrayLike<number>, ridge: number): Shape {
  const { size } = points
  const location = meanOf(points, chosen)
  const scatter = covarianceOf(points, chosen, location)
  for (let i = 0; i < size * size; i += 1) scatter[i] = at(scatter, i) * (1 - ridge)
  for (let i = 0; i < size; i += 1) scatter[i * size + i] = at(scatter, i * size + i) + ridge
  return { location, scatter, ...factorOf(scatter, size) }
}

function meanOf({ values, size }: Points, chosen: ArrayLike<number>): Float64Array {
  const mean = new Float64Array(size)
  for (let k = 0; k < chosen.length; k += 1) {
    const row = (chosen[k] ?? 0) * size
    for (let i = 0; i < size; i += 1) mean[i] = at(mean, i) + at(values, row + i) / chosen.length
  }
  return mean
}

function covarianceOf({ values, size }: Points, chosen: ArrayLike<number>, mean: Float64Array): Float64Array {
  const covariance = new Float64Array(size * size)
  const off = new Float64Array(size)
  const weight = 1 / Math.max(1, chosen.length - 1)
  for (let k = 0; k < chosen.length; k += 1) {
    const row = (chosen[k] ?? 0) * size
    for (let i = 0; i < size; i += 1) {
      off[i] = at(values, row + i) - at(mean, i)
      const scaled = at(off, i) * weight
      for (let j = 0; j <= i; j += 1) {
        covariance[i * size + j] = at(covariance, i * size + j) + scaled * at(off, j)
      }
    }
  }
  for (let i = 0; i < size; i += 1) {
    for (let j = 0; j < i; j += 1) covariance[j * size + i] = at(covariance, i * size + j)
  }
  return covariance
}

/** Lower triangle L with L Lᵀ = the matrix, which is positive definite. */
export function factorOf(
  matrix: Float64Array,
  size: number,
): { readonly factor: Float64Array; readonly logDeterminant: number } {
  const factor = new Float64Array(size * size)
  let logDeterminant = 0
  for (let i = 0; i < size; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = at(matrix, i * size + j)
      for (let k = 0; k < j; k += 1) sum -= at(factor, i * size + k) * at(factor, j * size + k)
      factor[i * size + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / at(factor, j * size + j)
    }
    logDeterminant += 2 * Math.log(at(factor, i * size + i))
  }
  return { factor, logDeterminant }
}

/** Squared Mahalanobis distance of every point. @param into one number a point */
export function distances(points: Points, { location, factor }: Shape, into: Float64Array): void {
  const { values, count, size } = points
  const whitened = new Float64Array(size)
  for (let n = 0; n < count; n += 1) {
    let distance = 0
    for (let i = 0; i < size; i += 1) {
      let sum = at(values, n * size + i) - at(location, i)
      for (let k = 0; k < i; k += 1) sum -= at(factor, i * size + k) * at(whitened, k)
      whitened[i] = sum / at(factor, i * size + i)
      distance += at(whitened, i) ** 2
    }
    into[n] = distance
  }
}

/** Indices of the `count` smallest values; of equal ones the first. */
export function smallest(values: Float64Array, count: number): Uint32Array {
  const order = Uint32Array.from(values, (_, index) => index)
  order.sort((one, other) => at(values, one) - at(values, other) || one - other)
  return order.slice(0, count)
}

/** A part of the points. */
export function subset({ values, size }: Points, chosen: ArrayLike<number>): Points {
  const some = new Float64Array(chosen.length * size)
  for (let k = 0; k < chosen.length; k += 1) {
    const row = (chosen[k] ?? 0) * size
    some.set(values.subarray(row, row + size), k * size)
  }
  return { values: some, count: chosen.length, size }
}
