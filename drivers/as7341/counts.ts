import { SensorError } from '../sensor.ts'
import { ASTATUS_AGAIN, ASTATUS_ASAT, ASTATUS_RESERVED, STATUS2_ASAT_ANALOG } from './registers.ts'

export const CHANNELS = [
  'F1_415nm',
  'F2_445nm',
  'F3_480nm',
  'F4_515nm',
  'F5_555nm',
  'F6_590nm',
  'F7_630nm',
  'F8_680nm',
  'Clear',
  'NIR',
] as const
export type Channel = (typeof CHANNELS)[number]

/** One measurement of the spectral chip. What was not measured is absent: recordings of others lack channels. */
export interface Spectrum {
  readonly kind: 'as7341'
  /** Monotonic ms of the driver's clock when the last byte was read. */
  readonly takenAt: number
  /** Raw counts of both photodiodes of a filter; Clear and NIR are the mean of the two halves. */
  readonly counts: Readonly<Partial<Record<Channel, number>>>
  /** Nominal analogue gain, 0.5…512. */
  readonly gain?: number
  readonly integrationMs?: number
  /** Counts at which the converter saturates: min(65535, (ATIME+1)(ASTEP+1)). */
  readonly fullScale?: number
  /** Channels at full scale, or all of a half whose analogue saturation flag is set. */
  readonly saturated: readonly Channel[]
  /** Relative change of Clear between the two halves, ≥ 0: how much the light or the part moved meanwhile. */
  readonly drift?: number
  /** Both halves as they came over the bus (`SPECTRUM_LENGTH` bytes), absent in foreign recordings. */
  readonly raw?: Uint8Array
  /** What `raw` was integrated with: both together give this measurement again. */
  readonly integration?: Integration
  /** Current of the chip's own lamp, mA, 0 when it was held dark; absent where the chip drives none. */
  readonly lampMa?: number
}

/** How long one conversion integrates. */
export interface Integration {
  /** Integration steps less one, 0…255. */
  readonly atime: number
  /** Length of a step less one in units of 2.78 µs, 0…65534; not 0 together with `atime`. */
  readonly astep: number
}

/** The conditions a spectrum is taken under. */
export interface Exposure extends Integration {
  /** Nominal analogue gain: one of GAINS. */
  readonly gain: number
}

/** Whether two exposures are the same settings of the chip. */
export function sameExposure(one: Exposure, other: Exposure): boolean {
  return one.gain === other.gain && one.atime === other.atime && one.astep === other.astep
}

