import type { HistogramLayout, Histograms } from '../../drivers/vl53l8ch/histograms.ts'
import type { Estimate } from '../inspection.ts'
import { at, normalCdf } from './numbers.ts'

/** Width of one bin of the chip in distance, mm (facts §8). */
const BIN_MM = 37.5348
/** Bins of the chip that one pulse fills, from end to end (facts §8). */
const PULSE_BINS = 10
/** Where one echo is, a histogram says no better than that it is in a bin: a uniform density over it, mm. */
const LEAST_RANGE_STD_MM = BIN_MM / Math.sqrt(12)
/** Light is an echo from so many standard deviations on: of some 20 bins, noise reaches it in one of 10⁵. */
const ECHO_STDS = 5
/** Bins without an echo that are enough to tell the noise. */
const LEAST_QUIET = 4
/** Left beside two pulses, so many tell it without what the second may be. */
const LEAST_QUIET_BESIDE_TWO = 8
/** Bins that deviate more than this are no noise. */
const QUIET_STDS = 3
/** Mean absolute deviation of a normal variable to its standard deviation: √(π/2). */
const FROM_MEAN_DEVIATION = 1.2533
/** Full width at half height of a Gaussian over its standard deviation. */
const FULL_WIDTH = 2.3548

/** 2^-scaler, index scaler + 128: exact, and much faster than to raise 2 for each bin. */
const SCALES = Float64Array.from({ length: 256 }, (_, i) => 2 ** (128 - i))

/** Light from one distance. */
export interface Echo {
  /** Centre of the pulse, mm along the optical axis; absent where the histogram's end cuts the pulse. */
  readonly rangeMm?: Estimate
  /** Full width at half height, mm; absent where the pulse is cut. A pulse alone is about 375 mm from end to end. */
  readonly widthMm?: Estimate
  /** In the histogram's own unit, over the whole pulse. */
  readonly light: Estimate
}

/** What the histogram of one aggregate says. What it does not say is absent. */
export interface HistogramFinding {
  /** Standard deviation of one bin; absent where echoes leave too few bins to tell. */
  readonly noise?: number
  /** The strongest. */
  readonly first?: Echo
  /** Another, at least a pulse away from the first: two surfaces nearer than 375 mm are one echo to this chip. */
  readonly second?: Echo
  /** Departure of the first echo from a Gaussian of its own place, width and light: rms over its height, noise taken
   * out. Several surfaces in one footprint do it, the texture of one does not: its millimetres are 1/10 of a bin. */
  readonly texture?: Estimate
  /** Light in the pulse's length behind the first echo over the light in it, beyond what a Gaussian pulse has
   * there itself: scatter below the surface and stray light. Fat scatters within a few millimetres, a tenth of a bin: only a gross change shows. */
  readonly tail?: Estimate
}

/**
 * Echoes of every aggregate (CNH, facts §8), in time proportional to the number of bins. Bins come with ambient light
 * taken out by the chip; a bin that is no finite number makes its aggregate's finding empty.
 * @param looks at a part that stood still, all alike: their mean is read
 * @param layout what the chip was told: where the bins lie
 * @param wanted aggregates to be read; default all
 * @returns one for each that is wanted
 * @throws RangeError for looks with different numbers of aggregates or bins
 */
export function histogramFindings(
  looks: readonly Histograms[],
  { startBin, subSample }: Pick<HistogramLayout, 'startBin' | 'subSample'>,
  wanted?: readonly number[],
): readonly HistogramFinding[] {
  const [first] = looks
  if (first === undefined) return []
  const { aggregates, bins } = first
  for (const look of looks) {
    if (look.aggregates === aggregates && look.bins === bins) continue
    const other = `${look.aggregates} × ${look.bins}`
    throw new RangeError(`histograms: ${other} bins beside ${aggregates} × ${bins}, one layout expected`)
  }
  const reader = new Reader(bins, startBin, subSample)
  return (wanted ?? Array.from({ length: aggregates }, (_, aggregate) => aggregate)).map((aggregate) => {
    reader.read(looks, aggregate * bins)
    return reader.finding()
  })
}

