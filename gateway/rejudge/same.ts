/** Where a derived value is not the stored one. */
export interface Difference {
  /** Keys from the root of the message, e.g. `vl53l8ch.volume_mm3`. */
  readonly field: string
  /** Undefined: not there. */
  readonly stored: unknown
  readonly derived: unknown
}

/** How a stored number has to agree with what was derived. */
export type Agrees = (field: string, stored: number, derived: number) => boolean

/**
 * The first place, in the order of the keys, at which two values of JSON differ.
 * @param agrees for numbers that are not equal
 * @param strict a value that was derived and not stored is a difference; else it is one that an older release did
 *   not know yet
 */
export function differenceOf(
  stored: unknown,
  derived: unknown,
  agrees: Agrees,
  strict: boolean,
): Difference | undefined {
  return compare('', stored, derived, { agrees, strict })
}

interface How {
  readonly agrees: Agrees
  readonly strict: boolean
}

function compare(field: string, stored: unknown, derived: unknown, how: How): Difference | undefined {
  if (Object.is(stored, derived)) return undefined
  if (stored === undefined && !how.strict) return undefined
  if (typeof stored === 'number' && typeof derived === 'number') {
    return how.agrees(field, stored, derived) ? undefined : { field, stored, derived }
  }
  if (!isNode(stored) || !isNode(derived) || Array.isArray(stored) !== Array.isArray(derived)) {
    return { field, stored, derived }
  }
  const lengths = [Object.keys(stored).length, Object.keys(derived).length]
  if (Array.isArray(stored) && lengths[0] !== lengths[1]) return { field, stored, derived }
  const keys = new Set([...Object.keys(stored), ...Object.keys(derived)].sort())
  for (const key of Array.isArray(stored) ? Object.keys(stored) : keys) {
    const found = compare(
      field === '' ? key : `${field}.${key}`,
      Reflect.get(stored, key),
      Reflect.get(derived, key),
      how,
    )
    if (found !== undefined) return found
  }
  return undefined
}

function isNode(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
