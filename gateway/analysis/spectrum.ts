import { CHANNELS, type Channel, type Spectrum } from '../../drivers/as7341/counts.ts'
import type { EmptyTray } from '../calibration.ts'
import type { Estimate, Lab, UngradedReason } from '../inspection.ts'
import type { MaterialRecipe } from '../recipe.ts'
import { type BlindChannel, contradicts, darkCounts, worstOf } from './colour-blind.ts'
import { AGEING, type ChannelModel, FAT_LOSS, Fit, OXIDATION } from './colour-fit.ts'
import { type Identifiability, identifiabilityOf } from './colour-identifiability.ts'
import { productReflectances } from './colour-product.ts'
import { type StainSignatures, stainSignatures } from './colour-stains.ts'
import { labOf } from './lab.ts'
import { at } from './numbers.ts'
import {
  type ReferenceRefusal,
  refusalOf,
  type SpectralReference,
  type Stage,
  type WhiteScale,
  whiteOf,
  whiteScale,
} from './reflectance.ts'

/** Four unknowns need five channels; a recording may lack some of the recipe's. */
const LEAST_CHANNELS = 5
/** A state less sure than this cannot tell the quality classes (.15 to .3 wide) apart: then too few channels remain. */
const MOST_STD = 0.1
/** What every spectrum is compared with, worked out once per calibration and recipe. */
export interface SpectralPlan extends ChannelModel {
  readonly channels: readonly Channel[]
  readonly recipe: MaterialRecipe
  /** Basic counts of the empty tray, where it was measured. */
  readonly trayCounts: Readonly<Partial<Record<string, number>>>
  /** Colour of the recipe's reference product, as far as the recipe says what tray it was compared with. */
  readonly referenceLab?: Lab
  /** What blood and bile do to each channel, as far as the recipe says what its product reflects. */
  readonly stains?: StainSignatures
  /** The white reference in use. */
  readonly white?: WhiteScale
  /** Why the one that was given is not used. */
  readonly refusal?: ReferenceRefusal
}

/** The states of the product that explain one spectrum best. */
export interface Material {
  readonly freshness: Estimate
  readonly fatQuality: Estimate
  readonly oxidation: Estimate
  /** Covariance of (ageing, oxidation, fat loss, level), row-major 4 × 4: that of freshness and fat has the same signs. */
  readonly covariance: Float64Array
  readonly identifiability: Identifiability
  /** Per channel of the plan: logarithm of the measured over the explained light; NaN for one not measured. */
  readonly residual: Float64Array
  /** Standard deviation of a channel's logarithm; NaN for one not measured. */
  readonly std: Float64Array
  /** Channels of the plan that the states come without. */
  readonly blind: readonly BlindChannel[]
  /** Counts that the states explain in a channel of the plan, dark included, and their relative standard deviation. */
  readonly explained: (index: number) => { readonly counts: number; readonly relativeStd: number }
  /** How much of another colour is in what the states leave over; undefined: the states can make it themselves. */
  readonly project: (signature: Float64Array) => Estimate | undefined
}

export type MaterialFinding = { readonly material: Material } | { readonly reason: UngradedReason }

/** The white reference of the station, for parts of one stage. */
export interface WhiteReference {
  readonly reference: SpectralReference
  readonly stage: Stage
}

/**
 * Adapts the recipe's reference to this station: its white tile, else its tray, stands in for the lamp, so that a lamp
 * of another spectrum changes nothing. Without either the recipe's counts are taken as they are. A channel that the
 * tile or tray lacks is not judged: the others' lamp says nothing of it.
 */
export function spectralPlan(
  recipe: MaterialRecipe,
  tray: EmptyTray | undefined,
  given?: WhiteReference,
): SpectralPlan {
  const trayCounts: Partial<Record<string, number>> = tray?.basicCounts ?? {}
  const refusal = given === undefined ? undefined : refusalOf(given.reference, given.stage)
  const white = refusal === undefined ? given?.reference : undefined
  const lamps = recipe.trayCounts === undefined ? undefined : lampsOf(recipe, white, trayCounts)
  const channels: Channel[] = []
  const [reference, referenceStd, change]: [number[], number[], number[]] = [[], [], []]
  for (const name of CHANNELS) {
    const channel = recipe.channels[name]
    const lamp = lamps === undefined ? SAME_LAMP : lamps[name]
    if (channel === undefined || lamp === undefined) continue
    channels.push(name)
    reference.push(Math.log(channel.reference * lamp.value))
    referenceStd.push(lamp.relativeStd)
    change.push(channel.ageing, channel.oxidation, channel.fat)
  }
  const referenceLab = labOf(productReflectances(recipe))
  const stains = stainSignatures(recipe, channels)
  return {
    channels,
    reference: Float64Array.from(reference),
    referenceStd: Float64Array.from(referenceStd),
    change: Float64Array.from(change),
    recipe,
    trayCounts,
    ...(referenceLab === undefined ? {} : { referenceLab }),
    ...(stains === undefined ? {} : { stains }),
    ...(white === undefined ? {} : { white: whiteScale(white) }),
    ...(refusal === undefined ? {} : { refusal }),
  }
}

