import type { HistogramConfig } from '../../drivers/vl53l8ch/histogram-plan.ts'
import type { Histograms } from '../../drivers/vl53l8ch/histograms.ts'
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
 * @param config what the chip was told: where the bins lie
 */
export function histogramFindings(
  histograms: Histograms,
  { startBin, subSample }: Pick<HistogramConfig, 'startBin' | 'subSample'>,
): readonly HistogramFinding[] {
  const { aggregates, bins, mantissas, scalers } = histograms
  const reader = new Reader(bins, startBin, subSample)
  const findings: HistogramFinding[] = []
  for (let aggregate = 0; aggregate < aggregates; aggregate += 1) {
    for (let bin = 0; bin < bins; bin += 1) {
      const index = aggregate * bins + bin
      reader.values[bin] = (mantissas[index] ?? Number.NaN) * at(SCALES, (scalers[index] ?? 0) + 128)
    }
    findings.push(reader.finding())
  }
  return findings
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

  finding(): HistogramFinding {
    const peak = this.#strongest(undefined)
    if (peak === undefined) return {}
    const pulse = this.#pulseAt(peak)
    const noise = this.#noise(pulse)
    if (noise === undefined) return {}
    const first = this.#echo(pulse, noise)
    if (first === undefined) return { noise }
    const peak2 = this.#strongest(pulse)
    const second = peak2 === undefined ? undefined : this.#echo(this.#pulseAt(peak2), noise)
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
      if (other !== undefined && bin >= other.from - this.#half && bin < other.end + this.#half) continue
      if (value > most) {
        most = value
        best = bin
      }
    }
    return best
  }

  #pulseAt(peak: number): Pulse {
    const [from, end] = [peak - this.#half, peak + this.#half + 1]
    return {
      from: Math.max(0, from),
      end: Math.min(this.values.length, end),
      cut: from < 0 || end > this.values.length,
    }
  }

  /** From the bins outside the strongest pulse, once more without those that stand out. */
  #noise({ from, end }: Pulse): number | undefined {
    let limit = Number.POSITIVE_INFINITY
    let noise: number | undefined
    for (let pass = 0; pass < 2; pass += 1) {
      let sum = 0
      let count = 0
      for (let bin = 0; bin < this.values.length; bin += 1) {
        const size = Math.abs(at(this.values, bin))
        if ((bin >= from && bin < end) || size > limit) continue
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
