import { constants, deflateSync, inflateSync } from 'node:zlib'
import { decode, Encoder } from '@msgpack/msgpack'
import { z } from 'zod'
import { CHANNELS, decodeSpectrum, type Spectrum } from '../drivers/as7341/counts.ts'
import type { Climate } from '../drivers/environment/climate.ts'
import { withHistograms } from '../drivers/vl53l8ch/histograms.ts'
import { decodeFrame, type RangeFrame } from '../drivers/vl53l8ch/ranges.ts'
import type { Circumstances } from './analysis/judge.ts'
import { oldFrame } from './esp32/measurement.ts'
import { histogramLayout } from './head-options.ts'
import type { Observation } from './inspect.ts'
import type { Measurement, MeasurementKind, Trigger } from './inspection.ts'
import { recordOfSight, sightFrom, sightRecord } from './lens-sight.ts'
import type { Look } from './look.ts'
import { camelKeys } from './recipe-keys.ts'

const bytes = z.union([
  z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'expected bytes or base64'),
  z.base64().transform((text): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))),
])

const ranges = z.object({
  kind: z.literal('vl53l8ch'),
  zones: z.literal([16, 64]),
  targets_per_zone: z.literal([1, 2, 3, 4]),
  /** Absent: `payload` is the chip's frame. `esp32`: UTF-8 JSON of what an old head sent. */
  form: z.literal('esp32').optional(),
  /** The frame as it came over the bus; of several looks the last. */
  payload: bytes,
  /** What the frames do not say of the histograms that they carry; absent: none were asked for. */
  histograms: histogramLayout.optional(),
  /** All looks, oldest first, where there were several; `belt_mm`: belt travel since the trigger. */
  looks: z
    .array(z.object({ belt_mm: z.number().optional(), payload: bytes }))
    .min(1)
    .optional(),
})

const spectrum = z.object({
  kind: z.literal('as7341'),
  atime: z.int().min(0).max(255),
  astep: z.int().min(0).max(65534),
  /** Of the chip's own lamp, mA: a white reference of another current says nothing. Absent: it drives none. */
  lamp_ma: z.number().min(0).max(258).optional(),
  /** Both halves as they came over the bus: 2 × 13 bytes, then STATUS2 of each (absent in older records). */
  payload: bytes,
})

/** A converter has 16 bits and gains at most one count a step, which takes 2.78 µs (DS000504, `fullScale`). */
const MOST_COUNTS = 0xffff
const STEP_MS = 0.00278

/** A recording that kept no bytes: what it did not keep is absent. */
const counts = z.object({
  kind: z.literal('as7341'),
  gain: z.number().positive().optional(),
  integration_ms: z.number().positive().optional(),
  payload: z.partialRecord(z.enum(CHANNELS), z.number().min(0)),
})

const rawHead = z.union([ranges, spectrum, counts, sightRecord])
export type RawHead = z.infer<typeof rawHead>

/** Raw data of one part, `poincon.raw/1`: what every verdict can be derived from again. */
export const rawRecord = z.object({
  schema: z.literal('poincon.raw/1'),
  /** Wall-clock microseconds since 1970 of the trigger; absent in recordings that did not keep it. */
  t_us: z.number().min(0).optional(),
  trigger: z
    .strictObject({
      number: z.int().min(1).optional(),
      source: z.string().optional(),
      sample_id: z.string().max(128).optional(),
    })
    .optional(),
  /** Around the station, where it is known. */
  conditions: z.object({ temperature_c: z.number().optional() }).optional(),
  /** By head id; a head that is missing is an absent sensor. */
  heads: z.record(z.string(), rawHead),
  recipe: z.object({ id: z.string(), revision: z.int().min(1) }).optional(),
  /** Ids of the calibrations it was judged with. */
  calibration: z.array(z.string()).optional(),
})
export type RawRecord = z.infer<typeof rawRecord>

