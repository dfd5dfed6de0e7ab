import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { decodeHalf, type Integration, integrationMs } from '../../drivers/as7341/counts.ts'

const vector = z.object({
  id: z.string(),
  bytes_from_0x94: z.string().regex(/^([0-9a-f]{2})*$/i),
  atime: z.int(),
  astep: z.int(),
  expect: z.record(z.string(), z.unknown()),
})

/** One line of vectors: what we read from its bytes beside what is expected. */
export interface DecodedVector {
  readonly name: string
  readonly equal: boolean
  /** Names of the fields that differ. */
  readonly different: readonly string[]
  readonly ours: Readonly<Record<string, unknown>>
  readonly expected: Readonly<Record<string, unknown>>
}

/**
 * Decodes the vectors of a file, a JSON array or JSON lines, each `{ id, bytes_from_0x94, atime, astep, expect }`.
 * Numbers are equal when they agree to 12 digits; null is a value that there is none of.
 */
export function decodeAs7341(path: string): readonly DecodedVector[] {
  const text = readFileSync(path, 'utf8').trim()
  const entries: unknown = text.startsWith('[')
    ? JSON.parse(text)
    : text.split('\n').map((line) => JSON.parse(line))
  return z.array(vector).parse(entries).map(decodeVector)
}

function decodeVector({ id, bytes_from_0x94, atime, astep, expect }: z.infer<typeof vector>): DecodedVector {
  const ours = decoded(Uint8Array.from(Buffer.from(bytes_from_0x94, 'hex')), { atime, astep })
  const different = Object.entries(expect)
    .filter(([field, expected]) => !same(ours[field] ?? null, expected ?? null))
    .map(([field]) => field)
  return { name: id, equal: different.length === 0, different, ours, expected: expect }
}

function decoded(bytes: Uint8Array, integration: Integration): Readonly<Record<string, unknown>> {
  try {
    const half = decodeHalf(bytes, integration)
    const { gain } = half
    const ms = integrationMs(integration.atime, integration.astep)
    return {
      saturated: half.saturated,
      gain_code: half.gainCode,
      gain,
      channels: half.counts,
      full_scale: half.fullScale,
      at_full_scale: half.atFullScale,
      integration_ms: ms,
      basic_counts: gain === undefined ? undefined : half.counts.map((count) => count / (gain * ms)),
    }
  } catch (error) {
    return { error: String(error) }
  }
}

function same(ours: unknown, expected: unknown): boolean {
  if (Array.isArray(ours) && Array.isArray(expected)) {
    return ours.length === expected.length && ours.every((value, at) => same(value, expected[at]))
  }
  if (typeof ours === 'number' && typeof expected === 'number') {
    return Math.abs(ours - expected) <= 1e-12 * Math.max(Math.abs(ours), Math.abs(expected))
  }
  return ours === expected
}
