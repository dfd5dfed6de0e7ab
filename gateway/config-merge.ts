import { isDeepStrictEqual } from 'node:util'

/**
 * Keys that only the device itself says: who it is, where its data are, and how its updater is reached and reaches it. A
 * configuration for a whole fleet can neither make two devices one nor cut one off its updates.
 */
export const LOCAL_KEYS = ['device_id', 'site', 'line', 'station', 'data_dir', 'http', 'update'] as const

type Path = readonly string[]

/** One place where two configurations say different things. */
export interface Difference {
  readonly path: Path
  readonly before?: unknown
  readonly after?: unknown
}

/**
 * What both say: mappings are merged key by key, everything else is taken whole, and where both say it, `own` wins.
 * @param delivered @param own neither is changed
 */
export function mergeUnder(delivered: unknown, own: unknown): unknown {
  if (own === undefined) return delivered
  if (!isMapping(delivered) || !isMapping(own)) return own
  const keys = new Set([...Object.keys(delivered), ...Object.keys(own)])
  return Object.fromEntries(
    [...keys].map((key) => [key, mergeUnder(memberOf(delivered, key), memberOf(own, key))]),
  )
}

/** Places where `delivered` says something, and `own` says something else and wins. */
export function keptBy(own: unknown, delivered: unknown, path: Path = []): readonly Path[] {
  if (own === undefined || delivered === undefined) return []
  if (isMapping(own) && isMapping(delivered)) {
    return Object.keys(delivered).flatMap((key) =>
      keptBy(memberOf(own, key), memberOf(delivered, key), [...path, key]),
    )
  }
  return isDeepStrictEqual(own, delivered) ? [] : [path]
}

/** Where two configurations differ, key by key, also where a mapping comes or goes; lists whole; in the order of the first. */
export function differences(before: unknown, after: unknown, path: Path = []): readonly Difference[] {
  if (isDeepStrictEqual(before, after)) return []
  const [one, other] = [before ?? {}, after ?? {}]
  const keys =
    isMapping(one) && isMapping(other) ? new Set([...Object.keys(one), ...Object.keys(other)]) : undefined
  if (keys !== undefined && keys.size > 0) {
    return [...keys].flatMap((key) => differences(valueAt(one, [key]), valueAt(other, [key]), [...path, key]))
  }
  return [{ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }]
}

/** What stands at a path. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, key) => (isMapping(inner) ? memberOf(inner, key) : undefined), value)
}

function memberOf(mapping: Readonly<Record<string, unknown>>, key: string): unknown {
  return Object.hasOwn(mapping, key) ? mapping[key] : undefined
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
