import { at, mapped, medianOf, type Plane, thinnedPlaces } from './plane.ts'

/** Brightness without ink: 1, u, v, u², uv, v² over the picture, u and v from −1 to 1. */
export type Background = Float64Array

const TERMS = 6
const ROUNDS = 5
/** Of a normal distribution, one standard deviation in median absolute deviations. */
export const SIGMA_PER_MAD = 1.4826
const RIDGE = 1e-6
/** Grey levels that are always within the background. */
const LEAST_CLOSE = 2

/**
 * A quadratic surface by least squares, from which the ink is trimmed away in five rounds: what lies more than 2.5 robust
 * standard deviations off is left out of the next fit.
 */
export function backgroundOf(work: Plane): Background {
  const places = thinnedPlaces(work.width, work.height)
  const terms = places.map((place) => termsAt(place % work.width, Math.floor(place / work.width), work))
  const seen = places.map((place) => at(work.values, place))
  let kept = seen.map(() => true)
  let fit: Background = new Float64Array(TERMS)
  for (let round = 0; round < ROUNDS; round++) {
    fit = leastSquares(terms, seen, kept)
    const off = seen.map((value, index) => Math.abs(value - levelOf(fit, terms[index] ?? [])))
    const close = Math.max(2.5 * SIGMA_PER_MAD * medianOf(Float64Array.from(off)), LEAST_CLOSE)
    kept = off.map((distance) => distance <= close)
  }
  return fit
}

/** The picture less its background, whatever size the background was found at. */
export function flattened(plane: Plane, fit: Background): Plane {
  const [c0, c1, c2] = [at(fit, 0), at(fit, 1), at(fit, 2)]
  const [c3, c4, c5] = [at(fit, 3), at(fit, 4), at(fit, 5)]
  const { width, height } = plane
  return mapped(plane, (value, x, y) => {
    const u = ((x + 0.5) / width) * 2 - 1
    const v = ((y + 0.5) / height) * 2 - 1
    return value - (c0 + c1 * u + c2 * v + c3 * u * u + c4 * u * v + c5 * v * v)
  })
}

function termsAt(x: number, y: number, { width, height }: Plane): readonly number[] {
  const u = ((x + 0.5) / width) * 2 - 1
  const v = ((y + 0.5) / height) * 2 - 1
  return [1, u, v, u * u, u * v, v * v]
}

function levelOf(fit: Background, terms: readonly number[]): number {
  return terms.reduce((sum, term, index) => sum + term * at(fit, index), 0)
}

function leastSquares(
  terms: readonly (readonly number[])[],
  seen: readonly number[],
  kept: readonly boolean[],
): Background {
  const normal = new Float64Array(TERMS * TERMS)
  const right = new Float64Array(TERMS)
  for (const [index, row] of terms.entries()) {
    if (kept[index] !== true) continue
    for (let i = 0; i < TERMS; i++) {
      right[i] = at(right, i) + at(row, i) * at(seen, index)
      for (let j = 0; j < TERMS; j++) {
        normal[i * TERMS + j] = at(normal, i * TERMS + j) + at(row, i) * at(row, j)
      }
    }
  }
  // Keeps it solvable where so little is left that a term is not seen: a picture of one pixel.
  for (let i = 0; i < TERMS; i++) normal[i * TERMS + i] = at(normal, i * TERMS + i) + RIDGE * seen.length
  return solved(normal, right)
}

/** Gauss's elimination; the matrix is positive definite, so that no pivot is sought. */
function solved(matrix: Float64Array, right: Float64Array): Float64Array {
  const n = right.length
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const factor = at(matrix, j * n + i) / at(matrix, i * n + i)
      for (let k = i; k < n; k++) matrix[j * n + k] = at(matrix, j * n + k) - factor * at(matrix, i * n + k)
      right[j] = at(right, j) - factor * at(right, i)
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    let rest = at(right, i)
    for (let k = i + 1; k < n; k++) rest -= at(matrix, i * n + k) * at(right, k)
    right[i] = rest / at(matrix, i * n + i)
  }
  return right
}