interface Lamp {
  readonly value: number
  readonly relativeStd: number
}
const SAME_LAMP: Lamp = { value: 1, relativeStd: 0 }

/** This station's light over that of the recipe's, per channel; undefined: nothing here says what its lamp is. */
function lampsOf(
  { channels, trayCounts: nominal = {}, trayReflectance }: MaterialRecipe,
  white: SpectralReference | undefined,
  trayCounts: SpectralPlan['trayCounts'],
): Partial<Record<Channel, Lamp>> | undefined {
  const lamps: Partial<Record<Channel, Lamp>> = {}
  let judged = 0
  for (const channel of CHANNELS) {
    const tray = trayCounts[channel]
    const expected = nominal[channel]
    const actual =
      white !== undefined
        ? whiteOf(white, channel)
        : tray === undefined
          ? undefined
          : { value: tray, relativeStd: 0 }
    if (expected === undefined || actual === undefined || actual.value <= 0) continue
    const perfect = white === undefined ? expected : expected / trayReflectance
    lamps[channel] = { value: actual.value / perfect, relativeStd: actual.relativeStd }
    if (channels[channel] !== undefined) judged += 1
  }
  return judged === 0 ? undefined : lamps
}

/**
 * Inverts the recipe's channel model: counts = level × reference × (1 + ageing·a)(1 + oxidation·b)(1 + fat loss·c),
 * by weighted least squares of the logarithms. The level (lamp, distance, temperature) is free and so falls out.
 * Channels that saturated or starved are left out as long as the others tell the states, and do not contradict them.
 */
export function measureMaterial(spectrum: Spectrum, plan: SpectralPlan): MaterialFinding {
  const { channels, recipe } = plan
  if (channels.length < LEAST_CHANNELS) return { reason: 'not-calibrated' }
  const fit = new Fit(plan, recipe.noise)
  const blind: BlindChannel[] = []
  for (const [index, channel] of channels.entries()) {
    const count = spectrum.counts[channel]
    const net = count === undefined ? 0 : count - darkCounts(spectrum, plan, channel)
    if (count === undefined) blind.push({ channel, reason: 'sensor-absent' })
    else if (spectrum.saturated.includes(channel)) blind.push({ channel, reason: 'saturated' })
    else if (net < recipe.leastCounts) blind.push({ channel, reason: 'starved' })
    else fit.measured(index, net)
  }
  const reason = worstOf(blind)
  if (channels.length - blind.length < LEAST_CHANNELS) return { reason }
  // Not positive: the channels that are there do not tell the states apart.
  if (!fit.solve()) return { reason }
  const { state, covariance, residual, std } = fit
  if (blind.length > 0) {
    const unsure = [AGEING, OXIDATION, FAT_LOSS].some((i) => Math.sqrt(at(covariance, 5 * i)) > MOST_STD)
    if (unsure) return { reason }
    const liar = blind.find(({ channel }) => contradicts(channel, spectrum, plan, fit))
    if (liar !== undefined) return { reason: liar.reason }
  }
  return {
    material: {
      freshness: share(1 - at(state, AGEING), covariance, AGEING),
      fatQuality: share(1 - at(state, FAT_LOSS), covariance, FAT_LOSS),
      oxidation: share(at(state, OXIDATION), covariance, OXIDATION),
      covariance,
      identifiability: identifiabilityOf(covariance),
      residual,
      std,
      blind,
      project: (signature) => fit.project(signature),
      explained: (index) => {
        const { log, std: relativeStd } = fit.explained(index)
        const channel = channels[index]
        const dark = channel === undefined ? 0 : darkCounts(spectrum, plan, channel)
        return { counts: Math.exp(log) + dark, relativeStd }
      },
    },
  }
}

function share(value: number, covariance: Float64Array, index: number): Estimate {
  return { estimate: Math.min(1, Math.max(0, value)), std: Math.sqrt(at(covariance, 5 * index)) }
}
