import { parseRecipe, type Recipe, type RecipeInput } from '../recipe.ts'

interface Size {
  readonly lengthMm: number
  readonly widthMm: number
  readonly heightMm: number
}

/** The body that a mould of this length and width makes: smaller by the margin, 80 mm high. */
function mould(length: number, width: number, marginPercent: number): Size {
  const share = 1 - marginPercent / 100
  return { lengthMm: length * share, widthMm: width * share, heightMm: 80 }
}

function tray(lengthMm: number, widthMm: number, heightMm: number): Size {
  return { lengthMm, widthMm, heightMm }
}

const TRAY = tray(300, 180, 5)

/** Below this volume a liver is undersized: the least of the original's three classes of volume (400, 300, 200 cm³). */
const MIN_VOLUME_MM3 = 200_000

function recipe(
  id: string,
  title: string,
  product: Size,
  inTray: Size | undefined,
  { stage = 'raw', minVolumeMm3 = MIN_VOLUME_MM3 }: { stage?: Recipe['stage']; minVolumeMm3?: number } = {},
): Recipe {
  return parseRecipe({
    id,
    revision: 1,
    title,
    deadlineMs: 500,
    stage,
    ...(inTray === undefined ? {} : { tray: inTray }),
    shape: {
      product,
      densityGPerCm3: 0.947,
      limits: { volumeMm3: { min: minVolumeMm3 }, uniformity: { min: 0.2 } },
      defects: {
        foreignBody: { limitMm: 12, criticalMm: 20, points: 0.08 },
        deformation: { limitMm: 12, criticalMm: 20, points: 0.08 },
        edgeDamage: { limitMm: 16, criticalMm: 32, points: 0.08 },
      },
    },
    material: MATERIAL,
    grading: GRADING,
  } satisfies RecipeInput)
}

/** Of the grey tray, in all channels. */
const TRAY_REFLECTANCE = 0.75

/**
 * How the light of each channel changes with the state of the product, and what it and the tray return when both are
 * new: counts at gain 1 in 100 ms, relative changes from best to worst, reflectance of the ideal product.
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

const MATERIAL: NonNullable<RecipeInput['material']> = {
  channels: Object.fromEntries(
    Object.entries(CHANNELS).map(([name, { trayCounts: _, ...row }]) => [name, row]),
  ),
  trayCounts: Object.fromEntries(
    Object.entries(CHANNELS).map(([name, { trayCounts }]) => [name, trayCounts]),
  ),
  trayReflectance: TRAY_REFLECTANCE,
  noise: { counts: 3, relative: 0.0015 },
  defects: {
    hematoma: { limit: 0.12, critical: 0.45, points: 0.2 },
    bile: { limit: 0.12, critical: 0.6, points: 0.25 },
    // What oxidation costs is in the score already.
    oxidation: { limit: 0.4, critical: 1, points: 0 },
    discolouration: { limit: 0.08, critical: 0.25, points: 0.2 },
  },
}

/**
 * The quality classes (premium, good, acceptable, low, defective) have freshness, fat and 1 - oxidation from the same
 * ranges: .90-1, .75-.95, .60-.80, .45-.65, .20-.50. They overlap, so the mean of three tells them apart better than
 * each alone, and the worst of three better still: 0.3 × mean + 0.7 × worst. The cuts and the limits of the defects were
 * chosen on simulated parts, the latter so that a good part's own relief rejects none (docs/analysis.md).
 */
const GRADING: RecipeInput['grading'] = {
  points: { freshness: 0.1, fat: 0.1, oxidation: 0.1, uniformity: 0.1, size: 0.2 },
  weakest: 0.7,
  thresholds: { 'A+': 0.895, A: 0.748, B: 0.594, C: 0.42 },
}

/**
 * The recipes that a new station starts with: the eight of the original system, with what its configuration says of
 * product, tray and quality classes. Rows of the store once they are there; this table is only their first revision.
 */
export const BUILT_IN_RECIPES: readonly Recipe[] = Object.freeze([
  recipe('foiegras_standard_barquette', 'Standard liver in its tray', mould(200, 100, 15), TRAY),
  recipe('foiegras_demo_barquette', 'Demonstration: standard liver, tray', mould(200, 100, 15), TRAY),
  recipe('foiegras_standard_seul', 'Standard liver on the bare belt', mould(200, 100, 15), undefined),
  recipe('foiegras_micuit', 'Mi-cuit', mould(180, 90, 15), tray(280, 160, 4), { stage: 'mi-cuit' }),
  recipe('foiegras_bloc', 'Bloc', mould(150, 120, 20), tray(250, 200, 6), { stage: 'cooked' }),
  // Detail beyond one zone needs the scan of a moving part; a still part is judged as the standard one.
  recipe('foiegras_haute_resolution', 'Standard liver, scanned', mould(200, 100, 15), TRAY),
  recipe('foiegras_irregular', 'Irregular liver', { ...mould(200, 100, 20), heightMm: 62.5 }, TRAY, {
    minVolumeMm3: 150_000,
  }),
  recipe(
    'foiegras_defectueux',
    'Defective liver, for trials',
    { ...mould(200, 100, 15), heightMm: 52.5 },
    TRAY,
    {
      minVolumeMm3: 100_000,
    },
  ),
])
