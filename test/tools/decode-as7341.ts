import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { cctOf, chromaticityOf, luxOf, xyzOf } from '../../drivers/as7341/colorimetry.ts'
import {
  CHANNELS,
  decodeHalf,
  fullScale,
  GAINS,
  type Integration,
  integrationMs,
} from '../../drivers/as7341/counts.ts'
import { decodeFlicker } from '../../drivers/as7341/flicker.ts'
import { lightOf } from '../../drivers/as7341/light.ts'
import { lampMaOf, ledCode } from '../../drivers/as7341/registers.ts'
import { chain, type Pixel } from '../../drivers/as7341/smux.ts'
import { PERSISTENCE } from '../../drivers/as7341/thresholds.ts'

/** One line of vectors: what we read from its bytes beside what is expected. */
export interface DecodedVector {
  readonly name: string
  readonly equal: boolean
  /** Names of the fields that differ. */
  readonly different: readonly string[]
  readonly ours: Fields
  readonly expected: Fields
}

type Fields = Readonly<Record<string, unknown>>

const half = z.object({
  id: z.string(),
  bytes_from_0x94: z.string().regex(/^([0-9a-f]{2})*$/i),
  atime: z.int(),
  astep: z.int(),
  expect: z.record(z.string(), z.unknown()),
})

const PIXELS: Readonly<Record<string, Pixel>> = {
  ...{ F1: 'F1', F2: 'F2', F3: 'F3', F4: 'F4', F5: 'F5', F6: 'F6', F7: 'F7', F8: 'F8', NIR: 'NIR' },
  ...{ CLEAR: 'Clear', FLICKER: 'Flicker', DARK: 'Dark', EXT_GPIO: 'ExtGpio', EXT_INT: 'ExtInt' },
}
const smux = z.object({ map: z.record(z.string(), z.int()), bytes: z.string() })

const integration = z.object({ atime: z.int(), astep: z.int() })
const misc = z.object({
  led: z.array(z.object({ ma: z.number(), code: z.int(), actual_ma: z.number() })),
  apers: z.array(z.int()),
  integration: z.array(integration.extend({ ms: z.number(), full_scale: z.int() })),
  invalid: z.array(integration),
  fd_status: z.array(
    z.object({
      byte: z.string(),
      valid: z.boolean(),
      saturated: z.boolean().optional(),
      hz: z.union([z.number(), z.string(), z.null()]).optional(),
    }),
  ),
  gain_table: z.array(z.number()),
  xyz: z.object({
    raw_F1_F8_CLEAR_NIR: z.array(z.number()).length(CHANNELS.length),
    gain: z.number(),
    tint_ms: z.number(),
    expect: z.record(z.string(), z.number()),
  }),
})

/**
 * Decodes the vectors of a file, which is a JSON value or JSON lines: halves `{ id, bytes_from_0x94, atime, astep,
 * expect }`, SMUX chains `{ map, bytes }`, or one object of numbers that are no bytes (LED codes, integration times,
 * FD_STATUS, XYZ …; of it WTIME and measured gain ratios are not ours to know). Numbers are equal when they agree to 12
 * digits, those of `xyz` to the digits they are given with; null is a value that there is none of.
 */
export function decodeAs7341(path: string): readonly DecodedVector[] {
  const text = readFileSync(path, 'utf8').trim()
  const parsed = misc.safeParse(jsonOf(text))
  if (parsed.success) return miscVectors(parsed.data)
  const entries: unknown = text.startsWith('[')
    ? JSON.parse(text)
    : text.split('\n').map((line) => JSON.parse(line))
  return z
    .array(z.union([half, smux]))
    .parse(entries)
    .map((entry) => ('map' in entry ? smuxVector(entry) : halfVector(entry)))
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // JSON lines
  }
}

function vector(name: string, ours: Fields, expected: Fields): DecodedVector {
  const different = Object.entries(expected)
    .filter(([field, value]) => !same(ours[field] ?? null, value ?? null))
    .map(([field]) => field)
  return { name, equal: different.length === 0, different, ours, expected }
}

