import type { RecipeInput } from '../recipe.ts'

/** Of the grey tray, in all channels. */
const TRAY_REFLECTANCE = 0.75

/**
 * How the light of each channel changes with the state of the product, and what it and the tray return when both are
 * new: counts at gain 1 in 100 ms, relative changes from best to worst (the original's model), reflectance of the ideal
 * product.
 */
const CHANNELS = {
  F1_415nm: channel(400, -0.4, -0.3, 0, 0.36),
  F2_445nm: channel(600, -0.3, -0.2, 0, 0.41),
  F3_480nm: channel(500, -0.2, 0.1, 0, 0.47),
  F4_515nm: channel(1900, 0.1, 0.2, 0, 0.52),
  F5_555nm: channel(900, 0.2, -0.1, 0, 0.56),
  F6_590nm: channel(600, -0.1, 0.4, -0.3, 0.62),
  F7_630nm: channel(1150, -0.3, -0.2, -0.3, 0.68),
  F8_680nm: channel(750, -0.5, -0.4, 0, 0.71),
  NIR: channel(600, 0.15, 0.1, 0, 0.6),
} as const

interface ChannelRow {
  readonly reference: number
  readonly ageing: number
  readonly oxidation: number
  readonly fat: number
  readonly trayCounts: number
}

function channel(
  per100Ms: number,
  ageing: number,
  oxidation: number,
  fat: number,
  reflectance: number,
): ChannelRow {
  const reference = per100Ms / 100
  return { reference, ageing, oxidation, fat, trayCounts: reference * (TRAY_REFLECTANCE / reflectance) }
}

export const FOIE_GRAS_MATERIAL: NonNullable<RecipeInput['material']> = {
  channels: Object.fromEntries(
    Object.entries(CHANNELS).map(([name, { trayCounts: _, ...row }]) => [name, row]),
  ),
  tray_counts: Object.fromEntries(
    Object.entries(CHANNELS).map(([name, { trayCounts }]) => [name, trayCounts]),
  ),
  tray_reflectance: TRAY_REFLECTANCE,
  noise: { counts: 3, relative: 0.0015 },
  /**
   * The colour of the reference product above, so that a part in its best state has difference 0. The original's targets
   * (68/6/18, 70/5/20) were those of a formula over raw counts: a perfect part is 8 away from them. Ageing moves colour
   * further than its limits allow, and costs points already: here the difference is told and costs none.
   */
  lab_target: { l: 80.2, a: 3, b: 15.2, points: 0 },
  defects: {
    hematoma: { limit: 0.12, critical: 0.45, points: 0.2 },
    bile: { limit: 0.12, critical: 0.6, points: 0.25 },
    // What oxidation costs is in the score already.
    oxidation: { limit: 0.4, critical: 1, points: 0 },
    discolouration: { limit: 0.08, critical: 0.25, points: 0.2 },
  },
}
