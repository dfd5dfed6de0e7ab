import { z } from 'zod'
import { CHANNELS } from '../drivers/as7341/counts.ts'
import { goldenOptions } from './golden-options.ts'
import { ACTIONS } from './inspection.ts'
import { LENS_LIMITS } from './lens.ts'
import { positive, range, size, slug, unit } from './recipe-fields.ts'
import { shape, timeProblem } from './recipe-shape.ts'

const excess = z
  .strictObject({
    limit: positive.describe('Value from which it is reported.'),
    critical: positive.describe('Value of severity 1: the part is rejected.'),
    points: unit.describe('Score lost at severity 1.'),
  })
  .refine((one) => one.limit < one.critical, 'expected limit below critical')

const channel = z.strictObject({
  reference: positive.describe('Basic counts (counts per ms at gain 1) of the reference product.'),
  ageing: z.number().min(-0.99).describe('Relative change from freshness 1 to 0.'),
  oxidation: z.number().min(-0.99).describe('Relative change from oxidation 0 to 1.'),
  fat: z.number().min(-0.99).max(0.99).describe('Relative change from fat quality 1 to 0.'),
})

const labTarget = z
  .strictObject({
    l: z.number().min(0).max(100).describe('CIE L*.'),
    a: z.number().min(-128).max(128).describe('CIE a*.'),
    b: z.number().min(-128).max(128).describe('CIE b*.'),
    limits: z
      .strictObject({
        good: positive.default(2).describe('Up to this colour difference (CIEDE2000) nothing is lost.'),
        acceptable: positive.default(5).describe('From here it is told as `colour_off`, before as `colour`.'),
        critical: positive.default(8).describe('From here all points are lost, and it is `colour_critical`.'),
      })
      .prefault({})
      .refine((one) => one.good < one.acceptable && one.acceptable < one.critical, {
        message: 'expected good < acceptable < critical',
      })
      .describe('Colour difference ΔE00.'),
    points: unit.default(0.1).describe('Score lost at `critical`.'),
    reject: z.boolean().default(false).describe('Whether `critical` rejects the part, whatever it scores.'),
  })
  .describe('The colour that the product should have.')

const material = z.strictObject({
  channels: z
    .partialRecord(z.enum(CHANNELS), channel)
    .refine((channels) => Object.keys(channels).length >= 5, 'expected at least five channels')
    .describe('The channels that are judged. Four unknowns need five of them.'),
  tray_counts: z
    .partialRecord(z.enum(CHANNELS), positive)
    .optional()
    .describe(
      'Basic counts of the empty tray when `reference` was taken; a station’s own tray replaces them.',
    ),
  tray_reflectance: unit
    .default(0.75)
    .describe('Of the empty tray, taken as grey: the white reference until there is a tile.'),
  noise: z
    .strictObject({
      counts: z.number().min(0).default(5).describe('Standard deviation of one channel, raw counts.'),
      relative: z.number().min(0).default(0.004).describe('The same, part of the value: lamp, pose, model.'),
    })
    .prefault({})
    .describe('Noise of a spectrum.'),
  least_counts: z.number().min(1).default(50).describe('A judged channel with less is starved.'),
  uniformity_scale: positive
    .default(0.25)
    .describe('Relative departure from every mixture of the model at which colour uniformity is 0.'),
  lab_target: labTarget.optional(),
  defects: z
    .strictObject({
      hematoma: excess.describe('Too red.'),
      bile: excess.describe('Too green.'),
      oxidation: excess.describe('Too oxidised, 0 to 1.'),
      discolouration: excess.describe('Any other colour.'),
    })
    .describe('Colours that the states of the product do not explain.'),
})

const name = (longest: number) => z.string().trim().min(1).max(longest)
const camera = z.strictObject({
  symbols: z
    .array(name(LENS_LIMITS.symbol))
    .min(1)
    .max(32)
    .optional()
    .describe('Maker’s marks that are right, any of them; absent: any that the gallery knows.'),
  texts: z
    .array(name(LENS_LIMITS.mark))
    .min(1)
    .max(8)
    .optional()
    .describe('Texts that must all be engraved; case, accents and spaces do not count.'),
  lens: z
    .strictObject({
      supplier: name(LENS_LIMITS.supplier).describe('As the catalogue names it.'),
      name: name(LENS_LIMITS.name).describe('The same.'),
      index: z
        .number()
        .min(LENS_LIMITS.indexMin)
        .max(LENS_LIMITS.indexMax)
        .optional()
        .describe('Refractive index; absent: any of that name.'),
    })
    .optional()
    .describe('Lens that it must be, by symbol, texts and index together.'),
  rank: z
    .int()
    .min(1)
    .max(5)
    .default(1)
    .describe(
      'Place among the candidates that `lens` must have at least. 1: it is the likeliest, with `confidence`; more: several lenses of one mark will do.',
    ),
  confidence: unit.default(0.8).describe('A mark that is read with less is not trusted.'),
  text_confidence: unit.default(0.95).describe('The same of a text.'),
})

const label = z.strictObject({
  name: slug.describe('As the findings name it: `<name>_thickness` and so on.'),
  thickness_mm: range.optional().describe('Mean thickness.'),
  delta_e00: range.optional().describe('Colour difference to `material.lab_target`.'),
  oxidation: range.optional().describe('State of the colour model, 0 to 1.'),
  defect_points: range.optional().describe('Score lost to defects: 0.05 is 5 %.'),
  best_grade: z
    .enum(['A', 'B', 'C', 'REJECT'])
    .optional()
    .describe('Best grade of a part that breaks the rule; absent: it is only told.'),
})

