import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import {
  aggregateMap,
  encodeHistograms,
  type HistogramConfig,
  histogramBytes,
  planHistograms,
} from '../../drivers/vl53l8ch/histogram-plan.ts'
import { decodeHistograms, type Histograms } from '../../drivers/vl53l8ch/histograms.ts'
import { swapWords } from '../../drivers/vl53l8ch/mailbox.ts'
import { decodeBlocks, decodeFrame, findBlock } from '../../drivers/vl53l8ch/ranges.ts'
import { FRAME_HISTOGRAMS } from '../../drivers/vl53l8ch/registers.ts'
import type { DecodedVector } from './decode-as7341.ts'
import { uldScaled, uldUnscaled } from './uld.ts'

const hex = z
  .string()
  .max(1 << 16)
  .regex(/^([0-9a-f]{2})*$/i)
  .transform((text) => Uint8Array.from(Buffer.from(text, 'hex')))
const fields = z.record(z.string(), z.unknown())
const histograms = z.object({
  ref_residual: z.int(),
  aggregates: z.array(
    z.object({
      hist: z.array(z.int()),
      scaler: z.array(z.int()),
      ambient: z.int(),
      ambient_scaler: z.int(),
    }),
  ),
})
const frame = z.object({
  id: z.string(),
  zones: z.union([z.literal(16), z.literal(64)]),
  targets_per_zone: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]),
  raw: hex,
  status: z.int(),
  decoded: fields,
  decoded_unscaled: fields,
  cnh: histograms.optional(),
})
const block = z.object({ id: z.string(), block: hex, cnh: histograms })
const configuration = z.object({
  id: z.string(),
  config: z.object({
    start_bin: z.int(),
    num_bins: z.int(),
    sub_sample: z.int(),
    cnh_cfg: z.int(),
    resolution: z.union([z.literal(16), z.literal(64)]),
    start_x: z.int(),
    start_y: z.int(),
    merge_x: z.int(),
    merge_y: z.int(),
    cols: z.int(),
    rows: z.int(),
  }),
  map_status: z.int(),
  struct_le: z.string(),
  mem_status: z.int(),
  mem_bytes: z.int().nullish(),
})
const vector = z.union([frame, block, configuration])

const CORRUPTED_FRAME = 2
const INVALID_PARAMETER = 127

/**
 * Decodes the vectors of a JSON-lines file: whole frames, or histogram blocks alone in host byte order. Compared are
 * ST's scaled and unscaled results, its status, and the histograms where the line has them. Configurations of
 * histograms are encoded: compared are the chip's object, its size, and what ST's driver refuses.
 */
export function decodeVl53l8ch(path: string): readonly DecodedVector[] {
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const entry = vector.parse(JSON.parse(line))
      if ('config' in entry) return encodeEntry(entry)
      return 'raw' in entry ? decodeEntry(entry) : decodeBlockEntry(entry)
    })
}

function decodeEntry(entry: z.infer<typeof frame>): DecodedVector {
  const { raw, zones, targets_per_zone: targets, status, decoded, decoded_unscaled, cnh } = entry
  const seen = decodeBlocks(raw, zones, targets, 0)
  const ours: Record<string, unknown> = {
    status: statusOf(raw, zones, targets),
    decoded: only(uldScaled(seen), decoded),
    decoded_unscaled: only(uldUnscaled(seen), decoded_unscaled),
  }
  const expected: Record<string, unknown> = { status, decoded, decoded_unscaled }
  if (cnh !== undefined) {
    const found = findBlock(raw, FRAME_HISTOGRAMS)
    const { offset = 0, bytes = 0 } = found ?? {}
    ours.cnh = uldHistograms(decodeHistograms(raw.subarray(offset, offset + bytes)))
    expected.cnh = cnh
  }
  return compare(entry.id, ours, expected)
}

function decodeBlockEntry({ id, block: bytes, cnh }: z.infer<typeof block>): DecodedVector {
  return compare(id, { cnh: uldHistograms(decodeHistograms(swapWords(bytes))) }, { cnh })
}

/** @returns what our driver is asked for */
export function histogramConfigOf(config: z.infer<typeof configuration>['config']): HistogramConfig {
  const flag = (bit: number): boolean => ((config.cnh_cfg >> bit) & 1) === 1
  return {
    startBin: config.start_bin,
    bins: config.num_bins,
    subSample: config.sub_sample,
    grid: {
      startX: config.start_x,
      startY: config.start_y,
      mergeX: config.merge_x,
      mergeY: config.merge_y,
      columns: config.cols,
      rows: config.rows,
    },
    pingPong: !flag(0),
    variance: !flag(1),
    ambient: flag(2),
    removeXtalk: flag(3),
    zeroInvalidBins: flag(4),
    storeResidual: flag(5),
  }
}

function encodeEntry(entry: z.infer<typeof configuration>): DecodedVector {
  const { id, config, ...expected } = entry
  const ours = histogramConfigOf(config)
  const refused = (act: () => unknown): number => {
    try {
      act()
      return 0
    } catch (error) {
      if (error instanceof RangeError) return INVALID_PARAMETER
      throw error
    }
  }
  const mapStatus = refused(() => aggregateMap(ours.grid, config.resolution))
  // Without a map ST's structure has no aggregate, and no size.
  const map = mapStatus === 0 ? aggregateMap(ours.grid, config.resolution) : new Int8Array(64).fill(-1)
  return compare(
    id,
    {
      map_status: mapStatus,
      struct_le: Buffer.from(encodeHistograms(ours, map)).toString('hex'),
      mem_status: refused(() => planHistograms(ours, config.resolution)),
      mem_bytes: mapStatus === 0 ? histogramBytes(ours) : null,
    },
    { ...expected, mem_bytes: expected.mem_bytes ?? null },
  )
}

function statusOf(raw: Uint8Array, zones: 16 | 64, targets: 1 | 2 | 3 | 4): number {
  try {
    decodeFrame(raw, zones, targets, 0)
    return 0
  } catch {
    return CORRUPTED_FRAME
  }
}

/** The fields that a vector expects; it need not expect all. */
function only(ours: Record<string, unknown>, expected: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.keys(expected).map((key) => [key, ours[key]]))
}

/** As the vectors hold them: one object an aggregate. */
export function uldHistograms(decoded: Histograms): z.infer<typeof histograms> {
  const { aggregates, bins, referenceResidual, mantissas, scalers } = decoded
  return {
    ref_residual: referenceResidual,
    aggregates: Array.from({ length: aggregates }, (_, i) => ({
      hist: [...mantissas.subarray(i * bins, (i + 1) * bins)],
      scaler: [...scalers.subarray(i * bins, (i + 1) * bins)],
      ambient: decoded.ambientMantissas[i] ?? 0,
      ambient_scaler: decoded.ambientScalers[i] ?? 0,
    })),
  }
}

function compare(
  name: string,
  ours: Record<string, unknown>,
  expected: Record<string, unknown>,
): DecodedVector {
  const different: string[] = []
  for (const [key, value] of Object.entries(expected)) {
    if (isDeepStrictEqual(ours[key], value)) continue
    const parts = fields.safeParse(value)
    const mine = fields.safeParse(ours[key])
    if (parts.success && mine.success) {
      const unequal = Object.keys(parts.data).filter((k) => !isDeepStrictEqual(parts.data[k], mine.data[k]))
      different.push(...unequal.map((part) => `${key}.${part}`))
    } else different.push(key)
  }
  return { name, equal: different.length === 0, different, ours, expected }
}
