import { LENS_LIMITS } from '../lens.ts'

/** `(11 à 16mm)`, `(11mm - 14mm)`, `(11mm-15m)`, `14-16 mm`. */
const RANGE = /(\d{1,2})\s*(?:mm)?\s*(?:à|-|–)\s*(\d{1,2})\s*m{1,2}\b/i
const SINGLE = /(?:^|\s|\()(\d{1,2})\s*mm\b/i

/** The fitting heights, mm, that a lens's name gives with their unit; a bare number (`16 & 18`) says nothing for sure. */
export function heightIn(name: string): { readonly min: number; readonly max: number } | undefined {
  const [, low, high] = RANGE.exec(name) ?? []
  const [, only] = SINGLE.exec(name) ?? []
  const min = Number(low ?? only)
  const max = Number(high ?? only)
  return min > 0 && min <= max && max <= LENS_LIMITS.heightMaxMm ? { min, max } : undefined
}