/** Nominal gain of each AGAIN code; 11…15 are invalid. */
export const GAINS: readonly number[] = [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

/**
 * AGAIN code of a nominal gain.
 * @throws RangeError for a gain the chip has not
 */
export function gainCode(gain: number): number {
  const code = GAINS.indexOf(gain)
  if (code < 0) throw new RangeError(`no gain ${gain}, the chip has ${GAINS.join(', ')}`)
  return code
}

const STEP_US = 2.78

/**
 * Integration time in ms, 0.00556…46640.
 * @throws RangeError outside the registers' ranges, for ATIME = ASTEP = 0 and for the reserved ASTEP 65535
 */
export function integrationMs(atime: number, astep: number): number {
  return (steps(atime, astep) * STEP_US) / 1000
}

/** Count at which the converter stops: it gains at most one a step, and has 16 bits. @throws RangeError as `integrationMs` */
export function fullScale(atime: number, astep: number): number {
  return Math.min(0xffff, steps(atime, astep))
}

function steps(atime: number, astep: number): number {
  const inRange = Number.isInteger(atime) && Number.isInteger(astep) && atime >= 0 && atime <= 0xff
  if (!inRange || astep < 0 || astep > 0xfffe || (atime === 0 && astep === 0)) {
    throw new RangeError(`no integration time for ATIME ${atime}, ASTEP ${astep}`)
  }
  return (atime + 1) * (astep + 1)
}

/** Bytes of one half, read in one burst from ASTATUS. */
export const HALF_LENGTH = 13
/** Bytes of a spectrum: both halves, then STATUS2 of each. Older recordings end with the halves. */
export const SPECTRUM_LENGTH = 2 * HALF_LENGTH + 2

/** What the chip said about its six converters. */
export interface Half {
  /** ASTATUS.ASAT: one of the converters or its front end saturated. */
  readonly saturated: boolean
  /** AGAIN code that this half was taken with, 0…15. */
  readonly gainCode: number
  /** Nominal gain; absent for an invalid code. */
  readonly gain?: number
  /** Raw counts of ADC0…ADC5. */
  readonly counts: readonly number[]
  readonly fullScale: number
  /** Converter by converter: it stands at full scale. */
  readonly atFullScale: readonly boolean[]
  /** The front end saturated. It names no converter, so no count can be trusted, whatever stands at full scale. */
  readonly analogue: boolean
}

/**
 * Reads the burst of 13 bytes from ASTATUS: status and gain, then six little-endian counts.
 * @param status2 STATUS2 of this conversion; without it, saturation is analogue where nothing stands at full scale
 * @throws SensorError `corrupt` when it is not 13 bytes; RangeError for an impossible integration
 */
export function decodeHalf(bytes: Uint8Array, integration: Integration, status2?: number): Half {
  if (bytes.length !== HALF_LENGTH) {
    throw new SensorError('as7341', 'corrupt', `half a spectrum is ${HALF_LENGTH} bytes, not ${bytes.length}`)
  }
  const [status = 0] = bytes
  const limit = fullScale(integration.atime, integration.astep)
  const counts: number[] = []
  for (let at = 1; at < HALF_LENGTH; at += 2) counts.push((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8))
  const code = status & ASTATUS_AGAIN
  const gain = GAINS[code]
  const saturated = (status & ASTATUS_ASAT) !== 0
  const atFullScale = counts.map((count) => count >= limit)
  const frontEnd = ((status2 ?? 0) & STATUS2_ASAT_ANALOG) !== 0 || !atFullScale.includes(true)
  return {
    saturated,
    gainCode: code,
    ...(gain === undefined ? {} : { gain }),
    counts,
    fullScale: limit,
    atFullScale,
    analogue: saturated && frontEnd,
  }
}

const LOW_CHANNELS: readonly Channel[] = ['F1_415nm', 'F2_445nm', 'F3_480nm', 'F4_515nm', 'Clear', 'NIR']
const HIGH_CHANNELS: readonly Channel[] = ['F5_555nm', 'F6_590nm', 'F7_630nm', 'F8_680nm', 'Clear', 'NIR']

/**
 * Puts the two halves (F1…F4, Clear, NIR, then F5…F8, Clear, NIR) together.
 * @param raw `SPECTRUM_LENGTH` bytes, or the bursts of both halves alone; kept in the spectrum, so do not reuse it
 * @param exposure what was asked for; the gain comes from the bytes
 * @param takenAt monotonic ms of the last byte
 * @throws SensorError `corrupt` for another length, reserved bits or gains that no chip sends, counts beyond full
 * scale, halves of different gain; RangeError for an impossible integration
 */
export function decodeSpectrum(raw: Uint8Array, exposure: Integration, takenAt: number): Spectrum {
  const [low, high] = halvesOf(raw, exposure)
  if (low.gain !== high.gain)
    corrupt(`its halves were taken at different gains, ${low.gain} and ${high.gain}`)
  const [f1, f2, f3, f4, clearLow, nirLow] = low.counts
  const [f5, f6, f7, f8, clearHigh, nirHigh] = high.counts
  const clear = mean(clearLow, clearHigh)
  return {
    kind: 'as7341',
    takenAt,
    counts: {
      F1_415nm: f1 ?? 0,
      F2_445nm: f2 ?? 0,
      F3_480nm: f3 ?? 0,
      F4_515nm: f4 ?? 0,
      F5_555nm: f5 ?? 0,
      F6_590nm: f6 ?? 0,
      F7_630nm: f7 ?? 0,
      F8_680nm: f8 ?? 0,
      Clear: clear,
      NIR: mean(nirLow, nirHigh),
    },
    gain: low.gain,
    integrationMs: integrationMs(exposure.atime, exposure.astep),
    fullScale: low.fullScale,
    saturated: saturatedChannels(low, high),
    ...(clear > 0 ? { drift: Math.abs((clearHigh ?? 0) - (clearLow ?? 0)) / clear } : {}),
    raw,
    integration: { atime: exposure.atime, astep: exposure.astep },
  }
}

function mean(one = 0, other = 0): number {
  return (one + other) / 2
}

function corrupt(detail: string): never {
  throw new SensorError('as7341', 'corrupt', detail)
}

type PlausibleHalf = Half & { readonly gain: number }

/**
 * Both halves of a spectrum's bytes.
 * @throws SensorError `corrupt` as `decodeSpectrum`; RangeError for an impossible integration
 */
export function halvesOf(
  raw: Uint8Array,
  integration: Integration,
): readonly [low: PlausibleHalf, high: PlausibleHalf] {
  const halves = 2 * HALF_LENGTH
  if (raw.length !== halves && raw.length !== SPECTRUM_LENGTH) {
    corrupt(`a spectrum is ${halves} or ${SPECTRUM_LENGTH} bytes, not ${raw.length}`)
  }
  return [
    plausibleHalf(raw.subarray(0, HALF_LENGTH), integration, raw[halves]),
    plausibleHalf(raw.subarray(HALF_LENGTH, halves), integration, raw[halves + 1]),
  ]
}

function plausibleHalf(
  bytes: Uint8Array,
  integration: Integration,
  status2: number | undefined,
): PlausibleHalf {
  const half = decodeHalf(bytes, integration, status2)
  const [status = 0] = bytes
  const { gain } = half
  if (gain === undefined || (status & ASTATUS_RESERVED) !== 0) {
    corrupt(`no chip sends ASTATUS 0x${status.toString(16)}`)
  }
  const beyond = half.counts.find((count) => count > half.fullScale)
  if (beyond !== undefined) corrupt(`${beyond} counts are more than its full scale of ${half.fullScale}`)
  return { ...half, gain }
}

function saturatedChannels(low: Half, high: Half): readonly Channel[] {
  if (!(isSaturated(low) || isSaturated(high))) return []
  const found = new Set([...saturatedOf(low, LOW_CHANNELS), ...saturatedOf(high, HIGH_CHANNELS)])
  return CHANNELS.filter((channel) => found.has(channel))
}

/** Whether any of its counts cannot be trusted. */
export function isSaturated(half: Half): boolean {
  return half.saturated || half.atFullScale.includes(true)
}

function saturatedOf(half: Half, channels: readonly Channel[]): readonly Channel[] {
  return half.analogue ? channels : channels.filter((_, adc) => half.atFullScale[adc])
}

/**
 * Counts per ms at gain 1: comparable between exposures, and what the constants that ams publishes are for.
 * @returns undefined where gain or integration time are not known
 */
export function basicCounts(spectrum: Spectrum): Partial<Record<Channel, number>> | undefined {
  const { gain, integrationMs: ms } = spectrum
  if (gain === undefined || ms === undefined) return undefined
  const basic: Partial<Record<Channel, number>> = {}
  for (const channel of CHANNELS) {
    const count = spectrum.counts[channel]
    if (count !== undefined) basic[channel] = count / (gain * ms)
  }
  return basic
}
