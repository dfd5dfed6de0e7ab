/** Field by field comparison of a vector's expected values with ours. */

/** One field that is not as expected; `missing` where one side has none. */
export interface Difference {
  /** JSON path, e.g. `$.fusion.defects[2].severity`. */
  readonly path: string
  readonly expected: string
  readonly got: string
}

export interface Comparison {
  readonly fields: number
  readonly differences: readonly Difference[]
}

/** Relative, for numbers; strings, booleans, nulls, whole numbers and zeros must be equal. */
const TOLERANCE = 1e-9
/** The original's adaptive quadrature stops at about 1e-8. */
const QUADRATURE_TOLERANCE = 1e-6

/**
 * Compares every leaf; an empty list or object counts as one field, and so does each key or element that
 * only one side has. A null and a missing key are equal: the original reads both as None.
 * @param expected parsed JSON, with "NaN", "Infinity" and "-Infinity" for the numbers that JSON lacks
 */
export function compare(expected: unknown, actual: unknown, path = '$'): Comparison {
  if (Array.isArray(expected) && Array.isArray(actual)) {
    return compareChildren(expected, actual, (key) => `${path}[${key}]`)
  }
  if (isRecord(expected) && isRecord(actual)) {
    return compareChildren(expected, actual, (key) => `${path}.${key}`)
  }
  const same = equal(expected, actual, path)
  return { fields: 1, differences: same ? [] : [{ path, expected: show(expected), got: show(actual) }] }
}

function compareChildren(expected: object, actual: object, pathOf: (key: string) => string): Comparison {
  const ours = new Map(Object.entries(actual).filter(([, value]) => value !== undefined))
  const theirs = new Map(Object.entries(expected))
  const keys = new Set([...theirs.keys(), ...ours.keys()])
  if (keys.size === 0) return { fields: 1, differences: [] }
  let fields = 0
  const differences: Difference[] = []
  for (const key of keys) {
    const result = compare(theirs.get(key), ours.get(key), pathOf(key))
    fields += result.fields
    differences.push(...result.differences)
  }
  return { fields, differences }
}

function equal(expected: unknown, actual: unknown, path: string): boolean {
  if (expected === undefined || actual === undefined) return (expected ?? actual ?? null) === null
  if (typeof actual !== 'number') return expected === actual
  if (typeof expected === 'string') return expected === String(actual)
  if (typeof expected !== 'number') return false
  if (expected === actual) return true
  if (Number.isInteger(expected) && Number.isInteger(actual)) return false
  const tolerance = path.endsWith('.volume_spline_mm3') ? QUADRATURE_TOLERANCE : TOLERANCE
  return Math.abs(expected - actual) <= tolerance * Math.abs(expected)
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function show(value: unknown): string {
  if (value === undefined) return 'missing'
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value)
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}
