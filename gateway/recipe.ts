import { z } from 'zod'
import { CHANNELS } from '../drivers/as7341/counts.ts'
import { ACTIONS } from './inspection.ts'
import { deepFreeze, problemsOf } from './problems.ts'

const unit = z.number().min(0).max(1)
const positive = z.number().positive()
const size = { lengthMm: positive.max(2000), widthMm: positive.max(2000), heightMm: positive.max(1000) }

const range = z
  .strictObject({ min: z.number().min(0).optional(), max: positive.optional() })
  .refine(({ min, max }) => min === undefined || max === undefined || min < max, 'expected min below max')

const depth = z
  .strictObject({
    limitMm: positive.describe('Smallest deviation that is reported, however quiet the sensor.'),
    criticalMm: positive.describe(
      'Deviation of severity 1: the part is rejected, whatever else it is worth.',
    ),
    points: unit.describe('Score lost at severity 1.'),
  })
  .refine(({ limitMm, criticalMm }) => limitMm < criticalMm, 'expected limitMm below criticalMm')

const excess = z
  .strictObject({
    limit: positive.describe('Value from which it is reported.'),
    critical: positive.describe('Value of severity 1: the part is rejected.'),
    points: unit.describe('Score lost at severity 1.'),
  })
  .refine(({ limit, critical }) => limit < critical, 'expected limit below critical')

const shape = z.strictObject({
  product: z.strictObject(size).describe('Size of the body itself, not of the mould.'),
  sizeSpread: z
    .number()
    .min(0.02)
    .max(2)
    .default(0.35)
    .describe('Relative standard deviation of length, width and height that the recipe expects.'),
  densityGPerCm3: positive.max(25).describe('Mass is volume times this.'),
  presenceMm: positive.default(8).describe('What stands less high over the tray is no part.'),
  textureMm: z
    .number()
    .min(0)
    .default(1)
    .describe('Relief of a good part, as one zone sees it, standard deviation.'),
  uniformityScaleMm: positive.default(12.5).describe('Relief at which the uniformity is 0.'),
  limits: z
    .strictObject({
      volumeMm3: range.optional(),
      massG: range.optional(),
      maxHeightMm: range.optional(),
      uniformity: range.optional(),
    })
    .default({})
    .describe('Leaving one costs up to `points.size` (uniformity: `points.uniformity`).'),
  limitTolerance: positive
    .max(1)
    .default(0.25)
    .describe('A size this far (relative) outside its limit has lost all its points.'),
  defects: z.strictObject({ foreignBody: depth, deformation: depth, edgeDamage: depth }),
})

const channel = z.strictObject({
  reference: positive.describe('Basic counts (counts per ms at gain 1) of the reference product.'),
  ageing: z.number().min(-0.99).describe('Relative change from freshness 1 to 0.'),
  oxidation: z.number().min(-0.99).describe('Relative change from oxidation 0 to 1.'),
  fat: z.number().min(-0.99).max(0.99).describe('Relative change from fat quality 1 to 0.'),
})

const material = z.strictObject({
  channels: z
    .partialRecord(z.enum(CHANNELS), channel)
    .refine((channels) => Object.keys(channels).length >= 5, 'expected at least five channels')
    .describe('The channels that are judged. Four unknowns need five of them.'),
  trayCounts: z
    .partialRecord(z.enum(CHANNELS), positive)
    .optional()
    .describe(
      'Basic counts of the empty tray when `reference` was taken; a station’s own tray replaces them.',
    ),
  trayReflectance: unit
    .default(0.75)
    .describe('Of the empty tray, taken as grey: the white reference until there is a tile.'),
  noise: z
    .strictObject({
      counts: z.number().min(0).default(5).describe('Standard deviation of one channel, raw counts.'),
      relative: z.number().min(0).default(0.004).describe('The same, part of the value: lamp, pose, model.'),
    })
    .prefault({}),
  leastCounts: z.number().min(1).default(50).describe('A judged channel with less is starved.'),
  uniformityScale: positive
    .default(0.25)
    .describe('Relative departure from every mixture of the model at which colour uniformity is 0.'),
  defects: z.strictObject({ hematoma: excess, bile: excess, oxidation: excess, discolouration: excess }),
})

