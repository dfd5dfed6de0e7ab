import { at, invertPositive } from './numbers.ts'

/** Ageing, oxidation, loss of fat, and the unknown overall level of the light. */
export const SIZE = 4
export const AGEING = 0
export const OXIDATION = 1
export const FAT_LOSS = 2
const LEVEL = 3
/** Newton's steps fall from one that is this small to below rounding: it is the last one. */
const STEADY = 1e-5
const MOST_PASSES = 12
/** The model is a product of factors 1 + x·change: x stays where every factor is positive. */
const LEAST_STATE = -0.3
const MOST_STATE = 1.3
const LEAST_FACTOR = 0.05
/** Share of a signature that no mixture of states makes; with less, errors of the model would be taken for it. */
const LEAST_OWN = 1e-3

/** What the light of a product depends on, channel by channel. */
export interface ChannelModel {
  /** Natural logarithm of the reference product's light under this station's lamp, up to one common constant. */
  readonly reference: Float64Array
  /** Relative standard uncertainty of each channel's `reference`: what the white reference is unsure of. */
  readonly referenceStd: Float64Array
  /** Relative change of each channel by each of the three states, channel-major. */
  readonly change: Float64Array
}

/** Logarithm of a light in counts, and its standard deviation. */
export interface LogLight {
  readonly log: number
  readonly std: number
}

/** Weighted least squares of one spectrum's logarithms: four unknowns, by Gauss and Newton. */
export class Fit {
  readonly #model: ChannelModel
  readonly #noise: { readonly counts: number; readonly relative: number }
  /** Per channel, logarithm of the measured over the reference light; NaN: not measured. */
  readonly #light: Float64Array
  readonly #gradient = new Float64Array(SIZE)
  readonly #slope = new Float64Array(SIZE)
  /** Covariance of (ageing, oxidation, fat loss, level) once solved, row-major 4 × 4. */
  readonly covariance: Float64Array
  readonly state = new Float64Array(SIZE)
  readonly residual: Float64Array
  readonly std: Float64Array

  constructor(model: ChannelModel, noise: { readonly counts: number; readonly relative: number }) {
    const channels = model.reference.length
    this.#model = model
    this.#noise = noise
    // One piece of memory: four of this size would take longer to come by than the fit.
    const memory = new Float64Array(3 * channels + SIZE * SIZE).fill(Number.NaN)
    this.#light = memory.subarray(0, channels)
    this.residual = memory.subarray(channels, 2 * channels)
    this.std = memory.subarray(2 * channels, 3 * channels)
    this.covariance = memory.subarray(3 * channels)
    this.#slope[LEVEL] = 1
  }

  /** @param count the channel's counts without the dark's, above 0 */
  measured(index: number, count: number): void {
    const { counts, relative } = this.#noise
    const read = counts / count
    const lamp = at(this.#model.referenceStd, index)
    this.std[index] = Math.sqrt(read * read + relative * relative + lamp * lamp)
    this.#light[index] = Math.log(count) - at(this.#model.reference, index)
  }

  /** @returns false where the channels that were measured do not tell the states apart */
  solve(): boolean {
    for (let pass = 0; ; pass += 1) {
      this.#gather()
      if (!invertPositive(this.covariance, SIZE)) return false
      if (pass === MOST_PASSES || this.#move() < STEADY) return true
    }
  }

  /** What the states say of a channel, measured or not; the noise of a look at it is not part of `std`. */
  explained(index: number): LogLight {
    const factors = this.#explain(index)
    let variance = at(this.#model.referenceStd, index) ** 2
    for (let i = 0; i < SIZE; i += 1) {
      for (let j = 0; j < SIZE; j += 1) {
        variance += at(this.#slope, i) * at(this.#slope, j) * at(this.covariance, i * SIZE + j)
      }
    }
    const log = at(this.#model.reference, index) + at(this.state, LEVEL) + Math.log(factors)
    return { log, std: Math.sqrt(Math.max(0, variance)) }
  }

  /**
   * How much of a further signature explains what is left over, beside the states: the fifth unknown of the same least
   * squares, to first order.
   * @param signature relative change of each channel's light per unit
   * @returns undefined where the states can make the same colour
   */
  project(signature: Float64Array): { readonly estimate: number; readonly std: number } | undefined {
    const shared = this.#gradient.fill(0)
    let [seen, information] = [0, 0]
    for (let channel = 0; channel < this.std.length; channel += 1) {
      const std = at(this.std, channel)
      if (Number.isNaN(std)) continue
      this.#explain(channel)
      const weighted = at(signature, channel) / (std * std)
      seen += weighted * at(this.residual, channel)
      information += weighted * at(signature, channel)
      for (let i = 0; i < SIZE; i += 1) shared[i] = at(shared, i) + weighted * at(this.#slope, i)
    }
    let known = 0
    for (let i = 0; i < SIZE; i += 1) {
      for (let j = 0; j < SIZE; j += 1) {
        known += at(shared, i) * at(shared, j) * at(this.covariance, i * SIZE + j)
      }
    }
    const own = information - known
    return own > information * LEAST_OWN ? { estimate: seen / own, std: 1 / Math.sqrt(own) } : undefined
  }

  /** Product of the channel's factors; `#slope` then holds the derivatives of its logarithm. */
  #explain(channel: number): number {
    const { change } = this.#model
    let explained = 1
    for (let i = 0; i < LEVEL; i += 1) {
      const step = at(change, 3 * channel + i)
      const factor = Math.max(LEAST_FACTOR, 1 + at(this.state, i) * step)
      explained *= factor
      this.#slope[i] = step / factor
    }
    return explained
  }

  #gather(): void {
    const { covariance: normal, state } = this
    const slope = this.#slope
    const gradient = this.#gradient
    normal.fill(0)
    gradient.fill(0)
    for (let channel = 0; channel < this.std.length; channel += 1) {
      const light = at(this.#light, channel)
      if (Number.isNaN(light)) continue
      const left = light - at(state, LEVEL) - Math.log(this.#explain(channel))
      const std = at(this.std, channel)
      this.residual[channel] = left
      for (let i = 0; i < SIZE; i += 1) {
        const scaled = at(slope, i) / (std * std)
        gradient[i] = at(gradient, i) + scaled * left
        for (let j = 0; j <= i; j += 1)
          normal[i * SIZE + j] = at(normal, i * SIZE + j) + scaled * at(slope, j)
      }
    }
  }

  /** One step of Gauss and Newton: how far the furthest state moved. */
  #move(): number {
    const { covariance, state } = this
    let furthest = 0
    for (let i = 0; i < SIZE; i += 1) {
      let step = 0
      for (let k = 0; k < SIZE; k += 1) step += at(covariance, i * SIZE + k) * at(this.#gradient, k)
      const before = at(state, i)
      const next = before + step
      state[i] = i === LEVEL ? next : Math.min(MOST_STATE, Math.max(LEAST_STATE, next))
      furthest = Math.max(furthest, Math.abs(at(state, i) - before))
    }
    return furthest
  }
}
