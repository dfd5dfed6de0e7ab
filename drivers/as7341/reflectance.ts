import { CHANNELS, type Channel } from './counts.ts'
import { type Light, sameGains, type Uncertain } from './light.ts'

export interface ReflectanceOptions {
  /** Certified reflectance of the white tile per channel, 0…1; default 1: then the result is relative to the tile. */
  readonly tile?: Readonly<Partial<Record<Channel, number>>>
  /** How far the lamp may have moved since the white reference (relative standard deviation); default 0. */
  readonly lampDrift?: number
}

/**
 * Of light at different gains: the datasheet lets a gain be ±6.3 % off its typical value (512×: 7.25…8.25 of 64×, 256×:
 * 3.75…4.25), anywhere within.
 */
const GAIN_STD = 0.063 / Math.sqrt(3)
/** A white reference must stand out of its noise and the dark, or a ratio to it says nothing. */
const LEAST_WHITE = 3

/**
 * Reflectance per channel: (sample − dark) / (white − dark), times the tile's. The robust quantity for a colour check:
 * lamp, filters and photodiodes cancel, where lamp current and geometry are the same.
 * @param dark what the chip sees with the lamp off; undefined: nothing
 * @returns channels that all references have; a white not brighter than the dark gives none. Noise may make a value
 * less than 0, gloss more than 1.
 * @throws RangeError where sample and white were lit by different lamp currents
 */
export function reflectance(
  sample: Light,
  white: Light,
  dark: Light | undefined,
  options: ReflectanceOptions = {},
): Partial<Record<Channel, Uncertain>> {
  if (sample.lampMa !== white.lampMa) {
    throw new RangeError(
      `sample at ${sample.lampMa} mA, white reference at ${white.lampMa} mA of lamp current`,
    )
  }
  const common = Math.hypot(options.lampDrift ?? 0, sameGains(sample, white) ? 0 : GAIN_STD)
  const found: Partial<Record<Channel, Uncertain>> = {}
  for (const channel of CHANNELS) {
    const [lit, tile] = [sample.channels[channel], white.channels[channel]]
    const unlit = dark === undefined ? NOTHING : dark.channels[channel]
    if (lit === undefined || tile === undefined || unlit === undefined) continue
    const ratio = ratioOf(lit, tile, unlit, common)
    if (ratio === undefined) continue
    const certified = options.tile === undefined ? 1 : options.tile[channel]
    if (certified === undefined) continue
    found[channel] = { value: certified * ratio.value, std: certified * ratio.std }
  }
  return found
}

const NOTHING: Uncertain = { value: 0, std: 0 }

function ratioOf(
  sample: Uncertain,
  white: Uncertain,
  dark: Uncertain,
  common: number,
): Uncertain | undefined {
  const span = white.value - dark.value
  if (!(span > LEAST_WHITE * Math.hypot(white.std, dark.std))) return undefined
  const value = (sample.value - dark.value) / span
  const std = Math.hypot(
    sample.std / span,
    (value * white.std) / span,
    ((1 - value) * dark.std) / span,
    value * common,
  )
  return { value, std }
}

/** How far the light of a fixed target moved since a reference of the same target, relative; 0 is not at all. */
export interface LightDrift {
  /** The lamp, and dust on the optics. */
  readonly clear?: Uncertain
  /** At the edge of silicon's response, which moves most with the sensor's temperature. */
  readonly nir?: Uncertain
  /** NIR against Clear: what remains when the lamp only dimmed. */
  readonly nirOverClear?: Uncertain
}

/**
 * Drift of lamp and sensor since a reference, from another look at the same target (the empty tray, a white patch).
 * The chip has no thermometer: its temperature and the lamp's show here only. Differences of gain are uncertainty.
 */
export function driftSince(reference: Light, now: Light): LightDrift {
  const common = sameGains(reference, now) ? 0 : GAIN_STD
  const [clear, nir] = [change('Clear'), change('NIR')]
  const shift = clear === undefined || nir === undefined ? undefined : against(nir, clear)
  return {
    ...(clear === undefined ? {} : { clear: offset(clear, common) }),
    ...(nir === undefined ? {} : { nir: offset(nir, common) }),
    ...(shift === undefined ? {} : { nirOverClear: offset(shift, 0) }),
  }

  function change(channel: Channel): Uncertain | undefined {
    const [then, since] = [reference.channels[channel], now.channels[channel]]
    return then === undefined || since === undefined ? undefined : ratioOf(since, then, NOTHING, 0)
  }
}

/** A ratio of ratios; absent where the lower one is nothing. */
function against(upper: Uncertain, lower: Uncertain): Uncertain | undefined {
  return ratioOf(upper, lower, NOTHING, 0)
}

function offset({ value, std }: Uncertain, common: number): Uncertain {
  return { value: value - 1, std: Math.hypot(std, value * common) }
}