const grading = z
  .strictObject({
    points: z
      .strictObject({
        freshness: unit,
        fat: unit,
        oxidation: unit,
        uniformity: unit,
        size: unit,
      })
      .describe('Score that a measure costs when it is as bad as it can be.'),
    weakest: unit.describe('Score that the worst of freshness, fat and oxidation costs on top.'),
    thresholds: z
      .strictObject({ 'A+': unit, A: unit, B: unit, C: unit })
      .refine((t) => t['A+'] > t.A && t.A > t.B && t.B > t.C, 'expected A+ > A > B > C')
      .describe('Least score of each grade; below C is REJECT.'),
  })
  .describe('score = 1 - points lost; one threshold table decides.')

const action = z.enum(ACTIONS)

export const recipeSchema = z
  .strictObject({
    id: z.string().regex(/^[a-z0-9_-]{1,64}$/, 'expected 1 to 64 of a-z, 0-9, _ and -'),
    revision: z.int().min(1),
    title: z.string().max(200).optional(),
    deadlineMs: z.number().positive().max(60_000).default(500).describe('From the trigger to the gate.'),
    stage: z
      .enum(['raw', 'mi-cuit', 'cooked'])
      .describe('What a reference says of one stage says nothing of another.'),
    tray: z.strictObject(size).optional().describe('What the part lies in; absent: on the belt.'),
    shape: shape.optional().describe('Judged by the ranging head; absent: shape is not judged.'),
    material: material.optional().describe('Judged by the spectral head; absent: colour is not judged.'),
    grading,
    actions: z
      .strictObject({
        'A+': action.default('accept'),
        A: action.default('accept'),
        B: action.default('accept'),
        C: action.default('accept'),
        REJECT: z.enum(['reject', 'hold']).default('reject'),
        ungraded: z.enum(['reject', 'hold']).default('reject'),
      })
      .prefault({}),
  })
  .refine((recipe) => recipe.shape !== undefined || recipe.material !== undefined, {
    message: 'expected shape, material or both: a recipe that judges nothing grades everything',
    path: ['shape'],
  })

/** What is made, and when it is good. Data: revised, never edited in place. */
export type Recipe = z.infer<typeof recipeSchema>
export type RecipeInput = z.input<typeof recipeSchema>
export type ShapeRecipe = NonNullable<Recipe['shape']>
export type MaterialRecipe = NonNullable<Recipe['material']>

/** One thing that is wrong with a recipe. */
export interface RecipeProblem {
  /** Keys from the root, e.g. `grading.thresholds.A+`. */
  readonly path: string
  readonly value: unknown
  readonly expectation: string
}

/** A recipe that cannot be used; what it says is for the person who wrote it. */
export class RecipeError extends Error {
  override readonly name = 'RecipeError'
  readonly problems: readonly RecipeProblem[]

  constructor(problems: readonly RecipeProblem[]) {
    super(problems.map(describe).join('; '))
    this.problems = problems
  }
}

/**
 * @param input a recipe as YAML or JSON gave it
 * @returns the recipe with its defaults, frozen to the bottom
 * @throws RecipeError naming path, value and expectation of everything that is wrong
 */
export function parseRecipe(input: unknown): Recipe {
  const parsed = recipeSchema.safeParse(input, { reportInput: true })
  if (!parsed.success) {
    const problems = problemsOf(parsed.error)
    throw new RecipeError(problems.map((problem) => ({ ...problem, path: problem.path.join('.') })))
  }
  return deepFreeze(parsed.data)
}

function describe({ path, value, expectation }: RecipeProblem): string {
  return `${path === '' ? 'recipe' : path}: ${JSON.stringify(value) ?? 'missing'}: ${expectation}`
}
