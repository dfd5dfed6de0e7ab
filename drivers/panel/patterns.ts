/** What a lamp or the buzzer does, until it is told otherwise. */
export type Pattern = 'off' | 'on' | 'slow' | 'fast' | 'flash'

/**
 * ms on and ms off of what repeats: 1 Hz, 2.5 Hz, and a short flash each second. All stay below the three flashes a
 * second that may harm people with photosensitive epilepsy (WCAG 2.1, 2.3.1).
 */
export const PATTERN_MS = {
  slow: { on: 500, off: 500 },
  fast: { on: 200, off: 200 },
  flash: { on: 100, off: 900 },
} as const

/** @param ms since the pattern began, from 0 */
export function isOn(pattern: Pattern, ms: number): boolean {
  if (pattern === 'on' || pattern === 'off') return pattern === 'on'
  const { on, off } = PATTERN_MS[pattern]
  return ms % (on + off) < on
}

/**
 * When the pattern switches next.
 * @param ms since it began, from 0
 * @returns the first such time after `ms`, counted as `ms` is; undefined for a pattern that does not switch
 */
export function nextSwitch(pattern: Pattern, ms: number): number | undefined {
  if (pattern === 'on' || pattern === 'off') return undefined
  const { on, off } = PATTERN_MS[pattern]
  const begun = Math.floor(ms / (on + off)) * (on + off)
  return ms - begun < on ? begun + on : begun + on + off
}
