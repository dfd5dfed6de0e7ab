import { parseDocument } from 'yaml'
import { z } from 'zod'
import { unwrapped } from '../config-secrets.ts'

/** What a configuration that nobody can run with says, as far as it may be told. */
export interface ToldConfig {
  /** Its keys, with the values of places that are known and not secret. */
  readonly text: string
  /** What is not told, so that it is looked for everywhere else. */
  readonly hidden: readonly string[]
  /** Its values, in the open: for finding places, never for showing. */
  readonly value: unknown
}

const HIDDEN = '(hidden)'
/** Shorter ones are words that stand everywhere. */
const SHORTEST = 4
const LONGEST_KEY = 40
/** A key at the beginning of a line of YAML, and what follows. */
const LINE = /^(\s*(?:-\s+)*)(?:["']?)([A-Za-z_][\w.-]*)(?:["']?)\s*:(?:\s+(.*))?$/

/**
 * A wrong configuration for whoever helps from afar. Nothing is shown but keys, numbers, switches, and texts of places that
 * the schema knows and does not mark as secret: a misspelt key may hold a password. Of text that is no YAML only words that
 * are keys of the schema are shown.
 */
export function toldConfig(schema: z.ZodType, text: string): ToldConfig {
  const document = parseDocument(text, { prettyErrors: false })
  if (document.errors.length > 0) return fromLines(schema, text)
  try {
    const value: unknown = document.toJS()
    const hidden: string[] = []
    const shown = told(schema, value, hidden)
    return { text: `${JSON.stringify(shown, null, 2)}\n`, hidden, value }
  } catch {
    return fromLines(schema, text)
  }
}

function told(schema: z.ZodType | undefined, value: unknown, hidden: string[]): unknown {
  if (typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined) {
    // A password may be a number.
    if (schema !== undefined && !isSecretPlace(schema)) return value
    return hide(value, hidden)
  }
  if (typeof value !== 'object') {
    return schema === undefined || isSecretPlace(schema) ? hide(value, hidden) : withoutUser(String(value))
  }
  if (Array.isArray(value)) return value.map((one: unknown) => told(inside(schema, '0'), one, hidden))
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key.length <= LONGEST_KEY ? key : HIDDEN,
      told(inside(schema, key), inner, hidden),
    ]),
  )
}

function hide(value: unknown, hidden: string[]): string {
  const text = String(value)
  if (text.length >= SHORTEST && value !== null && typeof value !== 'boolean') hidden.push(text)
  return HIDDEN
}

/** RFC 3986 §3.2.1: who, and often with which password. */
function withoutUser(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^/\s"]*@/gi, '$1')
}

/** What a schema knows below a key, in any of its alternatives; undefined: nothing. */
function inside(schema: z.ZodType | undefined, key: string): z.ZodType | undefined {
  if (schema === undefined) return undefined
  const bare = unwrapped(schema)
  if (bare instanceof z.ZodUnion) {
    const known = bare.options
      .map((option) => (option instanceof z.ZodType ? inside(option, key) : undefined))
      .filter((one) => one !== undefined)
    return known.find(isSecretPlace) ?? known[0]
  }
  const inner: unknown =
    bare instanceof z.ZodObject
      ? Object.hasOwn(bare.shape, key)
        ? bare.shape[key]
        : undefined
      : bare instanceof z.ZodRecord
        ? bare.valueType
        : bare instanceof z.ZodArray
          ? bare.element
          : undefined
  return inner instanceof z.ZodType ? inner : undefined
}

function isSecretPlace(schema: z.ZodType): boolean {
  if (schema.meta()?.secret === true) return true
  const bare = unwrapped(schema)
  if (bare.meta()?.secret === true) return true
  return (
    bare instanceof z.ZodUnion && bare.options.some((one) => one instanceof z.ZodType && isSecretPlace(one))
  )
}

/** What no parser understands, line by line. */
function fromLines(schema: z.ZodType, text: string): ToldConfig {
  const known = keysOf(schema)
  const hidden: string[] = []
  const value: Record<string, string>[] = []
  const lines = text.split(/\r?\n/).map((line) => {
    const [, indent = '', key = '', rest = ''] = LINE.exec(line) ?? []
    const bare = plain(key === '' ? line : rest)
    if (bare.length >= SHORTEST && !/^[\d.]+$/.test(bare)) hidden.push(bare)
    if (key === '') return line.trim() === '' ? '' : HIDDEN
    value.push({ [key]: bare })
    return `${indent.replace(/[^\s-]/g, '')}${known.has(key) ? key : HIDDEN}:${rest === '' ? '' : ` ${HIDDEN}`}`
  })
  return { text: `${lines.join('\n')}\n`, hidden, value }
}

/** Without quotes, comment, and the signs of YAML before it. */
function plain(text: string): string {
  const [, quoted] = /^\s*(?:-\s+)*(?:"([^"]*)"?|'([^']*)'?)/.exec(text) ?? []
  return (quoted ?? text.replace(/\s+#.*$/, '').replace(/^[\s\-#*&!|>"']+/, '')).trim()
}

/** Every word that is a key somewhere in a schema. */
function keysOf(schema: z.ZodType, found = new Set<string>()): ReadonlySet<string> {
  const bare = unwrapped(schema)
  if (bare instanceof z.ZodObject) {
    for (const [key, inner] of Object.entries(bare.shape)) {
      found.add(key)
      if (inner instanceof z.ZodType) keysOf(inner, found)
    }
  } else if (bare instanceof z.ZodUnion) {
    for (const option of bare.options) if (option instanceof z.ZodType) keysOf(option, found)
  } else if (bare instanceof z.ZodRecord && bare.valueType instanceof z.ZodType) keysOf(bare.valueType, found)
  else if (bare instanceof z.ZodArray && bare.element instanceof z.ZodType) keysOf(bare.element, found)
  return found
}
