import type { Judgement } from '../../inspection.ts'

/** One number that is learned of a good part. */
export interface Feature {
  readonly name: string
  /** In which it is reported. */
  readonly unit: string
  /** Learned as a logarithm: it varies by a share of itself. */
  readonly logarithmic: boolean
  readonly of: (judgement: Judgement) => number | undefined
}

const RATIOS = [
  'violet_orange',
  'nir_violet',
  'discolouration',
  'lipid_oxidation',
  'freshness_meat',
  'oxidation_organic',
] as const

/**
 * What a part looks like, by what was measured of it. Where it lies and how it is turned is not among it, nor is what
 * follows from the others (mass from volume, mean height from volume and area).
 */
export const FEATURES: readonly Feature[] = [
  size('volume', 'mm³', ({ surface }) => surface?.volumeMm3.estimate),
  size('base_area', 'mm²', ({ surface }) => surface?.baseAreaMm2.estimate),
  size('max_height', 'mm', ({ surface }) => surface?.maxHeightMm),
  size('elongation', '', ({ surface }) =>
    surface === undefined ? undefined : surface.outline.lengthMm / surface.outline.widthMm,
  ),
  plain('relief', 'mm', ({ surface }) => surface?.heightVariationMm),
  plain('reflectance', '%', ({ surface }) => surface?.reflectancePercent?.mean),
  plain('reflectance_spread', '%', ({ surface }) => surface?.reflectancePercent?.std),
  plain('freshness', '', ({ colour }) => colour?.freshness.estimate),
  plain('fat_quality', '', ({ colour }) => colour?.fatQuality.estimate),
  plain('oxidation', '', ({ colour }) => colour?.oxidation.estimate),
  plain('color_uniformity', '', ({ colour }) => colour?.uniformity),
  ...RATIOS.map((name) => size(name, '', ({ colour }) => colour?.ratios[name])),
  plain('lab_l', '', ({ colour }) => colour?.lab?.l),
  plain('lab_a', '', ({ colour }) => colour?.lab?.a),
  plain('lab_b', '', ({ colour }) => colour?.lab?.b),
]

function plain(name: string, unit: string, of: Feature['of']): Feature {
  return { name, unit, logarithmic: false, of }
}

function size(name: string, unit: string, of: Feature['of']): Feature {
  return { name, unit, logarithmic: true, of }
}

/** All features of one part, in the order of `FEATURES`, as they are learned; NaN for what was not measured. */
export function featuresOf(judgement: Judgement): Float64Array {
  return Float64Array.from(FEATURES, ({ of, logarithmic }) => {
    const value = of(judgement) ?? Number.NaN
    const learned = logarithmic ? Math.log(value) : value
    return Number.isFinite(learned) ? learned : Number.NaN
  })
}

/** Whether anything at all was measured. */
export function hasFeatures(features: Float64Array): boolean {
  return features.some((value) => !Number.isNaN(value))
}
