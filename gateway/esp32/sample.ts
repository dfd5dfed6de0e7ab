import { hash } from 'node:crypto'
import { z } from 'zod'
import { CLIMATE_LIMITS } from '../../drivers/environment/climate.ts'
import { lotId } from '../lot.ts'
import { adviceOf } from './advice.ts'
import type { OldHeadBlock } from './block.ts'
import { rangingBlock, spectralBlock } from './blocks.ts'
import { deviceId, saidText } from './device.ts'
import { type OldRanges, type OldSpectrum, rangesOf } from './measurement.ts'

/** One part, as an old device measured it. */
export interface OldSample {
  readonly sampleId: string
  readonly deviceId: string
  /** Absent: the device sent none. */
  readonly ranging?: OldRanges
  readonly spectrum?: OldSpectrum
  /** Absent: the lot that runs at the station. */
  readonly lotId?: string
  readonly temperatureC?: number
  readonly humidityPercent?: number
  /** SHA-256 of what was measured, hex: the same for a repetition, whatever else it says. */
  readonly measuredSha256: string
  /** What goes into the message beside the measurement; the address is the connection's. */
  readonly said: Omit<OldHeadBlock, 'address'>
}

const ID = 'expected 1 to 128 printable characters'
const sampleId = z.string(ID).regex(/^[\x20-\x7e]{1,128}$/, ID)
const text = saidText.nullish()
const [coldest, hottest] = CLIMATE_LIMITS.temperatureC
const [driest, wettest] = CLIMATE_LIMITS.humidityPercent
const temperature = z.number().min(coldest).max(hottest).nullish()
const humidity = z.number().min(driest).max(wettest).nullish()
const circumstances = {
  firmware_version: text,
  temperature_c: temperature,
  humidity_pct: humidity,
  humidity_percent: humidity,
} as const

/** `sensor_data`, nested or in the simulator's flat form; what it holds beside this is passed over. */
export const sensorData = z
  .looseObject({
    sample_id: sampleId,
    device_id: deviceId,
    timestamp: z.union([saidText, z.number().transform(String)]).nullish(),
    vl53l8ch: rangingBlock.nullish(),
    as7341: spectralBlock.nullish(),
    lot_id: lotId.nullish(),
    mac_address: text,
    location: text,
    site_code: text,
    lot_abattage: text,
    eleveur: text,
    provenance: text,
    ...circumstances,
    meta: z.looseObject(circumstances).nullish(),
  })
  .refine(({ vl53l8ch, as7341 }) => (vl53l8ch ?? as7341 ?? undefined) !== undefined, {
    path: ['vl53l8ch'],
    error: 'expected a measurement of vl53l8ch, of as7341, or of both',
  })
type SensorData = z.output<typeof sensorData>

/** @param message the parsed JSON that `data` was made of */
export function sampleOf(data: SensorData, message: object): OldSample {
  const ranging = present(data.vl53l8ch)
  const spectrum = present(data.as7341)
  const ranges = ranging === undefined ? undefined : rangesOf(ranging)
  const measured = measuredSha256(ranges, spectrum)
  const { meta } = data
  return {
    sampleId: data.sample_id,
    deviceId: data.device_id,
    ...optional('ranging', ranges),
    ...optional('spectrum', spectrum),
    ...optional('lotId', present(data.lot_id)),
    ...optional('temperatureC', present(data.temperature_c ?? meta?.temperature_c)),
    ...optional(
      'humidityPercent',
      present(data.humidity_pct ?? data.humidity_percent ?? meta?.humidity_pct ?? meta?.humidity_percent),
    ),
    measuredSha256: measured,
    said: {
      kind: 'esp32',
      device_id: data.device_id,
      ...optional('mac_address', present(data.mac_address)),
      ...optional('firmware_version', present(data.firmware_version ?? meta?.firmware_version)),
      ...optional('timestamp', present(data.timestamp)),
      measured_sha256: measured,
      ...optional('location', present(data.location)),
      ...optional('site_code', present(data.site_code)),
      ...optional('lot_abattage', present(data.lot_abattage)),
      ...optional('eleveur', present(data.eleveur)),
      ...optional('provenance', present(data.provenance)),
      advice: adviceOf(message),
    },
  }
}

/** Of the ranges' payload and the light's counts, each with its conditions. */
function measuredSha256(ranges: OldRanges | undefined, spectrum: OldSpectrum | undefined): string {
  const { counts = {}, gain, integrationMs } = spectrum ?? {}
  const channels = Object.entries(counts).sort(([one], [other]) => (one < other ? -1 : 1))
  const light = spectrum === undefined ? null : [channels, gain ?? null, integrationMs ?? null]
  const range = ranges === undefined ? null : new TextDecoder().decode(ranges.payload)
  return hash('sha256', JSON.stringify([range, light]))
}

function present<T>(value: T | null | undefined): T | undefined {
  return value ?? undefined
}

function optional<K extends string, T>(key: K, value: T | undefined): { readonly [_ in K]?: T } {
  const one: { [_ in K]?: T } = {}
  if (value !== undefined) one[key] = value
  return one
}