interface Pulse {
  readonly from: number
  /** Past the last bin. */
  readonly end: number
  readonly cut: boolean
}

/** Of a pulse's light over its bins; the variance is at least that of a single bin. */
interface Moments {
  readonly centre: number
  readonly sigma: number
}

/** Reads one aggregate after the other; its arrays are reused. */
class Reader {
  readonly values: Float64Array
  readonly #start: number
  readonly #span: number
  /** Bins here that a pulse reaches to either side of its peak. */
  readonly #half: number

  constructor(bins: number, start: number, span: number) {
    this.values = new Float64Array(bins)
    this.#start = start
    this.#span = span
    this.#half = Math.max(1, Math.round(PULSE_BINS / 2 / span))
  }

  /** Takes in the mean of the looks; @param from index of the aggregate's first bin */
  read(looks: readonly Histograms[], from: number): void {
    const { values } = this
    values.fill(0)
    for (const { mantissas, scalers } of looks) {
      for (let bin = 0; bin < values.length; bin += 1) {
        const value = (mantissas[from + bin] ?? Number.NaN) * at(SCALES, (scalers[from + bin] ?? 0) + 128)
        values[bin] = at(values, bin) + value / looks.length
      }
    }
  }

  finding(): HistogramFinding {
    const peak = this.#strongest(undefined)
    if (peak === undefined) return {}
    const pulse = this.#pulseAt(peak)
    const pulse2 = this.#pulseBeside(pulse)
    const noise = this.#noise(pulse, pulse2)
    if (noise === undefined) return {}
    const first = this.#echo(pulse, noise)
    if (first === undefined) return { noise }
    const second = pulse2 === undefined ? undefined : this.#echo(pulse2, noise)
    return {
      noise,
      first,
      ...(second === undefined ? {} : { second }),
      ...(pulse.cut ? {} : this.#form(pulse, first, noise)),
    }
  }

  /** The highest bin, at least a pulse away from another; undefined: none, or a bin is no number. */
  #strongest(other: Pulse | undefined): number | undefined {
    let best: number | undefined
    let most = 0
    for (let bin = 0; bin < this.values.length; bin += 1) {
      const value = at(this.values, bin)
      if (!Number.isFinite(value)) return undefined
      if (other !== undefined && this.#isNear(bin, other)) continue
      if (value > most) {
        most = value
        best = bin
      }
    }
    return best
  }

  /** Within a pulse's length of another one, its skirt is as likely as a surface. */
  #isNear(bin: number, { from, end }: Pulse): boolean {
    return bin >= from - this.#half && bin < end + this.#half
  }

  /** Of the strongest surface that stands apart; what only falls off from the first is its skirt. */
  #pulseBeside(first: Pulse): Pulse | undefined {
    const peak = this.#strongest(first)
    if (peak === undefined) return undefined
    const value = at(this.values, peak)
    if ((this.values[peak - 1] ?? 0) > value || (this.values[peak + 1] ?? 0) > value) return undefined
    const whole = this.#pulseAt(peak)
    let { from, end } = whole
    while (this.#isNear(from, first)) from += 1
    while (this.#isNear(end - 1, first)) end -= 1
    return { from, end, cut: whole.cut || from > whole.from || end < whole.end }
  }

  #pulseAt(peak: number): Pulse {
    const [from, end] = [peak - this.#half, peak + this.#half + 1]
    return {
      from: Math.max(0, from),
      end: Math.min(this.values.length, end),
      cut: from < 0 || end > this.values.length,
    }
  }

  /** From the bins outside the pulses, once more without those that stand out. */
  #noise({ from, end }: Pulse, second: Pulse | undefined): number | undefined {
    const outside = this.values.length - (end - from)
    const beside = second === undefined ? 0 : second.end - second.from
    const [from2, end2] =
      second === undefined || outside - beside < LEAST_QUIET_BESIDE_TWO ? [0, 0] : [second.from, second.end]
    let limit = Number.POSITIVE_INFINITY
    let noise: number | undefined
    for (let pass = 0; pass < 2; pass += 1) {
      let sum = 0
      let count = 0
      for (let bin = 0; bin < this.values.length; bin += 1) {
        const size = Math.abs(at(this.values, bin))
        if ((bin >= from && bin < end) || (bin >= from2 && bin < end2) || size > limit) continue
        sum += size
        count += 1
      }
      if (count < LEAST_QUIET) return noise
      noise = (FROM_MEAN_DEVIATION * sum) / count
      limit = QUIET_STDS * noise
    }
    return noise
  }

