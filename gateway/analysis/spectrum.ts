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
  const counts = Float64Array.from(channels, (channel) => spectrum.counts[channel] ?? Number.NaN)
  if (counts.some((count) => count < recipe.leastCounts)) return { reason: 'starved' }
  if (counts.filter((count) => count > 0).length < LEAST_CHANNELS) return { reason: 'sensor-absent' }
  const std = counts.map((count) => Math.hypot(recipe.noise.counts / count, recipe.noise.relative))
  const light = counts.map((count, index) => Math.log(count) - at(plan.reference, index))
  const state = new Float64Array(SIZE)
  const normal = new Float64Array(SIZE * SIZE)
  const residual = new Float64Array(channels.length)
  for (let pass = 0; ; pass += 1) {
    const gradient = gather(plan, light, std, state, normal, residual)
    // The channels that are there do not tell the states apart.
    if (!invertPositive(normal, SIZE)) return { reason: 'sensor-absent' }
    if (pass === PASSES) break
    for (let i = 0; i < SIZE; i += 1) {
      let step = 0
      for (let k = 0; k < SIZE; k += 1) step += at(normal, i * SIZE + k) * at(gradient, k)
      const next = at(state, i) + step
      state[i] = i === LEVEL ? next : Math.min(MOST_STATE, Math.max(LEAST_STATE, next))
    }
  }
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

/** One pass of the normal equations: fills matrix and residuals, returns the gradient. */
function gather(
  plan: SpectralPlan,
  light: Float64Array,
  std: Float64Array,
  state: Float64Array,
  normal: Float64Array,
  residual: Float64Array,
): Float64Array {
  const gradient = new Float64Array(SIZE)
  const slope = new Float64Array(SIZE)
  slope[LEVEL] = 1
  normal.fill(0)
  residual.fill(Number.NaN)
  for (let channel = 0; channel < light.length; channel += 1) {
    if (Number.isNaN(at(light, channel))) continue
    let explained = at(state, LEVEL)
    for (let i = 0; i < LEVEL; i += 1) {
      const change = at(plan.change, 3 * channel + i)
      const factor = Math.max(0.05, 1 + at(state, i) * change)
      explained += Math.log(factor)
      slope[i] = change / factor
    }
    const left = at(light, channel) - explained
    const weight = at(std, channel) ** -2
    residual[channel] = left
    for (let i = 0; i < SIZE; i += 1) {
      gradient[i] = at(gradient, i) + weight * at(slope, i) * left
      for (let j = 0; j <= i; j += 1) {
        normal[i * SIZE + j] = at(normal, i * SIZE + j) + weight * at(slope, i) * at(slope, j)
      }
    }
  }
  return gradient
}

function share(value: number, covariance: Float64Array, index: number): Estimate {
  return {
    estimate: Math.min(1, Math.max(0, value)),
    std: Math.sqrt(at(covariance, index * SIZE + index)),
  }
}
