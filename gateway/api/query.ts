import { z } from 'zod'

/** A text of a query string or a path. @param most characters */
export function textOf(what: string, most: number) {
  return z
    .string(`expected one ${what}`)
    .min(1, `expected a ${what}`)
    .max(most, `expected at most ${most} characters`)
}

/** What may be said several times in a query string; a handler gets a list. */
export function listOf<T extends z.ZodType>(one: T, most: number) {
  return z.preprocess(
    (value) => (Array.isArray(value) ? value : [value]),
    z.array(one).min(1).max(most, `expected at most ${most}`),
  )
}