/** What a measurement, and the looks that it is the last of, leave in the raw record. */
export function rawHeadOf(measurement: Measurement, looks: readonly Look[] = []): RawHead {
  switch (measurement.kind) {
    case 'vl53l8ch':
      return {
        kind: 'vl53l8ch',
        zones: measurement.zones,
        targets_per_zone: measurement.targetsPerZone,
        payload: measurement.raw,
        ...rawLayout(measurement),
        ...(looks.length === 0 ? {} : { looks: looks.map(rawLook) }),
      }
    case 'as7341':
      return rawSpectrum(measurement)
    case 'camera':
      return recordOfSight(measurement)
  }
}

function rawLayout({ histograms }: RangeFrame): Pick<z.infer<typeof ranges>, 'histograms'> {
  if (histograms === undefined) return {}
  const { startBin, subSample, grid } = histograms.layout
  const { startX, startY, mergeX, mergeY, columns, rows } = grid
  return {
    histograms: {
      start_bin: startBin,
      sub_sample: subSample,
      grid: { start_x: startX, start_y: startY, merge_x: mergeX, merge_y: mergeY, columns, rows },
    },
  }
}

function frameOf(head: z.infer<typeof ranges>, payload: Uint8Array, takenAt: number): RangeFrame {
  if (head.form === 'esp32') return oldFrame(payload, takenAt)
  const frame = decodeFrame(payload, head.zones, head.targets_per_zone, takenAt)
  return head.histograms === undefined ? frame : withHistograms(frame, camelKeys(head.histograms))
}

function rawLook({ frame, beltMm }: Look): { payload: Uint8Array; belt_mm?: number } {
  return { ...(beltMm === undefined ? {} : { belt_mm: beltMm }), payload: frame.raw }
}

function rawSpectrum({ raw, integration, gain, integrationMs, lampMa, counts: seen }: Spectrum): RawHead {
  if (raw !== undefined && integration !== undefined) {
    const { atime, astep } = integration
    return {
      kind: 'as7341',
      atime,
      astep,
      ...(lampMa === undefined ? {} : { lamp_ma: lampMa }),
      payload: raw,
    }
  }
  return {
    kind: 'as7341',
    ...(gain === undefined ? {} : { gain }),
    ...(integrationMs === undefined ? {} : { integration_ms: integrationMs }),
    payload: { ...seen },
  }
}

/**
 * The measurement that a raw head record holds.
 * @param takenAt monotonic ms to give it
 * @throws SensorError `corrupt` where the bytes contradict themselves
 */
export function measurementOf(head: RawHead, takenAt: number): Measurement {
  if (head.kind === 'vl53l8ch') return frameOf(head, head.payload, takenAt)
  if (head.kind === 'camera') return sightFrom(head, takenAt)
  if ('atime' in head) {
    const spectrum = decodeSpectrum(head.payload, head, takenAt)
    return head.lamp_ma === undefined ? spectrum : { ...spectrum, lampMa: head.lamp_ma }
  }
  const limit = Math.min(MOST_COUNTS, Math.floor((head.integration_ms ?? Number.POSITIVE_INFINITY) / STEP_MS))
  return {
    kind: 'as7341',
    takenAt,
    counts: head.payload,
    ...(head.gain === undefined ? {} : { gain: head.gain }),
    ...(head.integration_ms === undefined ? {} : { integrationMs: head.integration_ms }),
    saturated: CHANNELS.filter((channel) => (head.payload[channel] ?? 0) >= limit),
  }
}

/**
 * All looks that a raw head record holds, oldest first; none where there was one only.
 * @param takenAt monotonic ms to give them
 * @throws SensorError `corrupt` where the bytes contradict themselves
 */
export function looksOf(head: RawHead, takenAt: number): readonly Look[] {
  if (head.kind !== 'vl53l8ch' || head.looks === undefined) return []
  return head.looks.map(({ belt_mm: beltMm, payload }) => ({
    frame: frameOf(head, payload, takenAt),
    ...(beltMm === undefined ? {} : { beltMm }),
  }))
}

/** Keeps its buffer from one record to the next, and gives each away as a copy. */
const encoder = new Encoder()

