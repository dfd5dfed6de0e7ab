import { z } from 'zod'
import { CHANNELS } from '../drivers/as7341/counts.ts'
import { goldenOptions } from './golden-options.ts'
import { ACTIONS } from './inspection.ts'

const unit = z.number().min(0).max(1)
const positive = z.number().positive()
const slug = z.string().regex(/^[a-z0-9_]{1,32}$/, 'expected 1 to 32 of a-z, 0-9 and _')
const size = {
  length_mm: positive.max(2000).describe('The longer side, mm.'),
  width_mm: positive.max(2000).describe('The shorter side, mm.'),
  height_mm: positive.max(1000).describe('Height, of a tray that of its rim, mm.'),
}

/** The chip's most frames a second at 8×8 zones (VL53L8CH datasheet DS14310): a look takes no less. */
const LOOKS_PER_S = 15

const conformity = z
  .number()
  .min(0.5)
  .max(0.9999)
  .optional()
  .describe(
    'Probability of keeping the limit that a part must show (guard band of JCGM 106, ISO 14253-1); absent: the estimate alone decides.',
  )

const bounds = {
  min: z.number().min(0).optional().describe('Least allowed.'),
  max: positive.optional().describe('Most allowed.'),
  conformity,
}
const inOrder = ({ min, max }: { min?: number | undefined; max?: number | undefined }): boolean =>
  min === undefined || max === undefined || min < max
const range = z.strictObject(bounds).refine(inOrder, 'expected min below max')
const limit = z
  .strictObject({
    ...bounds,
    legal: z
      .boolean()
      .optional()
      .describe('The law asks for it: outside, the part is REJECT, whatever it scores.'),
  })
  .refine(inOrder, 'expected min below max')

const depth = z
  .strictObject({
    limit_mm: positive.describe('Smallest deviation that is reported, however quiet the sensor.'),
    critical_mm: positive.describe(
      'Deviation of severity 1: the part is rejected, whatever else it is worth.',
    ),
    points: unit.describe('Score lost at severity 1.'),
  })
  .refine((one) => one.limit_mm < one.critical_mm, 'expected limit_mm below critical_mm')

const excess = z
  .strictObject({
    limit: positive.describe('Value from which it is reported.'),
    critical: positive.describe('Value of severity 1: the part is rejected.'),
    points: unit.describe('Score lost at severity 1.'),
  })
  .refine((one) => one.limit < one.critical, 'expected limit below critical')

const thickness = z
  .strictObject({
    classes: z
      .array(
        z
          .strictObject({
            name: slug.describe('As the finding names it: `thickness_<name>`.'),
            min_mm: z.number().min(0).describe('Mean thickness from which a part is of this class.'),
            max_mm: positive.describe('From here it is not.'),
            points: unit.default(0).describe('Score that a part of this class loses.'),
          })
          .refine((one) => one.min_mm < one.max_mm, 'expected min_mm below max_mm'),
      )
      .min(1)
      .max(16)
      .refine(
        (classes) => classes.every((one, at) => at === 0 || one.max_mm <= (classes[at - 1]?.min_mm ?? 0)),
        'expected classes from thick to thin that do not overlap',
      )
      .describe('Thickest first.'),
    outside_points: unit.default(0).describe('Score that a part of no class loses.'),
  })
  .describe('Mean thickness: volume over the area that the part covers.')

const fill = z
  .strictObject({
    height_mm: positive
      .optional()
      .describe('Mean height over the bottom of the tray that is 100 %; absent: volume is compared.'),
    volume_mm3: positive
      .optional()
      .describe('Volume that is 100 %; absent as well: the tray to its rim, length × width × height.'),
    min_percent: z.number().min(0).default(92).describe('Least allowed.'),
    max_percent: positive.default(108).describe('Most allowed.'),
    conformity,
    points: unit.default(0.05).describe('Score lost `limit_tolerance` outside.'),
  })
  .refine((one) => one.min_percent < one.max_percent, 'expected min_percent below max_percent')
  .refine(
    (one) => one.height_mm === undefined || one.volume_mm3 === undefined,
    'expected height_mm or volume_mm3, not both',
  )

