import type { z } from 'zod'

/** One thing that is wrong with an outside value, by its place. */
export interface Problem {
  readonly path: readonly (string | number)[]
  readonly value: unknown
  readonly expectation: string
}

/** What a schema found, one problem for each key. Parse with `reportInput`, or the values are missing. */
export function problemsOf(error: z.ZodError): Problem[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.filter((part) => typeof part !== 'symbol')
    if (issue.code === 'unrecognized_keys') {
      const parent = issue.input
      return issue.keys.map((key) => ({
        path: [...path, key],
        value: typeof parent === 'object' && parent !== null ? Reflect.get(parent, key) : undefined,
        expectation: 'no such key',
      }))
    }
    return [{ path, value: issue.input, expectation: issue.message.replace(/^Invalid \w+: /, '') }]
  })
}

/** Freezes a value to the bottom. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}
