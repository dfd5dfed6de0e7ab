/**
 * The parts of numpy that the original leans on, with numpy's order of summation: the residue of a
 * standard deviation of equal values (7.1e-15, not 0) is part of what its vectors record (facts §12).
 */

/** Rows of equal length. */
export type Matrix = readonly (readonly number[])[]
/** Rows, columns, histogram bins. */
export type Cube = readonly Matrix[]

/** The element at `index`; an index outside is a mistake of the caller, never data. */
export function at<T>(list: ArrayLike<T>, index: number): T {
  const element = list[index]
  if (element === undefined) throw new RangeError(`index ${index} outside 0..${list.length - 1}`)
  return element
}

/** Row `i`, column `j`. */
export function cell(matrix: Matrix, i: number, j: number): number {
  return at(at(matrix, i), j)
}

/** A new matrix of `f(value)`. */
export function mapMatrix(matrix: Matrix, f: (value: number) => number): number[][] {
  return matrix.map((row) => row.map(f))
}

/** `np.sum` of a contiguous array: pairwise, eight accumulators, blocks of 128. */
export function sum(values: readonly number[]): number {
  const n = values.length
  if (n < 8) return values.reduce((total, value) => total + value, 0)
  if (n > 128) {
    const half = Math.floor(n / 2)
    const split = half - (half % 8)
    return sum(values.slice(0, split)) + sum(values.slice(split))
  }
  const r = values.slice(0, 8)
  const whole = n - (n % 8)
  for (let i = 8; i < whole; i++) r[i % 8] = at(r, i % 8) + at(values, i)
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = r
  let total = a + b + (c + d) + (e + f + (g + h))
  for (let i = whole; i < n; i++) total += at(values, i)
  return total
}

/** `np.mean`; NaN for an empty array. */
export function mean(values: readonly number[]): number {
  return sum(values) / values.length
}

/** `np.std`: of the population, or with `ddof` 1 of a sample. */
export function std(values: readonly number[], ddof: 0 | 1 = 0): number {
  const centre = mean(values)
  return Math.sqrt(sum(values.map((value) => (value - centre) ** 2)) / (values.length - ddof))
}

/** `np.nanmean`: NaN counts neither in the sum nor in the number; NaN when nothing is left. */
export function nanmean(values: readonly number[]): number {
  const count = values.filter((value) => !Number.isNaN(value)).length
  return sum(values.map((value) => (Number.isNaN(value) ? 0 : value))) / count
}

/** `np.nanstd`, of the population. */
export function nanstd(values: readonly number[]): number {
  const centre = nanmean(values)
  return Math.sqrt(nanmean(values.map((value) => (value - centre) ** 2)))
}

/** `np.median`; NaN if any value is. */
export function median(values: readonly number[]): number {
  if (values.length === 0 || values.some(Number.isNaN)) return Number.NaN
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  if (sorted.length % 2 === 1) return at(sorted, middle)
  return (at(sorted, middle - 1) + at(sorted, middle)) / 2
}

/** `np.max`; NaN if any value is. */
export function maximum(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
}

/** `np.min`; NaN if any value is. */
export function minimum(values: readonly number[]): number {
  return values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
}

/** `np.argmax`: the first of equal maxima; a NaN counts as the maximum. */
export function argmax(values: readonly number[]): number {
  const nan = values.findIndex(Number.isNaN)
  return nan >= 0 ? nan : values.indexOf(maximum(values))
}

/** `np.gradient` of one line at unit spacing: central inside, one-sided at both ends; two values at least. */
export function gradient(line: readonly number[]): number[] {
  const last = line.length - 1
  return line.map((value, i) => {
    if (i === 0) return at(line, 1) - value
    if (i === last) return value - at(line, last - 1)
    return (at(line, i + 1) - at(line, i - 1)) / 2
  })
}

/** Columns as rows. */
export function transpose(matrix: Matrix): number[][] {
  return at(matrix, 0).map((_, j) => matrix.map((row) => at(row, j)))
}