/** First byte of a zlib stream (RFC 1950 §2.2: deflate, 32 kB window); a map of MessagePack begins with another. */
const ZLIB = 0x78
/** More than a part with a hundred looks: what claims to be longer is no raw record. */
const MOST_BYTES = 16 * 1024 * 1024

/**
 * The raw record of one part, as the store keeps it: MessagePack of `poincon.raw/1`, in a zlib stream. The zeros of the
 * frames, and the last look that stands there twice, are more than half of it, and every byte is written to the flash
 * twice.
 */
export function encodeRaw(record: RawRecord): Uint8Array {
  return deflateSync(encoder.encodeSharedRef(record), { level: constants.Z_BEST_SPEED })
}

/** @param stored also one of an earlier release, which is not compressed @throws Error when it is not a raw record */
export function decodeRaw(stored: Uint8Array): RawRecord {
  const { buffer, byteOffset, byteLength } =
    stored[0] === ZLIB ? inflateSync(stored, { maxOutputLength: MOST_BYTES }) : stored
  // What is cut from a Buffer is one, and writes itself as an object into JSON.
  return rawRecord.parse(decode(new Uint8Array(buffer, byteOffset, byteLength)))
}

/** The raw record as one line of JSON, payloads in base64. */
export function rawLine(record: RawRecord): string {
  return JSON.stringify(record, (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
  )
}

/** The air around the heads, as far as it is known. */
export type Air = Pick<Climate, 'temperatureC'> & Partial<Pick<Climate, 'humidityPercent'>>

/** When a part came, and what it was like around the station. */
interface Moment {
  /** Ms since 1970. */
  readonly wallMs: number
  readonly climate?: Pick<Climate, 'temperatureC'> | undefined
}

/** What the analysis is told of the moment: exactly what a raw record keeps of it. */
export function conditionsOf({ wallMs, climate }: Moment): Circumstances {
  return recordedConditions({
    t_us: microseconds(wallMs),
    ...(climate === undefined ? {} : { conditions: { temperature_c: climate.temperatureC } }),
  })
}

/** What the analysis was told of the moment. */
export function recordedConditions({
  t_us: tUs,
  conditions,
}: Pick<RawRecord, 't_us' | 'conditions'>): Circumstances {
  const temperatureC = conditions?.temperature_c
  return {
    ...(tUs === undefined ? {} : { atMs: tUs / 1000 }),
    ...(temperatureC === undefined ? {} : { temperatureC }),
  }
}

function microseconds(ms: number): number {
  return Math.round(ms * 1000)
}

/** What one part left, ready to be stored. */
export function rawRecordOf(
  trigger: Trigger,
  { wallMs, climate }: Moment,
  { measurements, looks }: Pick<Observation, 'measurements' | 'looks'>,
  judgedWith: {
    readonly recipe: { readonly id: string; readonly revision: number }
    readonly calibration: readonly string[]
  },
): RawRecord {
  return {
    schema: 'poincon.raw/1',
    t_us: microseconds(wallMs),
    trigger: {
      number: trigger.number,
      source: trigger.source,
      ...(trigger.sampleId === undefined ? {} : { sample_id: trigger.sampleId }),
    },
    ...(climate === undefined ? {} : { conditions: { temperature_c: climate.temperatureC } }),
    heads: Object.fromEntries(
      [...measurements].map(([id, measurement]) => [id, rawHeadOf(measurement, looks.get(id))]),
    ),
    recipe: { id: judgedWith.recipe.id, revision: judgedWith.recipe.revision },
    calibration: [...judgedWith.calibration],
  }
}

/** The station's head that a recorded head stands for: of the same id, else the first of its kind. */
export function headFor(
  id: string,
  kind: MeasurementKind,
  heads: readonly { readonly id: string; readonly kind: MeasurementKind }[],
): string | undefined {
  return (
    heads.find((head) => head.id === id && head.kind === kind) ?? heads.find((head) => head.kind === kind)
  )?.id
}
