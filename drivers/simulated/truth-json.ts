import type { LineBelt } from './line.ts'
import type { PartTruth } from './parts.ts'
import type { HeightMap } from './truth-map.ts'

export interface TruthExtras {
  readonly belt?: Pick<Required<LineBelt>, 'mmPerS' | 'fromMm'>
  readonly heightMap?: HeightMap
}

/** One line of JSON in snake_case, `poincon.truth/1`: what stood under the head. Heights of the map to 0.01 mm. */
export function truthLine(truth: PartTruth, { belt, heightMap }: TruthExtras = {}): string {
  const rows = heightMap === undefined ? undefined : { ...heightMap, heightMm: rowsOf(heightMap) }
  return JSON.stringify(
    snakeCase({
      schema: 'poincon.truth/1',
      ...truth,
      ...(belt === undefined ? {} : { belt: { mmPerS: belt.mmPerS, fromMm: belt.fromMm } }),
      ...(rows === undefined ? {} : { heightMap: rows }),
    }),
  )
}

function rowsOf({ columns, rows, heightMm }: HeightMap): number[][] {
  return Array.from({ length: rows }, (_, row) =>
    Array.from(heightMm.subarray(row * columns, (row + 1) * columns), (mm) => Math.round(100 * mm) / 100),
  )
}

/** Keys that begin with a small letter, at every depth; the channels' names stay. */
function snakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCase)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      /^[a-z]/.test(key) ? key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : key,
      snakeCase(inner),
    ]),
  )
}
