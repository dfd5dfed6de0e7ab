import { CHANNELS, type Channel, type Spectrum } from '../../drivers/as7341/counts.ts'
import type { Colour, Estimate, Lab } from '../inspection.ts'
import { type ColourFlag, colourFlags } from './colour-flags.ts'
import type { Conditions } from './colour-lamp.ts'
import { differenceToTarget } from './delta-e.ts'
import { labCovariance, labOfFilters } from './lab.ts'
import { at } from './numbers.ts'
import type { Open } from './open.ts'
import {
  type ReferenceRefusal,
  type Reflectances,
  tileReflectances,
  trayReflectances,
  wholeStd,
} from './reflectance.ts'
import type { Material, SpectralPlan } from './spectrum.ts'

/** What a calibrated reflectance adds to the colour of a part; all of it absent where nothing is there to compare with. */
export interface ColourDetail {
  /** What reflectances were measured against: the tray is less sure than a tile. */
  readonly basis?: Reflectances['basis']
  /** Why the station's white reference was not used, where it has one. */
  readonly refusal?: ReferenceRefusal
  /** Per channel that was seen, 0…1; gloss may give more, noise less. */
  readonly reflectance?: Readonly<Partial<Record<Channel, Estimate>>>
  readonly lab?: Lab
  /** Standard uncertainties of L*, a* and b*. */
  readonly labStd?: Lab
  /** Filters that were blind, and for which the product's own colour model stands in Lab. */
  readonly labFilled?: readonly Channel[]
  /** C*ab. */
  readonly chroma?: Estimate
  /** h_ab in degrees, 0…360; absent of what may be grey. */
  readonly hueDeg?: Estimate
  /** To the recipe's target. */
  readonly deltaE00?: Estimate
  /** That the true difference is at most the recipe's `acceptable`. */
  readonly withinProbability?: number
  readonly flags?: readonly ColourFlag[]
}

/** A colour with what calibrated reflectances say. */
export type DetailedColour = Colour & ColourDetail

/** F1…F8. */
const FILTERS = 8
/** With more filters blind than this, the model would stand for a quarter of the spectrum and more. */
const MOST_FILLED = 2
/** Below this many standard deviations of chroma there is no hue to speak of. */
const HUE_SIGMAS = 3

/** Reflectances, Lab and what follows from them. */
export function colourDetail(
  spectrum: Spectrum,
  plan: SpectralPlan,
  material: Material,
  conditions?: Conditions,
): ColourDetail {
  const measured = against(spectrum, plan, conditions)
  const refusal = plan.refusal ?? measured.refusal
  const detail: Open<ColourDetail> = {}
  const { reflectances } = measured
  if (reflectances !== undefined) detail.basis = reflectances.basis
  if (refusal !== undefined) detail.refusal = refusal
  if (reflectances === undefined) return detail
  detail.reflectance = record(reflectances)
  const whole = material.blind.length === 0 ? reflectances : withFilled(spectrum, plan, material, conditions)
  const bias = addLab(detail, whole, plan)
  const filled: Channel[] = []
  for (const { channel } of material.blind) if (CHANNELS.indexOf(channel) < FILTERS) filled.push(channel)
  if (filled.length > 0 && detail.lab !== undefined) detail.labFilled = filled
  detail.flags = colourFlags(whole, bias)
  return detail
}

interface Measured {
  readonly reflectances?: Reflectances | undefined
  readonly refusal?: ReferenceRefusal | undefined
}

function against(spectrum: Spectrum, plan: SpectralPlan, conditions?: Conditions): Measured {
  const { white, trayCounts, recipe } = plan
  const tile = white === undefined ? undefined : tileReflectances(spectrum, white, recipe.noise, conditions)
  if (typeof tile === 'object') return { reflectances: tile }
  return { reflectances: trayReflectances(spectrum, trayCounts, recipe), refusal: tile }
}

/**
 * The same with what the colour model says in the place of blind filters, as sure as the model is: its states'
 * uncertainty, and the departure from it that would have passed unnoticed.
 */
