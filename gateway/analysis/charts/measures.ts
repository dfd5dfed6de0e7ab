import type { Estimate, Judgement } from '../../inspection.ts'

/** What a chart can follow, by the name it has in messages. */
const MEASURES = {
  score: ({ fusion }) => fusion?.score,
  mass_g: ({ massG }) => massG,
  volume_mm3: ({ surface }) => surface?.volumeMm3,
  avg_height_mm: ({ surface }) => surface?.avgHeightMm,
  max_height_mm: ({ surface }) => surface?.maxHeightMm,
  height_variation_mm: ({ surface }) => surface?.heightVariationMm,
  surface_uniformity: ({ surface }) => surface?.uniformity,
  freshness_index: ({ colour }) => colour?.freshness,
  fat_quality_index: ({ colour }) => colour?.fatQuality,
  oxidation_index: ({ colour }) => colour?.oxidation,
  color_uniformity: ({ colour }) => colour?.uniformity,
  lab_l: ({ colour }) => colour?.lab?.l,
  lab_a: ({ colour }) => colour?.lab?.a,
  lab_b: ({ colour }) => colour?.lab?.b,
} as const satisfies Readonly<Record<string, (judgement: Judgement) => number | Estimate | undefined>>

export type Measure = keyof typeof MEASURES

export const MEASURE_NAMES = Object.keys(MEASURES).filter((name): name is Measure =>
  Object.hasOwn(MEASURES, name),
)

/** The measured value; undefined where it was not measured, or the part has no grade. */
export function measureOf(name: Measure, judgement: Judgement): number | undefined {
  if (judgement.verdict.kind !== 'graded') return undefined
  const measured = MEASURES[name](judgement)
  return typeof measured === 'object' ? measured.estimate : measured
}
