import { CHANNELS, type Channel, gainCode, type Spectrum } from './counts.ts'

/** A value and how far it may be off (standard deviation). */
export interface Uncertain {
  readonly value: number
  readonly std: number
}

/** The light on the chip, independent of the exposure: what references are kept as, and compared in. */
export interface Light {
  /** Basic counts (counts per ms at gain 1, gain error corrected) per channel; one that saturated is absent. */
  readonly channels: Readonly<Partial<Record<Channel, Uncertain>>>
  /** The nominal gains it was taken at, rising. Only light taken at the same gains compares without their error. */
  readonly gains: readonly number[]
  /** Current of the chip's own lamp, mA; absent where the chip drives none. */
  readonly lampMa?: number
}

/**
 * What a gain really is, as the factor that brings basic counts to those of gain 64: ams' typical corrections by AGAIN
 * code (published with AN000633; the last one to all digits of its worked example).
 */
export const GAIN_CORRECTIONS: readonly number[] = [
  1.0577, 1.0491, 1.0479, 1.0491, 1.0207, 1.0158, 1.0109, 1, 1.0003, 0.9873, 0.959349243600411,
]

/** What a count is uncertain by, beside its being a whole number. */
export interface CountNoise {
  /**
   * Shot noise: variance per count at gain 1, in counts. A count is many electrons: how many is not published. Two
   * recorded readings 11 minutes apart (sparks-baird, gain 128, 281 ms) agree within a count in six channels of 188
   * to 3675 counts, which leaves no more than 1.3e-4 counts² a count, 1e-6 at gain 1.
   */
  readonly shotPerGain: number
  /** Standard deviation of the converter and its front end, counts. The same readings leave no more than this. */
  readonly readout: number
}

export const COUNT_NOISE: CountNoise = { shotPerGain: 1e-6, readout: 0.5 }

/** Variance of rounding to whole counts. */
const QUANTISATION = 1 / 12

/**
 * The light that spectra of one scene show, averaged. One's uncertainty is shot noise, readout, quantisation and half
 * of its drift, the light's change between the halves; where several scatter more than that, their scatter counts.
 * @returns undefined without a spectrum, or where gain or integration time of one are not known
 * @throws RangeError for spectra under different lamp currents, or of a gain the chip has not
 */
export function lightOf(spectra: readonly Spectrum[], noise: CountNoise = COUNT_NOISE): Light | undefined {
  const [first] = spectra
  const gains = new Set<number>()
  for (const { gain, integrationMs, lampMa } of spectra) {
    if (gain === undefined || integrationMs === undefined) return undefined
    if (lampMa !== first?.lampMa)
      throw new RangeError(`spectra at lamp currents ${first?.lampMa}, ${lampMa} mA`)
    gains.add(gain)
  }
  if (first === undefined) return undefined
  const channels: Partial<Record<Channel, Uncertain>> = {}
  for (const channel of CHANNELS) {
    const looks = spectra.map((spectrum) => look(spectrum, channel, noise))
    if (looks.includes(undefined)) continue
    channels[channel] = averaged(looks.filter((one) => one !== undefined))
  }
  return {
    channels,
    gains: [...gains].sort((one, other) => one - other),
    ...(first.lampMa === undefined ? {} : { lampMa: first.lampMa }),
  }
}

/** One channel of one spectrum: its noise, and its drift, which averaging does not take away. */
interface Look extends Uncertain {
  readonly drift: number
}

function look(spectrum: Spectrum, channel: Channel, noise: CountNoise): Look | undefined {
  const { counts, saturated, gain = 1, integrationMs = 1, drift = 0 } = spectrum
  const count = counts[channel]
  if (count === undefined || saturated.includes(channel)) return undefined
  const scale = (GAIN_CORRECTIONS[gainCode(gain)] ?? 1) / (gain * integrationMs)
  const conversions = isMeanOfHalves(spectrum, channel) ? 2 : 1
  const variance = (noise.shotPerGain * gain * count + noise.readout ** 2 + QUANTISATION) / conversions
  return {
    value: count * scale,
    std: Math.sqrt(variance) * scale,
    drift: (count * scale * drift) / 2,
  }
}

/** Ours are; of a foreign recording nothing is known. */
function isMeanOfHalves({ raw }: Spectrum, channel: Channel): boolean {
  return raw !== undefined && (channel === 'Clear' || channel === 'NIR')
}

function averaged(looks: readonly Look[]): Uncertain {
  const { length } = looks
  const value = mean(looks.map((one) => one.value))
  const expected = mean(looks.map((one) => one.std ** 2))
  const scatter =
    length < 2 ? 0 : (mean(looks.map((one) => (one.value - value) ** 2)) * length) / (length - 1)
  const drift = mean(looks.map((one) => one.drift ** 2))
  return { value, std: Math.sqrt(Math.max(expected, scatter) / length + drift) }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Whether both were taken at the same gains, so that the gains' errors cancel. */
export function sameGains(one: Light, other: Light): boolean {
  return one.gains.length === other.gains.length && one.gains.every((gain, at) => gain === other.gains[at])
}