function withFilled(
  spectrum: Spectrum,
  plan: SpectralPlan,
  material: Material,
  conditions?: Conditions,
): Reflectances {
  const counts = { ...spectrum.counts }
  const unsure = new Map<number, number>()
  for (const { channel } of material.blind) {
    const { counts: explained, relativeStd } = material.explained(plan.channels.indexOf(channel))
    const index = CHANNELS.indexOf(channel)
    if (index < FILTERS && unsure.size === MOST_FILLED) {
      delete counts[channel]
      continue
    }
    counts[channel] = explained
    unsure.set(index, Math.hypot(relativeStd, plan.recipe.defects.discolouration.limit))
  }
  const saturated = spectrum.saturated.filter((channel) => !unsure.has(CHANNELS.indexOf(channel)))
  const { reflectances } = against({ ...spectrum, counts, saturated }, plan, conditions)
  if (reflectances === undefined)
    throw new Error('a spectrum that had reflectances has none with more channels')
  for (const [index, relativeStd] of unsure) {
    const own = at(reflectances.std, index)
    reflectances.std[index] = Math.hypot(own, relativeStd * at(reflectances.value, index))
  }
  return reflectances
}

function record(reflectances: Reflectances): Partial<Record<Channel, Estimate>> {
  const found: Partial<Record<Channel, Estimate>> = {}
  for (let index = 0; index < CHANNELS.length; index += 1) {
    const channel = CHANNELS[index]
    const estimate = at(reflectances.value, index)
    if (channel === undefined || Number.isNaN(estimate)) continue
    found[channel] = { estimate, std: wholeStd(reflectances, index) }
  }
  return found
}

/** Adds what eight reflectances say. @returns b* less the target's */
function addLab(
  detail: Open<ColourDetail>,
  { value, std, common }: Reflectances,
  { recipe, referenceLab }: SpectralPlan,
): Estimate | undefined {
  for (let filter = 0; filter < FILTERS; filter += 1) if (Number.isNaN(at(value, filter))) return undefined
  const lab = labOfFilters(value)
  const covariance = labCovariance(value, std, common)
  const labStd = {
    l: Math.sqrt(at(covariance, 0)),
    a: Math.sqrt(at(covariance, 4)),
    b: Math.sqrt(at(covariance, 8)),
  }
  detail.lab = lab
  detail.labStd = labStd
  addChromaAndHue(detail, lab, covariance)
  const target = recipe.labTarget
  if (target !== undefined) {
    const difference = differenceToTarget(lab, target, covariance, target.limits.acceptable)
    detail.deltaE00 = difference.deltaE00
    detail.withinProbability = difference.withinProbability
  }
  const meant = target ?? referenceLab
  return meant === undefined ? undefined : { estimate: lab.b - meant.b, std: labStd.b }
}

function addChromaAndHue(detail: Open<ColourDetail>, { a, b }: Lab, covariance: Float64Array): void {
  const chroma = Math.sqrt(a * a + b * b)
  const [aa, ab, bb] = [at(covariance, 4), at(covariance, 5), at(covariance, 8)]
  // At grey there is no direction: the larger of the two axes.
  if (chroma === 0) {
    detail.chroma = { estimate: 0, std: Math.sqrt(Math.max(aa, bb)) }
    return
  }
  const along = Math.sqrt(Math.max(0, (a * a * aa + 2 * a * b * ab + b * b * bb) / chroma ** 2))
  const across = Math.sqrt(Math.max(0, (b * b * aa - 2 * a * b * ab + a * a * bb) / chroma ** 2))
  detail.chroma = { estimate: chroma, std: along }
  if (chroma < HUE_SIGMAS * Math.max(along, across)) return
  const degrees = (Math.atan2(b, a) * 180) / Math.PI
  const std = ((across / chroma) * 180) / Math.PI
  detail.hueDeg = { estimate: degrees < 0 ? degrees + 360 : degrees, std }
}
