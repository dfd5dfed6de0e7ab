import { z } from 'zod'
import { CHANNELS } from '../../drivers/as7341/counts.ts'
import type { OldSpectrum } from './measurement.ts'
import { OLD_MATRICES, type OldRanging, oldRanging } from './ranging.ts'

/**
 * No message says how far ranges scatter. With this sigma of the chip, the analysis takes a range for good to 1.1 mm:
 * the millimetre at contact that was recorded of such chips (facts §5), and what rounding to whole ones adds.
 */
const SIGMA_MM = 1.75

const MATRICES = 'expected 8 rows of 8 numbers, or 4 of 4'
const NAMES = ['distance', 'reflectance', 'amplitude', 'ambient', 'status'] as const

const told = z.object({
  distance: OLD_MATRICES.distance.nullish(),
  reflectance: OLD_MATRICES.reflectance.nullish(),
  amplitude: OLD_MATRICES.amplitude.nullish(),
  ambient: OLD_MATRICES.ambient.nullish(),
  status: OLD_MATRICES.status.nullish(),
  distance_matrix: OLD_MATRICES.distance.nullish(),
  reflectance_matrix: OLD_MATRICES.reflectance.nullish(),
  amplitude_matrix: OLD_MATRICES.amplitude.nullish(),
  ambient_matrix: OLD_MATRICES.ambient.nullish(),
  status_matrix: OLD_MATRICES.status.nullish(),
})

const matrices = told.transform((raw, context): OldRanging => {
  const entries = NAMES.flatMap((name) => {
    const rows = raw[name] ?? raw[`${name}_matrix`]
    if (rows === null || rows === undefined) {
      if (name !== 'status') context.addIssue({ code: 'custom', path: [name], message: MATRICES })
      return []
    }
    return [[name, rows] as const]
  })
  const ranging = oldRanging.safeParse({ ...Object.fromEntries(entries), sigma_mm: SIGMA_MM })
  if (ranging.success) return ranging.data
  if (entries.some(([name]) => name === 'distance')) {
    context.addIssue({ code: 'custom', path: ['distance'], message: 'expected matrices of one size' })
  }
  return z.NEVER
})

const COUNTS = 'expected a count from 0 to 65535'
const count = z.number(COUNTS).min(0, COUNTS).max(65_535, COUNTS)
const counts = z
  .partialRecord(z.enum(CHANNELS), count)
  .refine((channels) => Object.keys(channels).length > 0, `expected counts of ${CHANNELS.join(', ')}`)

const exposure = z.object({
  integration_time: z.number().positive().max(46_640).nullish(),
  gain: z.number().min(0.5).max(512).nullish(),
})

/** Counts beside other members: a flicker channel, or the device's own analysis. */
const spectrum = z.looseObject({}).transform((raw, context): OldSpectrum => {
  const inner: unknown = raw.channels ?? raw
  const found = counts.safeParse(onlyChannels(inner))
  const light = exposure.safeParse(raw)
  for (const { result, path } of [
    { result: found, path: raw.channels === undefined ? [] : ['channels'] },
    { result: light, path: [] },
  ]) {
    for (const issue of result.error?.issues ?? [])
      context.addIssue({ code: 'custom', path: [...path, ...issue.path], message: issue.message })
  }
  if (!found.success || !light.success) return z.NEVER
  const { integration_time: integrationMs, gain } = light.data
  return {
    counts: found.data,
    ...(typeof gain === 'number' ? { gain } : {}),
    ...(typeof integrationMs === 'number' ? { integrationMs } : {}),
  }
})

function onlyChannels(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const known: ReadonlySet<string> = new Set(CHANNELS)
  return Object.fromEntries(
    Object.entries(value).filter(([name, inner]) => known.has(name) && inner !== null && inner !== undefined),
  )
}

/** A sensor's block: what was measured stands in `raw`, or, in the simulator's flat form, in the block itself. */
function block<T>(measured: z.ZodType<T>) {
  return z.looseObject({}, 'expected an object').transform((value, context): T => {
    const nested = value.raw !== undefined && value.raw !== null
    const found = measured.safeParse(nested ? value.raw : value)
    if (found.success) return found.data
    for (const issue of found.error.issues) {
      const path = nested ? ['raw', ...issue.path] : issue.path
      context.addIssue({ code: 'custom', path, message: issue.message })
    }
    return z.NEVER
  })
}

export const rangingBlock = block(matrices)
export const spectralBlock = block(spectrum)
