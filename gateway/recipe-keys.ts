/** `density_g_per_cm3` → `densityGPerCm3`; a channel's `F1_415nm` and a grade's `A+` stay as they are. */
export type CamelKey<Key> = Key extends `${infer Head}_${infer Tail}`
  ? Tail extends Capitalize<Tail>
    ? `${Head}_${CamelKey<Tail>}`
    : `${Head}${Capitalize<CamelKey<Tail>>}`
  : Key

/** The same value with keys as TypeScript writes them. */
export type CamelKeys<Value> = Value extends readonly unknown[]
  ? { [Place in keyof Value]: CamelKeys<Value[Place]> }
  : Value extends object
    ? { [Key in keyof Value as CamelKey<Key>]: CamelKeys<Value[Key]> }
    : Value

/** Keys as TypeScript writes them, to the bottom: only what a schema has checked goes in. */
export function camelKeys<Value>(value: Value): CamelKeys<Value>
export function camelKeys(value: unknown): unknown {
  return renamed(value, (key) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()))
}

/** Keys as JSON writes them, to the bottom; keys that begin with a capital (channels, grades) are names and stay. */
export function snakeKeys(value: unknown): unknown {
  return renamed(value, (key) =>
    /^[a-z]/.test(key) ? key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : key,
  )
}

/** Whether a document was written before keys were snake_case: it has keys in camelCase, and none with an underscore. */
export function isCamelCased(value: unknown): boolean {
  const keys = keysOf(value).filter((key) => /^[a-z]/.test(key))
  return keys.some((key) => /[A-Z]/.test(key)) && !keys.some((key) => key.includes('_'))
}

function keysOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(keysOf)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [key, ...keysOf(inner)])
}

function renamed(value: unknown, rename: (key: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [rename(key), renamed(inner, rename)]),
  )
}
