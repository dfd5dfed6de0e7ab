import { medianOf, type Plane, thinnedPlaces } from './plane.ts'

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
  const terms = termsAt(places, work)
  const seen = new Float64Array(places.length)
  for (let index = 0; index < seen.length; index++) seen[index] = work.values[places[index] ?? 0] ?? 0
  const kept = new Uint8Array(places.length).fill(1)
  const off = new Float64Array(places.length)
  let fit: Background = new Float64Array(TERMS)
  for (let round = 0; round < ROUNDS; round++) {
    fit = leastSquares(terms, seen, kept)
    distances(terms, seen, fit, off)
    const close = Math.max(2.5 * SIGMA_PER_MAD * medianOf(off.slice()), LEAST_CLOSE)
    for (let index = 0; index < off.length; index++) kept[index] = (off[index] ?? 0) <= close ? 1 : 0
  }
  return fit
}

/** The picture less its background, times `sign`, whatever size the background was found at. */
export function flattened({ values, width, height }: Plane, fit: Background, sign = 1): Plane {
  const [c0, c1, c2] = [fit[0] ?? 0, fit[1] ?? 0, fit[2] ?? 0]
  const [c3, c4, c5] = [fit[3] ?? 0, fit[4] ?? 0, fit[5] ?? 0]
  // What depends on the column alone: c0 + c1 u, c3 u², c4 u.
  const columns = new Float64Array(3 * width)
  for (let x = 0; x < width; x++) {
    const u = ((x + 0.5) / width) * 2 - 1
    columns[3 * x] = c0 + c1 * u
    columns[3 * x + 1] = c3 * u * u
    columns[3 * x + 2] = c4 * u
  }
  const flat = new Float64Array(values.length)
  for (let y = 0, index = 0; y < height; y++) {
    const v = ((y + 0.5) / height) * 2 - 1
    const across = c2 * v
    const bent = c5 * v * v
    for (let from = 0; from < columns.length; from += 3, index++) {
      const level =
        (columns[from] ?? 0) + across + (columns[from + 1] ?? 0) + (columns[from + 2] ?? 0) * v + bent
      flat[index] = sign * ((values[index] ?? 0) - level)
    }
  }
  return { values: flat, width, height }
}

/** The surface's six terms at each place. */
function termsAt(places: Int32Array, { width, height }: Plane): Float64Array {
  const terms = new Float64Array(places.length * TERMS)
  for (let index = 0, to = 0; index < places.length; index++) {
    const place = places[index] ?? 0
    const row = Math.floor(place / width)
    const u = ((place - row * width + 0.5) / width) * 2 - 1
    const v = ((row + 0.5) / height) * 2 - 1
    terms[to++] = 1
    terms[to++] = u
    terms[to++] = v
    terms[to++] = u * u
    terms[to++] = u * v
    terms[to++] = v * v
  }
  return terms
}

/** How far each value is from the surface. */
function distances(terms: Float64Array, seen: Float64Array, fit: Background, off: Float64Array): void {
  for (let index = 0, from = 0; index < seen.length; index++) {
    let level = 0
    for (let term = 0; term < TERMS; term++, from++) level += (terms[from] ?? 0) * (fit[term] ?? 0)
    off[index] = Math.abs((seen[index] ?? 0) - level)
  }
}

function leastSquares(terms: Float64Array, seen: Float64Array, kept: Uint8Array): Background {
  const normal = new Float64Array(TERMS * TERMS)
  const right = new Float64Array(TERMS)
  for (let index = 0, row = 0; index < seen.length; index++, row += TERMS) {
    if (kept[index] === 0) continue
    const value = seen[index] ?? 0
    for (let i = 0; i < TERMS; i++) {
      const term = terms[row + i] ?? 0
      right[i] = (right[i] ?? 0) + term * value
      for (let j = i; j < TERMS; j++) {
        normal[i * TERMS + j] = (normal[i * TERMS + j] ?? 0) + term * (terms[row + j] ?? 0)
      }
    }
  }
  for (let i = 0; i < TERMS; i++) {
    for (let j = 0; j < i; j++) normal[i * TERMS + j] = normal[j * TERMS + i] ?? 0
    // Keeps it solvable where so little is left that a term is not seen: a picture of one pixel.
    normal[i * TERMS + i] = (normal[i * TERMS + i] ?? 0) + RIDGE * seen.length
  }
  return solved(normal, right)
}

/** Gauss's elimination; the matrix is positive definite, so that no pivot is sought. */
function solved(matrix: Float64Array, right: Float64Array): Float64Array {
  const n = right.length
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const factor = (matrix[j * n + i] ?? 0) / (matrix[i * n + i] ?? 0)
      for (let k = i; k < n; k++)
        matrix[j * n + k] = (matrix[j * n + k] ?? 0) - factor * (matrix[i * n + k] ?? 0)
      right[j] = (right[j] ?? 0) - factor * (right[i] ?? 0)
    }
  }
  for (let i = n - 1; i >= 0; i--) {
    let rest = right[i] ?? 0
    for (let k = i + 1; k < n; k++) rest -= (matrix[i * n + k] ?? 0) * (right[k] ?? 0)
    right[i] = rest / (matrix[i * n + i] ?? 0)
  }
  return right
}
