import { z } from 'zod'

const HIDDEN = '(secret)'
/** Names under which people keep what nobody else may read, also where they misspell them. */
const SECRET_NAME = /pass|secret|token|credential|key\b/i
/** RFC 3986 §3.2.1: who, and often with which password. */
const USER_IN_URL = /([a-z][a-z0-9+.-]*:\/\/)[^/\s"]*@/gi

/**
 * A copy of a value to show: what its schema marks as secret is there, and not what it is. Follows objects, records,
 * lists and alternatives.
 * @param value as the schema read it
 */
export function withoutSecrets(schema: z.ZodType, value: unknown): unknown {
  return hidden(schema, structuredClone(value))
}

function hidden(schema: z.ZodType, value: unknown): unknown {
  if (value === undefined) return value
  if (isSecret(schema)) return HIDDEN
  const bare = unwrapped(schema)
  if (bare instanceof z.ZodUnion) {
    // Which alternative it is does not matter: what is secret in one of them is no word of another.
    return optionsOf(bare).reduce<unknown>((shown, option) => hidden(option, shown), value)
  }
  if (bare instanceof z.ZodArray && Array.isArray(value)) {
    const { element } = bare
    return element instanceof z.ZodType ? value.map((one: unknown) => hidden(element, one)) : value
  }
  if (!isRecord(value)) return typeof value === 'string' ? withoutUser(value) : value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const known = schemaOf(bare, key)
      return [key, known === undefined ? inner : hidden(known, inner)]
    }),
  )
}

/** Every text of a value that its schema marks as secret. */
export function secretsIn(schema: z.ZodType, value: unknown): readonly string[] {
  if (value === undefined || value === null) return []
  if (isSecret(schema)) return typeof value === 'string' ? [value] : []
  const bare = unwrapped(schema)
  if (bare instanceof z.ZodUnion) return optionsOf(bare).flatMap((option) => secretsIn(option, value))
  if (typeof value !== 'object') return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const known = schemaOf(bare, key)
    return known === undefined ? [] : secretsIn(known, inner)
  })
}

/**
 * What an error may say of a value that was refused: nothing of one whose place is secret, or whose name sounds so;
 * URLs without who and password.
 */
export function shownValue(schema: z.ZodType, path: readonly (string | number)[], value: unknown): string {
  if (value === undefined) return 'missing'
  const name = String(path.findLast((part) => typeof part === 'string') ?? '')
  const named = SECRET_NAME.test(name) && !/_file\b/.test(name) && typeof value !== 'object'
  if (named || isSecretAt(schema, path)) return HIDDEN
  return withoutUser(JSON.stringify(value, (key, inner: unknown) => shownInner(key, inner)) ?? 'missing')
}

function shownInner(key: string, inner: unknown): unknown {
  const secret = SECRET_NAME.test(key) && !/_file\b/.test(key) && typeof inner === 'string'
  return secret ? HIDDEN : inner
}

function isSecretAt(schema: z.ZodType, path: readonly (string | number)[]): boolean {
  if (isSecret(schema)) return true
  const [key, ...rest] = path
  if (key === undefined) return false
  const bare = unwrapped(schema)
  const inner = bare instanceof z.ZodUnion ? optionsOf(bare) : [schemaOf(bare, String(key))]
  const deeper = bare instanceof z.ZodUnion ? path : rest
  return inner.some((one) => one !== undefined && isSecretAt(one, deeper))
}

function withoutUser(text: string): string {
  return text.replace(USER_IN_URL, '$1')
}

function schemaOf(bare: z.ZodType, key: string): z.ZodType | undefined {
  const inner: unknown =
    bare instanceof z.ZodObject
      ? bare.shape[key]
      : bare instanceof z.ZodRecord
        ? bare.valueType
        : bare instanceof z.ZodArray
          ? bare.element
          : undefined
  return inner instanceof z.ZodType ? inner : undefined
}

function optionsOf(union: z.ZodUnion): readonly z.ZodType[] {
  return union.options.filter((option) => option instanceof z.ZodType)
}

/** Whether a schema, defaults and options aside, is marked as secret. */
export function isSecret(schema: z.ZodType): boolean {
  if (schema.meta()?.secret === true) return true
  const inner = innerOf(schema)
  return inner !== undefined && isSecret(inner)
}

/** The schema behind default, prefault and optional. */
export function unwrapped(schema: z.ZodType): z.ZodType {
  const inner = innerOf(schema)
  return inner === undefined ? schema : unwrapped(inner)
}

function innerOf(schema: z.ZodType): z.ZodType | undefined {
  if (
    !(schema instanceof z.ZodDefault || schema instanceof z.ZodOptional || schema instanceof z.ZodPrefault)
  ) {
    return undefined
  }
  const inner = schema.unwrap()
  return inner instanceof z.ZodType ? inner : undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
