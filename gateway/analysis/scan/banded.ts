import { at } from '../numbers.ts'

/**
 * A symmetric banded matrix: row i holds its columns i - band … i, one after the other. A factor leaves alone what is
 * left of a row's first element: no fill-in comes there (George and Liu, 1981).
 */
export class Banded {
  readonly size: number
  readonly band: number
  readonly #stride: number
  readonly #rows: Float64Array
  /** Of a factor, per row, its first column that is not 0. */
  readonly #first: Int32Array

  constructor(size: number, band: number) {
    this.size = size
    this.band = Math.min(band, Math.max(0, size - 1))
    this.#stride = this.band + 1
    this.#rows = new Float64Array(size * this.#stride)
    this.#first = new Int32Array(size)
  }

  /** @param row not below `column`, and within the band of it */
  add(row: number, column: number, value: number): void {
    const cell = row * this.#stride + this.band - row + column
    this.#rows[cell] = at(this.#rows, cell) + value
  }

  scale(factor: number): void {
    for (let cell = 0; cell < this.#rows.length; cell += 1) this.#rows[cell] = factor * at(this.#rows, cell)
  }

  /** Adds `factor` times another matrix of the same shape. */
  addScaled(other: Banded, factor: number): void {
    const rows = this.#rows
    for (let cell = 0; cell < rows.length; cell += 1) {
      rows[cell] = at(rows, cell) + factor * at(other.#rows, cell)
    }
  }

  /** out = this · vector, both of `size`. */
  multiply(vector: Float64Array, out: Float64Array): void {
    const { band } = this
    out.fill(0)
    for (let row = 0; row < this.size; row += 1) {
      const first = Math.max(0, row - band)
      const start = row * this.#stride + band - row
      const own = at(vector, row)
      let sum = 0
      for (let column = first; column < row; column += 1) {
        const value = at(this.#rows, start + column)
        sum += value * at(vector, column)
        out[column] = at(out, column) + value * own
      }
      out[row] = at(out, row) + sum + at(this.#rows, start + row) * own
    }
  }

  /** out = this · a vector that is 0 but for `values` at `places`. */
  multiplyFew(places: Int32Array, values: Float64Array, out: Float64Array): void {
    const { band } = this
    out.fill(0)
    for (let i = 0; i < places.length; i += 1) {
      const row = places[i] ?? 0
      const value = at(values, i)
      const start = row * this.#stride + band - row
      for (let column = Math.max(0, row - band); column <= row; column += 1) {
        out[column] = at(out, column) + value * at(this.#rows, start + column)
      }
      for (let below = row + 1; below <= Math.min(this.size - 1, row + band); below += 1) {
        out[below] = at(out, below) + value * at(this.#rows, below * this.#stride + band - below + row)
      }
    }
  }

  /**
   * Replaces the matrix by its Cholesky factor L, this = L·Lᵀ.
   * @returns false where it is not positive definite to working precision; it is then spoilt
   */
  factorise(): boolean {
    const { band } = this
    const rows = this.#rows
    const first = this.#first
    const stride = this.#stride
    for (let row = 0; row < this.size; row += 1) {
      const here = row * stride + band - row
      let start = Math.max(0, row - band)
      while (start < row && at(rows, here + start) === 0) start += 1
      first[row] = start
      for (let column = start; column < row; column += 1) {
        const there = column * stride + band - column
        let sum = at(rows, here + column)
        for (let k = Math.max(start, first[column] ?? 0); k < column; k += 1) {
          sum -= at(rows, here + k) * at(rows, there + k)
        }
        rows[here + column] = sum / at(rows, there + column)
      }
      let sum = at(rows, here + row)
      for (let k = start; k < row; k += 1) sum -= at(rows, here + k) ** 2
      if (!(sum > 0)) return false
      rows[here + row] = Math.sqrt(sum)
    }
    return true
  }

  /** Of a factor: vector = L⁻¹ · vector. */
  forward(vector: Float64Array): void {
    let row = 0
    while (row < this.size && at(vector, row) === 0) row += 1
    for (const start = row; row < this.size; row += 1) {
      const here = row * this.#stride + this.band - row
      let sum = at(vector, row)
      for (let k = Math.max(start, this.#first[row] ?? 0); k < row; k += 1) {
        sum -= at(this.#rows, here + k) * at(vector, k)
      }
      vector[row] = sum / at(this.#rows, here + row)
    }
  }

  /** Of a factor: vector = L⁻ᵀ · vector. */
  backward(vector: Float64Array): void {
    for (let row = this.size - 1; row >= 0; row -= 1) {
      const here = row * this.#stride + this.band - row
      const value = at(vector, row) / at(this.#rows, here + row)
      vector[row] = value
      for (let k = this.#first[row] ?? 0; k < row; k += 1) {
        vector[k] = at(vector, k) - at(this.#rows, here + k) * value
      }
    }
  }
}
