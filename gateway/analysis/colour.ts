import { basicCounts, CHANNELS, type Channel, type Spectrum } from '../../drivers/as7341/counts.ts'
import type { UngradedReason } from '../inspection.ts'
import { colourDefects, foreignColour } from './colour-defects.ts'
import { colourDetail, type DetailedColour } from './colour-detail.ts'
import type { Conditions } from './colour-lamp.ts'
import { ratiosOf } from './colour-ratios.ts'
import { type Material, measureMaterial, type SpectralPlan } from './spectrum.ts'

export type ColourFinding =
  | { readonly colour: DetailedColour; readonly material: Material }
  | { readonly reason: UngradedReason }

/**
 * What one spectrum says about the part: its states, its colour beside the white reference or the tray, and colours
 * that do not belong. Ten visible channels grade colour and its uniformity: no more is claimed of lipids than that the
 * recipe's colour model names two of its states after them.
 * @param conditions temperature and age of the reference, where they are known
 */
export function measureColour(
  spectrum: Spectrum,
  plan: SpectralPlan,
  conditions?: Conditions,
): ColourFinding {
  const found = measureMaterial(spectrum, plan)
  if ('reason' in found) return found
  const { material } = found
  const foreign = foreignColour(material)
  const defects = colourDefects(material, plan, foreign)
  // A defect that nobody could see is not absent.
  if (defects === undefined) return { reason: material.blind[0]?.reason ?? 'not-calibrated' }
  const colour: DetailedColour = {
    relative: relativeTo(plan, spectrum),
    freshness: material.freshness,
    fatQuality: material.fatQuality,
    oxidation: material.oxidation,
    uniformity: Math.max(0, 1 - foreign / plan.recipe.uniformityScale),
    ratios: ratiosOf(spectrum, plan),
    defects,
  }
  return { material, colour: Object.assign(colour, colourDetail(spectrum, plan, material, conditions)) }
}

/** The part's light over the tray's, per channel that both have; saturated channels are left out. */
function relativeTo(plan: SpectralPlan, spectrum: Spectrum): Partial<Record<Channel, number>> {
  const counts = basicCounts(spectrum) ?? {}
  const relative: Partial<Record<Channel, number>> = {}
  for (const channel of CHANNELS) {
    const part = counts[channel]
    const tray = plan.trayCounts[channel]
    if (part === undefined || tray === undefined || tray <= 0) continue
    if (!spectrum.saturated.includes(channel)) relative[channel] = part / tray
  }
  return relative
}
