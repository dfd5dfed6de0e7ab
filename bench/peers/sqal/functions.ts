/** The original's helper functions under its own names, as `vectors_functions.jsonl` calls them (facts §12). */
import { z } from 'zod'
import { spectralBands } from './bands.ts'
import {
  bileTraces,
  colourHomogeneity,
  colourScore,
  deltaE,
  freshnessScore,
  hematoma,
  labOf,
  maturityIndex,
  oxidation,
} from './colour.ts'
import {
  dimensionalConformity,
  dimensionalDeviation,
  estimatedVolumeCm3,
  fillLevel,
  lobeThickness,
  movingAverage,
  processCapability,
} from './dimensions.ts'
import { number } from './numbers.ts'

/** What a helper returns for the recorded arguments; @throws ZodError when they have another form. */
export type RecordedFunction = (input: unknown) => unknown

function recorded<S extends z.ZodType>(schema: S, call: (input: z.infer<S>) => unknown): RecordedFunction {
  return (input) => call(schema.parse(input))
}

const history = z.array(number)
const spectrum = z.record(z.string(), number)
const lab = z.strictObject({ L: number, a: number, b: number })
/** The vectors record an 8 × 8 matrix of one distance by that distance, or the matrix itself. */
const surface = z.union([
  z
    .strictObject({ constant_matrix_mm: number })
    .transform(({ constant_matrix_mm: mm }) => Array.from({ length: 8 }, () => Array<number>(8).fill(mm))),
  z.strictObject({ distance_matrix: z.array(z.array(number)) }).transform((input) => input.distance_matrix),
])
const channels = z.strictObject({ channels: spectrum })

export const FUNCTIONS: ReadonlyMap<string, RecordedFunction> = new Map([
  [
    'calculate_process_capability',
    recorded(z.strictObject({ history, lsl: number.nullish(), usl: number.nullish() }), (i) =>
      processCapability(i.history, i.lsl ?? 45, i.usl ?? 60),
    ),
  ],
  [
    'calculate_moving_average',
    recorded(z.strictObject({ history, window: z.int().min(1).default(10) }), (i) =>
      movingAverage(i.history, i.window),
    ),
  ],
  [
    'calculate_dimensional_deviation',
    recorded(z.strictObject({ thickness_mm: number, target_mm: number.default(50) }), (i) =>
      dimensionalDeviation(i.thickness_mm, i.target_mm),
    ),
  ],
  [
    'calculate_dimensional_conformity_score',
    recorded(
      z.strictObject({ category: z.string(), is_irregular: z.boolean(), fill_conformity: z.boolean() }),
      (i) => dimensionalConformity(i.category, i.is_irregular, i.fill_conformity),
    ),
  ],
  ['analyze_lobe_thickness', recorded(surface, lobeThickness)],
  ['analyze_fill_level', recorded(surface, fillLevel)],
  ['estimate_volume', recorded(surface, estimatedVolumeCm3)],
  ['calculate_lab_from_spectral', recorded(channels, (i) => labOf(i.channels))],
  ['calculate_delta_e', recorded(z.strictObject({ lab, ref: lab }), (i) => deltaE(i.lab, i.ref))],
  [
    'calculate_color_score_premium',
    recorded(z.strictObject({ lab, delta_e: number }), (i) => colourScore(i.lab, i.delta_e)),
  ],
  ['detect_hematoma', recorded(channels, (i) => hematoma(i.channels))],
  ['detect_bile_traces', recorded(channels, (i) => bileTraces(i.channels))],
  [
    'detect_oxidation',
    recorded(z.strictObject({ b_star: number, b_star_ref: number.default(20) }), (i) =>
      oxidation(i.b_star, i.b_star_ref),
    ),
  ],
  ['calculate_maturity_index', recorded(channels, (i) => maturityIndex(i.channels))],
  [
    'calculate_freshness_score',
    recorded(z.strictObject({ current: spectrum, reference: spectrum, hours: number.default(0) }), (i) =>
      freshnessScore(i.current, i.reference, i.hours),
    ),
  ],
  [
    'calculate_color_homogeneity',
    recorded(z.strictObject({ delta_e_values: history }), (i) => colourHomogeneity(i.delta_e_values)),
  ],
  ['get_spectral_bands_detailed', recorded(channels, (i) => spectralBands(i.channels))],
])