const grading = z
  .strictObject({
    points: z
      .strictObject({
        freshness: unit.describe('Freshness 0.'),
        fat: unit.describe('Fat quality 0.'),
        oxidation: unit.describe('Oxidation 1.'),
        uniformity: unit.describe('Uniformity all of its limit below it.'),
        size: unit.describe('A size `limit_tolerance` outside its limit.'),
      })
      .describe('Score that a measure costs when it is as bad as it can be.'),
    weakest: unit.describe('Score that the worst of freshness, fat and oxidation costs on top.'),
    thresholds: z
      .strictObject({
        'A+': unit.describe('Least score of an A+.'),
        A: unit.describe('Of an A.'),
        B: unit.describe('Of a B.'),
        C: unit.describe('Of a C.'),
      })
      .refine((t) => t['A+'] > t.A && t.A > t.B && t.B > t.C, 'expected A+ > A > B > C')
      .describe('Least score of each grade; below C is REJECT.'),
  })
  .describe('score = 1 - points lost; one threshold table decides.')

const percent = z.number().min(0).max(100)
const shareOf = (what: string) =>
  z
    .strictObject({
      target: percent.describe('What is aimed at, %.'),
      most: percent.describe('More is bad, %.'),
    })
    .refine((k) => k.target < k.most, 'expected target below most')
    .describe(what)
const kpi = z.strictObject({
  conformity_percent: z
    .strictObject({
      least: percent.describe('Less is bad, %.'),
      target: percent.describe('What is aimed at, %.'),
      excellent: percent.describe('From here it is very good, %.'),
    })
    .refine((k) => k.least < k.target && k.target < k.excellent, 'expected least < target < excellent')
    .describe('Parts that are not graded REJECT, of all graded.'),
  downgrade_percent: shareOf('Parts graded B or C, of all graded.'),
  reject_percent: shareOf('Parts rejected for whatever reason, of all.'),
  parts_per_h: z
    .strictObject({
      least: positive.describe('Less is bad, parts an hour.'),
      target: positive.describe('What is aimed at, parts an hour.'),
    })
    .refine((k) => k.least < k.target, 'expected least below target')
    .describe('Cadence.'),
})

const action = z.enum(ACTIONS)

/** A recipe as JSON and YAML carry it. */
export const recipeSchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^[a-z0-9_-]{1,64}$/, 'expected 1 to 64 of a-z, 0-9, _ and -')
      .describe('Its name for machines.'),
    revision: z.int().min(1).describe('Which state of it. The store counts: a change is the next revision.'),
    title: z.string().max(200).optional().describe('Its name for people.'),
    deadline_ms: z.number().positive().max(60_000).default(500).describe('From the trigger to the gate.'),
    stage: z
      .enum(['raw', 'mi-cuit', 'cooked', 'none'])
      .describe('What a reference says of one stage says nothing of another; `none`: it has no stages.'),
    tray: z.strictObject(size).optional().describe('What the part lies in; absent: on the belt.'),
    shape: shape.optional().describe('Judged by the ranging head; absent: shape is not judged.'),
    material: material.optional().describe('Judged by the spectral head; absent: colour is not judged.'),
    camera: camera
      .optional()
      .describe('Judged by the camera, `{}`: its mark must be known. Absent: no picture is taken.'),
    labels: z
      .array(label)
      .max(8)
      .optional()
      .describe(
        'Rules of labels, as far as the heads can know them. What a recipe does not judge is not kept.',
      ),
    grading,
    actions: z
      .strictObject({
        'A+': action.default('accept').describe('What is done with such a part.'),
        A: action.default('accept').describe('The same.'),
        B: action.default('accept').describe('The same.'),
        C: action.default('accept').describe('The same.'),
        REJECT: z.enum(['reject', 'hold']).default('reject').describe('The same: never accepted.'),
        ungraded: z
          .enum(['reject', 'hold'])
          .default('reject')
          .describe('Evidence is missing: never accepted.'),
      })
      .prefault({})
      .describe('What is done with a part.'),
    kpi: kpi.optional().describe('What a lot is held against.'),
    golden: goldenOptions.optional().describe('The golden part: absent: none is asked for.'),
    calibrations: z
      .strictObject({
        needs: z
          .array(z.enum(['offset', 'crosstalk', 'dark', 'white']))
          .max(4)
          .default([])
          .describe('Must have been taken, and hold. An empty tray is needed wherever shape is judged.'),
        hold: z
          .boolean()
          .default(false)
          .describe(
            'While one of these is not there, or any that was in force has run out, no part is graded; else it is an alert only.',
          ),
      })
      .optional()
      .describe('What the heads must be calibrated with; absent: nothing but the empty tray.'),
    first_part: z
      .boolean()
      .default(false)
      .describe('After a changeover the first good part is held until a person has seen it.'),
  })
  .refine(
    (recipe) => recipe.shape !== undefined || recipe.material !== undefined || recipe.camera !== undefined,
    {
      message: 'expected shape, material or camera: a recipe that judges nothing grades everything',
      path: ['shape'],
    },
  )
  .refine(
    ({ shape: s, tray }) =>
      s?.fill === undefined ||
      s.fill.height_mm !== undefined ||
      s.fill.volume_mm3 !== undefined ||
      tray !== undefined,
    { message: 'expected height_mm or volume_mm3 where there is no tray to fill', path: ['shape', 'fill'] },
  )
  .refine(({ shape: s }) => s?.histograms === undefined || s.scan === undefined, {
    message: 'expected no histograms beside scan: they are read of a part that stands still',
    path: ['shape', 'histograms'],
  })
  .superRefine((recipe, context) => {
    const problem = timeProblem(recipe.shape, recipe.deadline_ms)
    if (problem !== undefined) context.addIssue({ code: 'custom', ...problem })
  })