function halfVector({ id, bytes_from_0x94, atime, astep, expect }: z.infer<typeof half>): DecodedVector {
  return vector(id, decoded(Uint8Array.from(Buffer.from(bytes_from_0x94, 'hex')), { atime, astep }), expect)
}

function decoded(bytes: Uint8Array, settings: Integration): Fields {
  try {
    const { saturated, gainCode, gain, counts, fullScale: limit, atFullScale } = decodeHalf(bytes, settings)
    const ms = integrationMs(settings.atime, settings.astep)
    return {
      saturated,
      gain_code: gainCode,
      gain,
      channels: counts,
      full_scale: limit,
      at_full_scale: atFullScale,
      integration_ms: ms,
      basic_counts: gain === undefined ? undefined : counts.map((count) => count / (gain * ms)),
    }
  } catch (error) {
    return { error: String(error) }
  }
}

function smuxVector({ map, bytes }: z.infer<typeof smux>): DecodedVector {
  const assignments = Object.fromEntries(
    Object.entries(map).map(([name, adc]) => [PIXELS[name] ?? name, adc]),
  )
  return vector(JSON.stringify(map), { bytes: Buffer.from(chain(assignments)).toString('hex') }, { bytes })
}

function miscVectors(numbers: z.infer<typeof misc>): readonly DecodedVector[] {
  const { led, apers, integration: times, invalid, fd_status, gain_table } = numbers
  return [
    ...led.map(({ ma, ...expected }) => {
      const code = ledCode(ma)
      return vector(`led ${ma} mA`, { code, actual_ma: lampMaOf(code) }, expected)
    }),
    vector('apers', { apers: PERSISTENCE }, { apers }),
    ...times.map(({ atime, astep, ...expected }) =>
      vector(`integration ${atime}/${astep}`, timesOf({ atime, astep }), expected),
    ),
    ...invalid.map(({ atime, astep }) =>
      vector(`invalid ${atime}/${astep}`, timesOf({ atime, astep }), { refused: true }),
    ),
    ...fd_status.map(({ byte, valid, saturated = false, hz = null }) =>
      vector(`FD_STATUS ${byte}`, flickerOf(Number(byte)), { valid, saturated, hz }),
    ),
    vector('gains', { gain_table: GAINS }, { gain_table }),
    xyzVector(numbers.xyz),
  ]
}

function timesOf({ atime, astep }: Integration): Fields {
  try {
    return { ms: integrationMs(atime, astep), full_scale: fullScale(atime, astep) }
  } catch (error) {
    return { refused: error instanceof RangeError }
  }
}

function flickerOf(byte: number): Fields {
  const { measured, saturated, hz100 = false, hz120 = false } = decodeFlicker(byte)
  const hz = hz100 && hz120 ? 'both' : hz100 ? 100 : hz120 ? 120 : null
  return { valid: measured, saturated, hz }
}

function xyzVector({
  raw_F1_F8_CLEAR_NIR,
  gain,
  tint_ms,
  expect,
}: z.infer<typeof misc>['xyz']): DecodedVector {
  const counts = Object.fromEntries(CHANNELS.map((channel, at) => [channel, raw_F1_F8_CLEAR_NIR[at] ?? 0]))
  const light = lightOf([{ kind: 'as7341', takenAt: 0, counts, gain, integrationMs: tint_ms, saturated: [] }])
  const xyz = light === undefined ? undefined : xyzOf(light)
  if (xyz === undefined) return vector('xyz', {}, expect)
  const chromaticity = chromaticityOf(xyz)
  const ours: Readonly<Record<string, number | undefined>> = {
    ...{ X: xyz.x, Y: xyz.y, Z: xyz.z, x: chromaticity?.x, y: chromaticity?.y, lux: luxOf(xyz) },
    ...{ u_prime: chromaticity?.uPrime, v_prime: chromaticity?.vPrime },
    ...{ CCT_ams: cctOf(xyz, 'ams'), CCT_mccamy: cctOf(xyz) },
  }
  const rounded = Object.entries(expect).map(([field, value]) => {
    const digits = `${value}`.split('.')[1]?.length ?? 0
    return [field, Number(ours[field]?.toFixed(digits))]
  })
  return vector('xyz', Object.fromEntries(rounded), expect)
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
