import { parseRecipe, type Recipe, type RecipeInput } from '../recipe.ts'
import { FOIE_GRAS_MATERIAL } from './foie-gras-material.ts'

type ShapeInput = NonNullable<RecipeInput['shape']>
type Size = ShapeInput['product']

/** The body that a mould of this length and width makes: smaller by the margin, 80 mm high. */
function mould(length: number, width: number, marginPercent: number): Size {
  const share = 1 - marginPercent / 100
  return { length_mm: length * share, width_mm: width * share, height_mm: 80 }
}

function box(length_mm: number, width_mm: number, height_mm: number): Size {
  return { length_mm, width_mm, height_mm }
}

const TRAY = box(300, 180, 5)

/** Below this volume a liver is undersized: the least of the original's three classes of volume (400, 300, 200 cm³). */
const MIN_VOLUME_MM3 = 200_000

/**
 * Least net weight of a whole raw liver that may be sold as foie gras, g: Commission Regulation (EC) No 543/2008,
 * Article 1, point 3. A liver of the goose is another product: copy the recipe and take this number.
 */
export const LEAST_NET_MASS_G = { duck: 300, goose: 400 } as const
const WHOLE_DUCK_LIVER: ShapeInput['limits'] = { mass_g: { min: LEAST_NET_MASS_G.duck, legal: true } }

/** The original's classes of thickness (its quality references), of the mean over the base. Beyond 60 mm it had none. */
const THICKNESS: ShapeInput['thickness'] = {
  classes: [
    { name: 'extra', min_mm: 45, max_mm: 60 },
    { name: 'premier', min_mm: 35, max_mm: 45, points: 0.02 },
    { name: 'deuxieme', min_mm: 25, max_mm: 35, points: 0.05 },
  ],
  outside_points: 0.1,
}

/**
 * What of two labels the heads can know. Both also ask for a share of fat (50 and 52 %), and that ten channels of light
 * cannot say: a part that keeps these rules may be sent on to a laboratory, it is not certified.
 */
const LABELS: RecipeInput['labels'] = [
  { name: 'igp', oxidation: { max: 0.2 } },
  { name: 'label_rouge', thickness_mm: { min: 40 }, delta_e00: { max: 5 }, defect_points: { max: 0.05 } },
]

/** The original's targets of a lot. */
const KPI: NonNullable<RecipeInput['kpi']> = {
  conformity_percent: { least: 97, target: 98, excellent: 99 },
  downgrade_percent: { target: 5, most: 10 },
  reject_percent: { target: 2, most: 5 },
  parts_per_h: { least: 60, target: 100 },
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

/** What makes one foie gras recipe another. */
interface Product {
  readonly product: Size
  readonly tray?: Size
  readonly stage?: Recipe['stage']
  readonly minVolumeMm3?: number
  readonly shape?: Partial<ShapeInput>
  readonly change?: Partial<RecipeInput>
}

function foieGras(id: string, title: string, made: Product): Recipe {
  const { product, tray, stage = 'raw', minVolumeMm3 = MIN_VOLUME_MM3, shape, change } = made
  return parseRecipe({
    id: `foiegras_${id}`,
    revision: 1,
    title,
    stage,
    ...(tray === undefined ? {} : { tray }),
    material: FOIE_GRAS_MATERIAL,
    grading: GRADING,
    kpi: KPI,
    ...change,
    shape: {
      product,
      density_g_per_cm3: 0.947,
      // The original's own figures scatter so: .947 and .95 for the liver (Int. J. Food Prop. 2016: .928 to .95).
      density_std_g_per_cm3: 0.005,
      // The relief that the original's bodies have, as a zone sees it: smoother, and good parts look damaged.
      texture_mm: 1.8,
      defects: {
        foreign_body: { limit_mm: 12, critical_mm: 20, points: 0.08 },
        deformation: { limit_mm: 12, critical_mm: 20, points: 0.08 },
        edge_damage: { limit_mm: 16, critical_mm: 32, points: 0.08 },
      },
      ...shape,
      limits: { volume_mm3: { min: minVolumeMm3 }, uniformity: { min: 0.2 }, ...shape?.limits },
    },
  } satisfies RecipeInput)
}

const RAW_LIVER = mould(200, 100, 15)
const GRADED_LIVER = { limits: WHOLE_DUCK_LIVER, thickness: THICKNESS }
/** Half an ellipsoid is two thirds as high as its top in the mean: what these moulds give when they are full. */
const FULL_MOULD: Partial<ShapeInput> = { fill: { height_mm: (2 / 3) * 80, points: 0.02 } }

/** The marks on a lens are the camera's to read; no other head says anything about it, so none is asked. */
const LENS = parseRecipe({
  id: 'lens_engraving',
  revision: 1,
  title: 'Lens: its engraving',
  stage: 'none',
  camera: {},
  grading: GRADING,
  // What could not be read a person reads.
  actions: { ungraded: 'hold' },
} satisfies RecipeInput)

/**
 * The recipes that a new station starts with: the eight of the original system, with what its configuration says of
 * product, tray and quality classes, and one for lenses. Rows of the store once they are there.
 */
export const BUILT_IN_RECIPES: readonly Recipe[] = Object.freeze([
  foieGras('standard_barquette', 'Standard liver in its tray', {
    product: RAW_LIVER,
    tray: TRAY,
    shape: GRADED_LIVER,
    change: { labels: LABELS },
  }),
  foieGras('demo_barquette', 'Demonstration: standard liver, tray', { product: RAW_LIVER, tray: TRAY }),
  foieGras('standard_seul', 'Standard liver on the bare belt', {
    product: RAW_LIVER,
    shape: GRADED_LIVER,
    change: { labels: LABELS },
  }),
  foieGras('micuit', 'Mi-cuit', {
    product: mould(180, 90, 15),
    tray: box(280, 160, 4),
    stage: 'mi-cuit',
    shape: FULL_MOULD,
  }),
  foieGras('bloc', 'Bloc', {
    product: mould(150, 120, 20),
    tray: box(250, 200, 6),
    stage: 'cooked',
    shape: FULL_MOULD,
  }),
  foieGras('haute_resolution', 'Standard liver, scanned on the belt', {
    product: RAW_LIVER,
    tray: TRAY,
    // Its middle passes below the head half-way: the trigger stands 300 mm before it. At 320 mm distance the field is
    // 265 mm long, so that a part of 170 mm is out of it at either end.
    shape: { ...GRADED_LIVER, scan: { mm_per_s: 100, travel_mm: 600 } },
    change: { labels: LABELS, deadline_ms: 7000 },
  }),
  // Lobes and pieces: the law's least weight is one of whole livers, and so are the classes of thickness.
  foieGras('irregular', 'Irregular liver: lobes and pieces', {
    product: { ...mould(200, 100, 20), height_mm: 62.5 },
    tray: TRAY,
    minVolumeMm3: 150_000,
  }),
  foieGras('defectueux', 'Defective liver, for trials', {
    product: { ...RAW_LIVER, height_mm: 52.5 },
    tray: TRAY,
    minVolumeMm3: 100_000,
  }),
  LENS,
])
