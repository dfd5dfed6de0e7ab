import { ADC_COUNT, PHOTODIODES, type Photodiode, PIXEL_IDS } from '../as7341/smux.ts'

/** What shines on the chip. */
export interface LightScene {
  /**
   * Counts per ms at gain 1 that all diodes of each filter together give.
   * @param at monotonic ms of the chip's clock: the middle of the stretch that is integrated, so never later than
   * now, and earlier by no more than the chip was left alone
   * @param lampMa current of the lamp on the chip's own LED pin, mA; 0 when it is off
   */
  light(at: number, lampMa: number): Readonly<Record<Photodiode, number>>
  /** Flicker of the light in Hz, where it is one of the two that the chip knows. */
  flickerHz?(at: number): 100 | 120 | undefined
}

export interface Noise {
  /** Standard deviation of the noise added to each count; default 0. */
  readonly sigmaCounts?: number
  /** Standard normal deviates from the caller's seeded generator; without it there is no noise. */
  readonly normal?: () => number
  /** Counts per ms after gain at which the analogue front end saturates; default: never. */
  readonly analogueLimit?: number
}

/** What a conversion is begun with. */
export interface ConversionSettings {
  /** Monotonic ms at which the integration begins, autozero done. */
  readonly start: number
  readonly integrationMs: number
  readonly gain: number
  readonly fullScale: number
}

/** What came of it. */
export interface Conversion {
  readonly counts: readonly number[]
  readonly analogueSaturation: boolean
  readonly digitalSaturation: boolean
}

interface Input {
  readonly adc: number
  readonly diode: Photodiode
  /** Share of the filter's diodes that are connected. */
  readonly share: number
}

/**
 * The six converters behind the SMUX: they integrate the light of whatever photodiodes are connected, over exactly
 * the time that the chip measures, in pieces where the lamp or the connections change in between.
 */
export class Converter {
  readonly #scene: LightScene
  readonly #noise: Noise
  #inputs: readonly Input[] = []
  #lampMa = 0
  #current: ConversionSettings | undefined
  #upTo = 0
  readonly #light = new Float64Array(ADC_COUNT)

  constructor(scene: LightScene, noise: Noise) {
    this.#scene = scene
    this.#noise = noise
  }

  /** Connects the photodiodes as the 20 bytes of the chain say, from `at` on. */
  connect(chain: Uint8Array, at: number): void {
    this.#integrate(at)
    this.#inputs = inputsOf(chain)
  }

  /** Sets the current of the chip's lamp from `at` on, mA. */
  lamp(lampMa: number, at: number): void {
    this.#integrate(at)
    this.#lampMa = lampMa
  }

  begin(settings: ConversionSettings): void {
    this.#current = settings
    this.#upTo = settings.start
    this.#light.fill(0)
  }

  /**
   * Ends the conversion that was begun: all of its integration time has passed.
   * @param adcs converters that measure light; those beyond count 0
   */
  finish(adcs: number): Conversion {
    const settings = this.#current
    if (settings === undefined) throw new Error('no conversion was begun')
    this.#integrate(settings.start + settings.integrationMs)
    this.#current = undefined
    const { gain, fullScale, integrationMs } = settings
    const { sigmaCounts = 0, normal, analogueLimit = Number.POSITIVE_INFINITY } = this.#noise
    const counts: number[] = []
    let clipped = false
    for (let adc = 0; adc < ADC_COUNT; adc += 1) {
      const mean = adc < adcs ? (this.#light[adc] ?? 0) * gain : 0
      const noise = adc < adcs && normal !== undefined ? sigmaCounts * normal() : 0
      clipped ||= mean > analogueLimit * integrationMs
      counts.push(Math.min(fullScale, Math.max(0, Math.floor(mean + noise))))
    }
    return { counts, analogueSaturation: clipped, digitalSaturation: counts.includes(fullScale) }
  }

  /** Drops the conversion under way. */
  stop(): void {
    this.#current = undefined
  }

  #integrate(to: number): void {
    const settings = this.#current
    if (settings === undefined || to <= this.#upTo) return
    const end = settings.start + settings.integrationMs
    const until = Math.min(to, end)
    // In one piece it is the integration time itself, not a difference of two large times.
    const whole = this.#upTo === settings.start && until === end
    const ms = whole ? settings.integrationMs : until - this.#upTo
    const light = this.#scene.light(this.#upTo + ms / 2, this.#lampMa)
    for (const { adc, diode, share } of this.#inputs) {
      this.#light[adc] = (this.#light[adc] ?? 0) + light[diode] * share * ms
    }
    this.#upTo = until
  }
}

function inputsOf(chain: Uint8Array): readonly Input[] {
  const inputs: Input[] = []
  for (const diode of PHOTODIODES) {
    const ids = PIXEL_IDS[diode]
    for (const id of ids) {
      // Bit 3 of the nibble is unused; 1…6 are the converters, 0 (and 7) is none.
      const nibble = ((chain[id >> 1] ?? 0) >> (4 * (id & 1))) & 0x07
      if (nibble >= 1 && nibble <= ADC_COUNT) inputs.push({ adc: nibble - 1, diode, share: 1 / ids.length })
    }
  }
  return inputs
}