  #echo(pulse: Pulse, noise: number): Echo | undefined {
    const { from, end, cut } = pulse
    const light = { estimate: this.#sum(from, end), std: noise * Math.sqrt(end - from) }
    if (!(light.estimate > ECHO_STDS * light.std)) return undefined
    if (cut) return { light }
    const { centre, sigma } = this.#moments(pulse, light.estimate)
    let place = 0
    let spread = 0
    for (let bin = from; bin < end; bin += 1) {
      const off = (bin - centre) ** 2
      place += off
      spread += (off - sigma * sigma) ** 2
    }
    const binMm = BIN_MM * this.#span
    const perLight = noise / light.estimate
    return {
      rangeMm: {
        estimate: (this.#start + (centre + 0.5) * this.#span) * BIN_MM,
        std: Math.hypot(LEAST_RANGE_STD_MM, binMm * perLight * Math.sqrt(place)),
      },
      widthMm: {
        estimate: FULL_WIDTH * sigma * binMm,
        std: Math.hypot(
          LEAST_RANGE_STD_MM,
          (FULL_WIDTH * binMm * perLight * Math.sqrt(spread)) / (2 * sigma),
        ),
      },
      light,
    }
  }

  #sum(from: number, end: number): number {
    let sum = 0
    for (let bin = from; bin < end; bin += 1) sum += at(this.values, bin)
    return sum
  }

  #moments({ from, end }: Pulse, light: number): Moments {
    let first = 0
    let second = 0
    for (let bin = from; bin < end; bin += 1) {
      const share = at(this.values, bin) / light
      first += share * (bin - from)
      second += share * (bin - from) ** 2
    }
    return { centre: from + first, sigma: Math.sqrt(Math.max(1 / 12, second - first * first)) }
  }

  #form(pulse: Pulse, { light }: Echo, noise: number): Pick<HistogramFinding, 'texture' | 'tail'> {
    const moments = this.#moments(pulse, light.estimate)
    return {
      ...this.#texture(pulse, moments, light.estimate, noise),
      ...this.#tail(pulse, moments, light, noise),
    }
  }

  #texture(
    pulse: Pulse,
    { centre, sigma }: Moments,
    light: number,
    noise: number,
  ): Pick<HistogramFinding, 'texture'> {
    // Three parameters of the Gaussian were taken from these bins.
    const free = pulse.end - pulse.from - 3
    if (free < 1) return {}
    const height = light / (sigma * Math.sqrt(2 * Math.PI))
    let squares = 0
    for (let bin = pulse.from; bin < pulse.end; bin += 1) {
      squares += (at(this.values, bin) - height * Math.exp(-0.5 * ((bin - centre) / sigma) ** 2)) ** 2
    }
    const rms = Math.sqrt(Math.max(0, squares / free - noise * noise))
    return { texture: { estimate: rms / height, std: noise / height / Math.sqrt(2 * free) } }
  }

  #tail(
    { from, end }: Pulse,
    { centre, sigma }: Moments,
    light: Estimate,
    noise: number,
  ): Pick<HistogramFinding, 'tail'> {
    const last = end + this.#half
    if (last > this.values.length) return {}
    const below = (edge: number): number => normalCdf((edge - 0.5 - centre) / sigma)
    const skirt = (below(last) - below(end)) / (below(end) - below(from))
    const behind = this.#sum(end, last) / light.estimate
    const own = (noise * Math.sqrt(last - end)) / light.estimate
    return { tail: { estimate: behind - skirt, std: Math.hypot(own, (behind * light.std) / light.estimate) } }
  }
}
