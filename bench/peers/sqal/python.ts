/**
 * Python's own arithmetic where it differs from JavaScript's: the original's bugs hang on it
 * (docs/original.md, fault 3).
 */

/** What the original raised, in the form in which its vectors record it: `ValueError: text`. */
export class PythonError extends Error {
  readonly kind: 'ValueError' | 'OverflowError'

  constructor(kind: 'ValueError' | 'OverflowError', message: string) {
    super(message)
    this.name = 'PythonError'
    this.kind = kind
  }

  /** The record of this error in the vectors. */
  recorded(): string {
    return `${this.kind}: ${this.message}`
  }
}

/** `max(a, b)`: keeps `a` unless `b` is greater, so a NaN in `a` stays and one in `b` is dropped. */
export function max(a: number, b: number): number {
  if (b > a) return b
  return a
}

/** `min(a, b)`: keeps `a` unless `b` is less. */
export function min(a: number, b: number): number {
  if (b < a) return b
  return a
}

/** `sum(values)` of CPython 3.11: from left to right, without compensation. */
export function sum(values: Iterable<number>): number {
  let total = 0
  for (const value of values) total += value
  return total
}

/**
 * `round(value, digits)`: to the nearest decimal of the exact binary value, halves to even.
 * @param digits 0..15 decimals
 */
export function round(value: number, digits: number): number {
  if (!Number.isFinite(value)) return value
  const nearest = Number(value.toFixed(digits))
  // A binary number lies exactly between two decimals of d digits only at odd multiples of 2^-(d+1);
  // toFixed takes those away from zero.
  const steps = Math.abs(value) * 2 ** (digits + 1)
  const tie = Number.isSafeInteger(steps) && steps % 2 === 1
  if (!tie) return nearest
  const scale = 10 ** digits
  const upper = Math.round(Math.abs(nearest) * scale)
  const even = upper % 2 === 0 ? upper : upper - 1
  return (Math.sign(value) * even) / scale
}

/**
 * `int(round(value))`.
 * @throws PythonError ValueError for NaN, OverflowError for an infinity
 */
export function integer(value: number): number {
  if (Number.isNaN(value)) throw new PythonError('ValueError', 'cannot convert float NaN to integer')
  if (!Number.isFinite(value)) {
    throw new PythonError('OverflowError', 'cannot convert float infinity to integer')
  }
  return round(value, 0)
}

/** `f"{value:.2f}"`. */
export function twoDecimals(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  return round(value, 2).toFixed(2)
}
