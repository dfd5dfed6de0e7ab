import { CHANNELS, type Channel, GAINS, type Spectrum } from '../../drivers/as7341/counts.ts'
import { COUNT_NOISE, GAIN_CORRECTIONS, type Light, type Uncertain } from '../../drivers/as7341/light.ts'
import type { MaterialRecipe, Recipe } from '../recipe.ts'
import { type Conditions, lampSince } from './colour-lamp.ts'
import { at } from './numbers.ts'

/** How far a product is processed. The colour of one stage says nothing of another. */
export type Stage = Recipe['stage']

/** What a spectral head reads of a white tile and in the dark: reflectances are measured between the two. */
export interface SpectralReference {
  readonly kind: 'spectral-reference'
  /** UUIDv7. */
  readonly id: string
  /** RFC 3339. */
  readonly at: string
  readonly by: string
  /** The station's heads it was taken with. */
  readonly heads: readonly string[]
  /** What is measured under it. A recipe of another stage refuses it. */
  readonly stage: Stage
  /** Light of the tile: basic counts (per ms at gain 1), the gains and lamp current they were taken at. */
  readonly white: Light
  /** Light with the lamp off; absent: none. */
  readonly dark?: Light
  /** Certified reflectance of the tile, 0…1. */
  readonly tile: Readonly<Partial<Record<Channel, number>>>
  /** Relative standard uncertainty of the certificate, the same in all channels. */
  readonly tileStd: number
  /** Of lamp or head when the tile was seen, °C. */
  readonly lampTemperatureC?: number
  /** Relative change of all channels per kelvin above that; absent: .001. */
  readonly perKelvin?: number
}

/** Why a reference is not used. Then the empty tray stands in for it, and `basis` says so. */
export type ReferenceRefusal = 'other-stage' | 'other-lamp' | 'unknown-exposure' | 'dim-white'

/** Reflectance of one look, per channel in the order of CHANNELS; NaN where there is none. */
export interface Reflectances {
  /** What it was measured against: a certified tile, or the empty tray taken for a grey of known reflectance. */
  readonly basis: 'white-tile' | 'empty-tray'
  readonly value: Float64Array
  /** Standard deviation of each channel by itself. */
  readonly std: Float64Array
  /** Relative standard deviation that all channels share: lamp, gain, certificate. Ratios are free of it. */
  readonly common: number
}

/** Of light at different gains: ±6.3 % anywhere within (drivers/as7341/reflectance.ts). */
const OTHER_GAIN_STD = 0.063 / Math.sqrt(3)
/** Clear and NIR are converted in both halves. */
const FIRST_OF_BOTH_HALVES = CHANNELS.indexOf('Clear')
/** Variance of rounding to whole counts. */
const QUANTISATION = 1 / 12
const DARKNESS: Uncertain = { value: 0, std: 0 }
/** A moulded tray without certificate: its grey is known to .05 of .75, a channel beside the others to 2 %. */
const TRAY_LEVEL_STD = 0.05 / 0.75
const TRAY_CHANNEL_STD = 0.02

/** Why this reference serves no part of this stage; undefined: it does. */
export function refusalOf(reference: SpectralReference, stage: Stage): ReferenceRefusal | undefined {
  if (reference.stage !== stage) return 'other-stage'
  const usable = CHANNELS.some((channel) => whiteOf(reference, channel) !== undefined)
  return usable ? undefined : 'dim-white'
}

/** What a perfect white would give in a channel, basic counts; undefined where tile or light are missing. */
export function whiteOf(
  { white, dark, tile }: SpectralReference,
  channel: Channel,
): { readonly value: number; readonly relativeStd: number } | undefined {
  const [lit, certified] = [white.channels[channel], tile[channel]]
  const unlit = dark === undefined ? DARKNESS : dark.channels[channel]
  if (lit === undefined || unlit === undefined || certified === undefined || certified <= 0) return undefined
  const span = lit.value - unlit.value
  const std = Math.hypot(lit.std, unlit.std)
  // As the driver's `reflectance` has it: a white must stand out of its noise.
  return span > 3 * std ? { value: span / certified, relativeStd: std / span } : undefined
}

/** A white reference channel by channel in the order of CHANNELS, basic counts: worked out once. NaN: not usable. */
export interface WhiteScale {
  readonly reference: SpectralReference
  /** What a perfect white gives beyond the dark. */
  readonly perfect: Float64Array
  /** Relative standard deviation of the tile's light. */
  readonly whiteStd: Float64Array
  readonly dark: Float64Array
  readonly darkStd: Float64Array
}

