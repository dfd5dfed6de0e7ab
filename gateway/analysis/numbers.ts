/**
 * Inverts a symmetric positive definite matrix in place by its Cholesky factor.
 * @param matrix row-major, size × size; only the lower triangle is read
 * @returns false where the matrix is not positive definite to working precision; `matrix` is then spoilt
 */
export function invertPositive(matrix: Float64Array, size: number): boolean {
  if (!factorise(matrix, size)) return false
  invertFactor(matrix, size)
  square(matrix, size)
  for (let row = 0; row < size; row += 1) {
    for (let column = row + 1; column < size; column += 1) {
      matrix[row * size + column] = at(matrix, column * size + row)
    }
  }
  return true
}

/** The lower triangle of a lower triangular matrix's transpose times itself, row by row of the factor. */
function square(matrix: Float64Array, size: number): void {
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      let sum = 0
      for (let k = row * size; k < size * size; k += size) sum += at(matrix, k + row) * at(matrix, k + column)
      matrix[row * size + column] = sum
    }
  }
}

/** An element that is there by construction. One array type only: the engine then compiles it to a plain load. */
export function at(values: Float64Array, index: number): number {
  return values[index] ?? 0
}

function factorise(matrix: Float64Array, size: number): boolean {
  for (let column = 0; column < size; column += 1) {
    let pivot = at(matrix, column * size + column)
    const scale = pivot
    for (let k = 0; k < column; k += 1) pivot -= at(matrix, column * size + k) ** 2
    if (!(pivot > scale * 1e-13)) return false
    const diagonal = Math.sqrt(pivot)
    matrix[column * size + column] = diagonal
    for (let row = column + 1; row < size; row += 1) {
      let sum = at(matrix, row * size + column)
      for (let k = 0; k < column; k += 1) sum -= at(matrix, row * size + k) * at(matrix, column * size + k)
      matrix[row * size + column] = sum / diagonal
    }
  }
  return true
}

function invertFactor(matrix: Float64Array, size: number): void {
  for (let column = 0; column < size; column += 1) {
    matrix[column * size + column] = 1 / at(matrix, column * size + column)
    for (let row = column + 1; row < size; row += 1) {
      let sum = 0
      for (let k = column; k < row; k += 1) sum -= at(matrix, row * size + k) * at(matrix, k * size + column)
      matrix[row * size + column] = sum / at(matrix, row * size + row)
    }
  }
}

/** Standard normal distribution function; absolute error below 1.5e-7 (Abramowitz and Stegun 7.1.26). */
export function normalCdf(z: number): number {
  const x = Math.abs(z) / Math.SQRT2
  const t = 1 / (1 + 0.3275911 * x)
  const tail =
    ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) *
    t *
    Math.exp(-x * x)
  return z >= 0 ? 1 - tail / 2 : tail / 2
}

/** Up to so many numbers are put in order faster by hand than by a sort. */
const FEW = 64

/** The middle value; of an even number, the mean of the two. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.length > FEW ? new Float64Array(values).sort() : inOrder(values)
  const upper = sorted[sorted.length >> 1] ?? Number.NaN
  const lower = sorted[(sorted.length - 1) >> 1] ?? Number.NaN
  return (lower + upper) / 2
}

/** By insertion, what is no number last. */
function inOrder(values: readonly number[]): readonly number[] {
  const sorted: number[] = []
  for (const value of values) {
    let place = sorted.length
    sorted.push(value)
    for (; place > 0; place -= 1) {
      const before = sorted[place - 1] ?? Number.NaN
      if (before <= value || Number.isNaN(value)) break
      sorted[place] = before
    }
    sorted[place] = value
  }
  return sorted
}
