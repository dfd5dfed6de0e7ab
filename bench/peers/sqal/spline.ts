/**
 * The bicubic interpolating spline of the original's two finer volumes (facts §3): not-a-knot ends, nodes
 * at unit spacing. What `RectBivariateSpline` with s=0 gives on a square grid, but solved directly.
 */
import { at, type Matrix, sum, transpose } from './numpy.ts'

/** Second derivatives at the nodes of the not-a-knot cubic through `values`; four nodes at least. */
function curvatures(values: readonly number[]): number[] {
  const n = values.length
  if (n < 4) throw new RangeError(`a cubic spline needs four nodes, not ${n}`)
  const bends = values.slice(1, -1).map((value, i) => 6 * (at(values, i) - 2 * value + at(values, i + 2)))
  // With M0 = 2 M1 - M2 the first inner equation M0 + 4 M1 + M2 = b becomes 6 M1 = b; so does the last.
  const inner = solveTridiagonal(bends)
  const first = 2 * at(inner, 0) - at(inner, 1)
  const last = 2 * at(inner, n - 3) - at(inner, n - 4)
  return [first, ...inner, last]
}

/** Solves M[i-1] + 4 M[i] + M[i+1] = b[i], the first and last rows being 6 M = b. */
function solveTridiagonal(b: readonly number[]): number[] {
  const last = b.length - 1
  const m = b.map((value, i) => (i === 0 || i === last ? value / 6 : 0))
  const factors = [0]
  const sums = [at(m, 0)]
  for (let i = 1; i < last; i++) {
    const pivot = 4 - at(factors, i - 1)
    factors.push(1 / pivot)
    sums.push((at(b, i) - at(sums, i - 1)) / pivot)
  }
  for (let i = last - 1; i > 0; i--) m[i] = at(sums, i) - at(factors, i) * at(m, i + 1)
  return m
}

/** The values of the spline at `count` equally spaced places from the first node to the last. */
export function resample(values: readonly number[], count: number): number[] {
  const m = curvatures(values)
  const last = values.length - 1
  return Array.from({ length: count }, (_, k) => {
    const x = (k * last) / (count - 1)
    const i = Math.min(Math.floor(x), last - 1)
    const t = x - i
    const s = 1 - t
    const bend = ((s ** 3 - s) * at(m, i) + (t ** 3 - t) * at(m, i + 1)) / 6
    return s * at(values, i) + t * at(values, i + 1) + bend
  })
}

/** The exact integral of the spline from its first node to its last, spacing 1. */
export function integral(values: readonly number[]): number {
  const m = curvatures(values)
  const ends = (list: readonly number[]) => (at(list, 0) + at(list, list.length - 1)) / 2
  return sum(values) - ends(values) - (sum(m) - ends(m)) / 12
}

/** Integral of the bicubic spline over the whole grid, spacing 1: what `dblquad` approaches to 7e-9. */
export function gridIntegral(grid: Matrix): number {
  return integral(grid.map(integral))
}

/** Composite Simpson rule over the spline resampled on an odd number of nodes, spacing 1. */
export function gridSimpson(grid: Matrix): number {
  const n = grid.length
  const count = n % 2 === 0 ? n + 1 : n
  const rows = grid.map((row) => resample(row, count))
  const nodes = transpose(rows).map((column) => resample(column, count))
  const step = (n - 1) / (count - 1)
  const weigh = (line: readonly number[]) =>
    sum(line.map((value, i) => value * simpsonWeight(i, count))) * (step / 3)
  return weigh(nodes.map(weigh))
}

function simpsonWeight(index: number, count: number): number {
  if (index === 0 || index === count - 1) return 1
  return index % 2 === 1 ? 4 : 2
}
