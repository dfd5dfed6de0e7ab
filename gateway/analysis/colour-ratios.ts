import type { Channel, Spectrum } from '../../drivers/as7341/counts.ts'
import { at } from './numbers.ts'
import type { SpectralPlan } from './spectrum.ts'

/** The original's six ratios of channels (its names), each over that of the reference product. */
const RATIOS: Readonly<Record<string, readonly [readonly Channel[], readonly Channel[]]>> = {
  violet_orange: [['F1_415nm'], ['F7_630nm']],
  nir_violet: [['NIR'], ['F1_415nm']],
  discolouration: [
    ['F5_555nm', 'F6_590nm'],
    ['F1_415nm', 'F2_445nm'],
  ],
  lipid_oxidation: [['F7_630nm', 'F8_680nm'], ['F4_515nm']],
  freshness_meat: [
    ['F1_415nm', 'F2_445nm'],
    ['F7_630nm', 'F8_680nm'],
  ],
  oxidation_organic: [
    ['F1_415nm', 'F3_480nm'],
    ['F5_555nm', 'F6_590nm'],
  ],
}

const NAMES = Object.keys(RATIOS)

/** Ratios of the channels that were seen; one with a blind channel is absent. */
export function ratiosOf(spectrum: Spectrum, plan: SpectralPlan): Record<string, number> {
  // Channel by channel over the reference under this lamp, so that the lamp falls out of every ratio.
  const levels: Partial<Record<Channel, number>> = {}
  for (let index = 0; index < plan.channels.length; index += 1) {
    const channel = plan.channels[index]
    const count = channel === undefined ? undefined : spectrum.counts[channel]
    if (channel === undefined || count === undefined || spectrum.saturated.includes(channel)) continue
    levels[channel] = count / Math.exp(at(plan.reference, index))
  }
  const ratios: Record<string, number> = {}
  for (const name of NAMES) {
    const [over, under] = RATIOS[name] ?? [[], []]
    const ratio = meanOf(levels, over) / meanOf(levels, under)
    if (Number.isFinite(ratio)) ratios[name] = ratio
  }
  return ratios
}

function meanOf(levels: Readonly<Partial<Record<Channel, number>>>, channels: readonly Channel[]): number {
  let sum = 0
  for (const channel of channels) sum += levels[channel] ?? Number.NaN
  return sum / channels.length
}
