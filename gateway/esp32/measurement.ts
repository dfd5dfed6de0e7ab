import type { Channel } from '../../drivers/as7341/counts.ts'
import { SensorError } from '../../drivers/sensor.ts'
import { NO_TARGET, type RangeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import { type OldRanging, oldRanging } from './ranging.ts'

/** What the old spectral head counted. */
export interface OldSpectrum {
  readonly counts: Readonly<Partial<Record<Channel, number>>>
  readonly gain?: number
  readonly integrationMs?: number
}

/** ST's status of a valid target, which the old system calls 5 in one place and 0 in another (facts §11.12). */
const VALID = 5
const OLD_VALID = 0
/** Ends of the old scale, mm: the device writes them where it saw nothing. */
const NOTHING_MM: readonly number[] = [0, 4000]
/** What an old ranging head measured, as it is kept. */
export interface OldRanges {
  readonly zones: 16 | 64
  /** UTF-8 JSON of the matrices: the same bytes for the same measurement. */
  readonly payload: Uint8Array
}

export function rangesOf(ranging: OldRanging): OldRanges {
  return {
    zones: ranging.distance.length === 8 ? 64 : 16,
    payload: new TextEncoder().encode(JSON.stringify(ranging)),
  }
}

/**
 * The frame that an old head's matrices are, as exact as they came. Silicon temperature, SPADs and sigma the message
 * does not have: `sigma_mm` stands for the last; amplitude and ambient are in units of the device's own, which no
 * analysis uses but to show them.
 * @param payload as `rangesOf` made it; becomes `raw`
 * @param takenAt monotonic ms
 * @throws SensorError `corrupt` where the bytes are no such payload
 */
export function oldFrame(payload: Uint8Array, takenAt: number): RangeFrame {
  const ranging = read(payload)
  const rangeMm = Float64Array.from(ranging.distance.flat())
  const zones = rangeMm.length === 64 ? 64 : 16
  const status = statusOf(rangeMm, ranging.status?.flat())
  return {
    kind: 'vl53l8ch',
    takenAt,
    zones,
    targetsPerZone: 1,
    streamCount: 0,
    siliconTemperatureC: Number.NaN,
    ambientKcpsPerSpad: Float64Array.from(ranging.ambient.flat()),
    spads: new Float64Array(0),
    targetsDetected: status.map((one) => (one === NO_TARGET ? 0 : 1)),
    signalKcpsPerSpad: Float64Array.from(ranging.amplitude.flat()),
    sigmaMm: new Float64Array(zones).fill(ranging.sigma_mm),
    rangeMm,
    reflectancePercent: Float64Array.from(ranging.reflectance.flat()),
    status,
    raw: payload,
  }
}

/**
 * Per zone ST's status. A frame in which no zone is 5 counts 0 as valid. Where there is none, or the range stands at an
 * end of the scale, the range itself says whether there was a target.
 */
function statusOf(rangeMm: Float64Array, told: readonly number[] | undefined): Float64Array {
  const zeroIsValid = told !== undefined && !told.includes(VALID)
  return rangeMm.map((range, zone) => {
    const status = told?.[zone] ?? VALID
    if (NOTHING_MM.includes(range)) return NO_TARGET
    return zeroIsValid && status === OLD_VALID ? VALID : status
  })
}

function read(payload: Uint8Array): OldRanging {
  try {
    return oldRanging.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)))
  } catch (error) {
    throw new SensorError('esp32', 'corrupt', 'its ranging payload cannot be read', { cause: error })
  }
}
