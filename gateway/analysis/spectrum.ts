import { CHANNELS, type Channel, type Spectrum } from '../../drivers/as7341/counts.ts'
import type { EmptyTray } from '../calibration.ts'
import type { Estimate, UngradedReason } from '../inspection.ts'
import type { MaterialRecipe } from '../recipe.ts'
import { at, invertPositive } from './numbers.ts'

/** Ageing, oxidation, loss of fat, and the unknown overall level of the light. */
const SIZE = 4
const AGEING = 0
const OXIDATION = 1
const FAT_LOSS = 2
const LEVEL = 3
const PASSES = 4
/** Four unknowns need five channels; a recording may lack some of the recipe's. */
const LEAST_CHANNELS = 5
/** The model is a product of factors 1 + x·change: x stays where every factor is positive. */
const LEAST_STATE = -0.3
const MOST_STATE = 1.3
const LEAST_FACTOR = 0.05

/** What every spectrum is compared with, worked out once per calibration and recipe. */
export interface SpectralPlan {
  readonly channels: readonly Channel[]
  /** Natural logarithm of the reference product's light under this station's lamp, up to one common constant. */
  readonly reference: Float64Array
  /** Relative change of each channel by each of the three states, channel-major. */
  readonly change: Float64Array
  readonly recipe: MaterialRecipe
  /** Basic counts of the empty tray, where it was measured. */
  readonly trayCounts: Readonly<Partial<Record<string, number>>>
}

/** The states of the product that explain one spectrum best. */
export interface Material {
  readonly freshness: Estimate
  readonly fatQuality: Estimate
  readonly oxidation: Estimate
  /** Covariance of (ageing, oxidation, fat loss, level), row-major 4 × 4: that of freshness and fat has the same signs. */
  readonly covariance: Float64Array
  /** Per channel of the plan: logarithm of the measured over the explained light; NaN for one not measured. */
  readonly residual: Float64Array
  /** Standard deviation of a channel's logarithm; NaN for one not measured. */
  readonly std: Float64Array
}

export type MaterialFinding = { readonly material: Material } | { readonly reason: UngradedReason }

/**
 * Adapts the recipe's reference to this station: its tray stands in for a white reference, so that a lamp of another
 * spectrum changes nothing. Without a measured tray the recipe's counts are taken as they are.
 */
export function spectralPlan(recipe: MaterialRecipe, tray: EmptyTray | undefined): SpectralPlan {
  const trayCounts: Partial<Record<string, number>> = tray?.basicCounts ?? {}
  const channels: Channel[] = []
  const reference: number[] = []
  const change: number[] = []
  for (const name of CHANNELS) {
    const channel = recipe.channels[name]
    if (channel === undefined) continue
    const nominal = recipe.trayCounts?.[name]
    const actual = trayCounts[name]
    const lamp = nominal === undefined || actual === undefined ? 1 : actual / nominal
    channels.push(name)
    reference.push(Math.log(channel.reference * lamp))
    change.push(channel.ageing, channel.oxidation, channel.fat)
  }
  return {
    channels,
    reference: Float64Array.from(reference),
    change: Float64Array.from(change),
    recipe,
    trayCounts,
  }
}

/**
 * Inverts the recipe's channel model: counts = level × reference × (1 + ageing·a)(1 + oxidation·b)(1 + fat loss·c),
 * by weighted least squares of the logarithms. The level (lamp, distance, temperature) is free and so falls out.
 */
export function measureMaterial(spectrum: Spectrum, plan: SpectralPlan): MaterialFinding {
  const { channels, recipe } = plan
  if (channels.some((channel) => spectrum.saturated.includes(channel))) return { reason: 'saturated' }
  const fit = new Fit(plan)
  let measured = 0
  for (const [index, channel] of channels.entries()) {
    const count = spectrum.counts[channel]
    if (count === undefined) continue
    if (count < recipe.leastCounts) return { reason: 'starved' }
    fit.measured(index, count)
    measured += 1
  }
  if (measured < LEAST_CHANNELS) return { reason: 'sensor-absent' }
  for (let pass = 0; ; pass += 1) {
    fit.gather()
    // Not positive: the channels that are there do not tell the states apart.
    if (!invertPositive(fit.normal, SIZE)) return { reason: 'sensor-absent' }
    if (pass === PASSES) break
    fit.move()
  }
  const { state, normal, residual, std } = fit
  return {
    material: {
      freshness: share(1 - at(state, AGEING), normal, AGEING),
      fatQuality: share(1 - at(state, FAT_LOSS), normal, FAT_LOSS),
      oxidation: share(at(state, OXIDATION), normal, OXIDATION),
      covariance: normal,
      residual,
      std,
    },
  }
}

/** The normal equations of one spectrum. */
class Fit {
  readonly #plan: SpectralPlan
  /** Per channel, logarithm of the measured over the reference light; NaN: not measured. */
  readonly #light: Float64Array
  readonly #gradient = new Float64Array(SIZE)
  readonly #slope = new Float64Array(SIZE)
  readonly normal = new Float64Array(SIZE * SIZE)
  readonly state = new Float64Array(SIZE)
  readonly residual: Float64Array
  readonly std: Float64Array

  constructor(plan: SpectralPlan) {
    this.#plan = plan
    this.#light = new Float64Array(plan.channels.length).fill(Number.NaN)
    this.residual = new Float64Array(plan.channels.length).fill(Number.NaN)
    this.std = new Float64Array(plan.channels.length).fill(Number.NaN)
    this.#slope[LEVEL] = 1
  }

  measured(index: number, count: number): void {
    const { counts, relative } = this.#plan.recipe.noise
    const read = counts / count
    this.std[index] = Math.sqrt(read * read + relative * relative)
    this.#light[index] = Math.log(count) - at(this.#plan.reference, index)
  }

  gather(): void {
    const { normal, state } = this
    const { change } = this.#plan
    const slope = this.#slope
    const gradient = this.#gradient
    normal.fill(0)
    gradient.fill(0)
    for (let channel = 0; channel < this.std.length; channel += 1) {
      const light = at(this.#light, channel)
      if (Number.isNaN(light)) continue
      let explained = 1
      for (let i = 0; i < LEVEL; i += 1) {
        const step = at(change, 3 * channel + i)
        const factor = Math.max(LEAST_FACTOR, 1 + at(state, i) * step)
        explained *= factor
        slope[i] = step / factor
      }
      const left = light - at(state, LEVEL) - Math.log(explained)
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

  /** One step of Gauss and Newton; `normal` holds the inverse by now. */
  move(): void {
    const { normal, state } = this
    for (let i = 0; i < SIZE; i += 1) {
      let next = at(state, i)
      for (let k = 0; k < SIZE; k += 1) next += at(normal, i * SIZE + k) * at(this.#gradient, k)
      state[i] = i === LEVEL ? next : Math.min(MOST_STATE, Math.max(LEAST_STATE, next))
    }
  }
}

function share(value: number, covariance: Float64Array, index: number): Estimate {
  return {
    estimate: Math.min(1, Math.max(0, value)),
    std: Math.sqrt(at(covariance, index * SIZE + index)),
  }
}