const scan = z.strictObject({
  mm_per_s: positive.max(5000).describe('Speed of the belt under the head.'),
  travel_mm: positive.max(5000).describe('Belt travel from the trigger to the last look.'),
  direction_deg: z
    .number()
    .min(-180)
    .max(180)
    .default(0)
    .describe('From the way the zones’ columns grow to the way the belt runs, towards the rows.'),
  speed_spread: positive
    .max(0.2)
    .default(0.02)
    .describe(
      'Relative standard deviation of the travel that the looks are told: 0.001 by an encoder, 0.02 by a nominal speed.',
    ),
})

const shape = z.strictObject({
  product: z.strictObject(size).describe('Size of the body itself, not of the mould.'),
  size_spread: z
    .number()
    .min(0.02)
    .max(2)
    .default(0.35)
    .describe('Relative standard deviation of length, width and height that the recipe expects.'),
  density_g_per_cm3: positive.max(25).describe('Mass is volume times this.'),
  density_std_g_per_cm3: z
    .number()
    .min(0)
    .max(5)
    .default(0)
    .describe('Its standard uncertainty from part to part.'),
  presence_mm: positive.default(8).describe('What stands less high over the tray is no part.'),
  texture_mm: z
    .number()
    .min(0)
    .default(1)
    .describe('Relief of a good part, as one zone sees it, standard deviation.'),
  uniformity_scale_mm: positive.default(12.5).describe('Relief at which the uniformity is 0.'),
  frames: z
    .int()
    .min(1)
    .max(15)
    .default(5)
    .describe('Looks at a part that stands still; each takes at least 67 ms of the deadline.'),
  scan: scan
    .optional()
    .describe('The part is looked at while it passes; absent: it stands still for `frames` looks.'),
  limits: z
    .strictObject({
      volume_mm3: limit.optional().describe('Volume.'),
      mass_g: limit.optional().describe('Net mass.'),
      max_height_mm: limit.optional().describe('Highest point over the tray.'),
      uniformity: limit.optional().describe('Smoothness of the surface, 0 to 1.'),
    })
    .default({})
    .describe('Leaving one costs up to `points.size` (uniformity: `points.uniformity`).'),
  limit_tolerance: positive
    .max(1)
    .default(0.25)
    .describe('A size this far (relative) outside its limit has lost all its points.'),
  thickness: thickness.optional(),
  fill: fill.optional().describe('How full the tray is.'),
  defects: z
    .strictObject({
      foreign_body: depth.describe('Stands out of the surface.'),
      deformation: depth.describe('A dent.'),
      edge_damage: depth.describe('Something is missing at the edge.'),
    })
    .describe('Departures from the smooth body.'),
})

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

const camera = z.strictObject({})

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
      .describe('Judged by the camera too, `{}`: its parts stay ungraded. Absent: nothing is looked for.'),
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
  .superRefine((recipe, context) => {
    const problem = timeProblem(recipe.shape, recipe.deadline_ms)
    if (problem !== undefined) context.addIssue({ code: 'custom', ...problem })
  })

interface SchemaProblem {
  readonly input: unknown
  readonly message: string
  readonly path: (string | number)[]
}

/** A part must be seen before its deadline. */
function timeProblem(judged: z.infer<typeof shape> | undefined, deadline: number): SchemaProblem | undefined {
  if (judged === undefined) return undefined
  const { frames, scan: passing } = judged
  const lookMs = 1000 / LOOKS_PER_S
  const needed =
    passing === undefined ? frames * lookMs : (1000 * passing.travel_mm) / passing.mm_per_s + lookMs
  if (deadline >= needed) return undefined
  const by = passing === undefined ? `${frames} looks` : `${passing.travel_mm} mm of travel`
  const message = `expected at least ${Math.ceil(needed)}: ${by} take as long`
  return { input: deadline, message, path: ['deadline_ms'] }
}
