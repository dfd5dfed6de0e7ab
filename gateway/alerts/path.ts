/** What a message says at a place. */
export type Scalar = number | string | boolean

/**
 * The value at a dotted path, e.g. `as7341.oxidation_index`; an array's `length` can be asked for.
 * @returns undefined where there is none, or it is no finite number, text or truth
 */
export function valueAt(message: unknown, path: string): Scalar | undefined {
  let value: unknown = message
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = Reflect.get(value, key)
  }
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  return typeof value === 'string' || typeof value === 'boolean' ? value : undefined
}