export function whiteScale(reference: SpectralReference): WhiteScale {
  const per = (value: (channel: Channel) => number | undefined): Float64Array =>
    Float64Array.from(CHANNELS, (channel) => value(channel) ?? Number.NaN)
  const unlit = (channel: Channel): Uncertain | undefined =>
    reference.dark === undefined ? DARKNESS : reference.dark.channels[channel]
  return {
    reference,
    perfect: per((channel) => whiteOf(reference, channel)?.value),
    whiteStd: per((channel) => {
      const [white, perfect] = [reference.white.channels[channel], whiteOf(reference, channel)]
      if (white === undefined || perfect === undefined) return undefined
      return white.std / (perfect.value * (reference.tile[channel] ?? 1))
    }),
    dark: per((channel) => unlit(channel)?.value),
    darkStd: per((channel) => unlit(channel)?.std),
  }
}

/**
 * Reflectance against tile and dark, brought to the reference's temperature where both temperatures are known. The
 * same numbers as the driver's `reflectance(lightOf(…))`, which takes too long to be called for every part.
 * @param noise of one look at the part, as the recipe states it
 */
export function tileReflectances(
  spectrum: Spectrum,
  scale: WhiteScale,
  noise: MaterialRecipe['noise'],
  conditions: Conditions = {},
): Reflectances | ReferenceRefusal {
  const { gain, integrationMs, drift = 0, lampMa } = spectrum
  const { reference } = scale
  const code = gain === undefined ? -1 : GAINS.indexOf(gain)
  if (gain === undefined || integrationMs === undefined || code < 0) return 'unknown-exposure'
  if (lampMa !== reference.white.lampMa) return 'other-lamp'
  const perCount = (GAIN_CORRECTIONS[code] ?? 1) / (gain * integrationMs)
  const lamp = lampSince(reference, conditions)
  const { value, std } = empty()
  for (let index = 0; index < CHANNELS.length; index += 1) {
    const channel = CHANNELS[index]
    const count = channel === undefined ? undefined : spectrum.counts[channel]
    if (channel === undefined || count === undefined || spectrum.saturated.includes(channel)) continue
    const [perfect, certified] = [at(scale.perfect, index), reference.tile[channel] ?? 1]
    const share = (count * perCount - at(scale.dark, index)) / perfect
    const conversions = spectrum.raw !== undefined && index >= FIRST_OF_BOTH_HALVES ? 2 : 1
    const variance = COUNT_NOISE.shotPerGain * gain * count + noise.counts ** 2 + QUANTISATION
    const look = (Math.sqrt(variance / conversions) * perCount) / perfect
    const moved = (count * perCount * drift) / (2 * perfect)
    const white = share * at(scale.whiteStd, index)
    const unlit = ((certified - share) * at(scale.darkStd, index)) / (perfect * certified)
    const own = share * noise.relative
    value[index] = share / lamp.factor
    std[index] = Math.sqrt(look ** 2 + moved ** 2 + white ** 2 + unlit ** 2 + own ** 2) / lamp.factor
  }
  const gains = reference.white.gains.length === 1 && reference.white.gains[0] === gain ? 0 : OTHER_GAIN_STD
  const common = Math.hypot(reference.tileStd, gains, lamp.std)
  return { basis: 'white-tile', value, std, common }
}

/**
 * Reflectance against the empty tray: less sure, because nobody certified the tray.
 * @param trayCounts basic counts of the empty tray under this lamp
 * @returns undefined where the exposure is not known, or no channel has a tray to compare it with
 */
export function trayReflectances(
  spectrum: Spectrum,
  trayCounts: Readonly<Partial<Record<string, number>>>,
  { noise, trayReflectance }: MaterialRecipe,
): Reflectances | undefined {
  const { gain, integrationMs } = spectrum
  if (gain === undefined || integrationMs === undefined) return undefined
  const { value, std } = empty()
  let channels = 0
  for (let index = 0; index < CHANNELS.length; index += 1) {
    const channel = CHANNELS[index]
    if (channel === undefined) continue
    const [count, tray] = [spectrum.counts[channel], trayCounts[channel]]
    if (count === undefined || tray === undefined || tray <= 0) continue
    if (spectrum.saturated.includes(channel)) continue
    const share = (count / (gain * integrationMs * tray)) * trayReflectance
    const look = noise.counts / Math.max(1, count)
    value[index] = share
    std[index] = share * Math.sqrt(look ** 2 + 2 * noise.relative ** 2 + TRAY_CHANNEL_STD ** 2)
    channels += 1
  }
  return channels === 0 ? undefined : { basis: 'empty-tray', value, std, common: TRAY_LEVEL_STD }
}

function empty(): { readonly value: Float64Array; readonly std: Float64Array } {
  const memory = new Float64Array(2 * CHANNELS.length).fill(Number.NaN)
  return { value: memory.subarray(0, CHANNELS.length), std: memory.subarray(CHANNELS.length) }
}

/** Standard deviation of one channel with all that it shares with the others. */
export function wholeStd({ value, std, common }: Reflectances, index: number): number {
  const shared = at(value, index) * common
  return Math.sqrt(at(std, index) ** 2 + shared ** 2)
}
