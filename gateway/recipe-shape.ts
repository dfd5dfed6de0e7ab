import { z } from 'zod'
import { conformity, limit, positive, range, size, slug, unit } from './recipe-fields.ts'

/** The chip's most frames a second at 8×8 zones (VL53L8CH datasheet DS14310): a look takes no less. */
const LOOKS_PER_S = 15

const depth = z
  .strictObject({
    limit_mm: positive.describe('Smallest deviation that is reported, however quiet the sensor.'),
    critical_mm: positive.describe(
      'Deviation of severity 1: the part is rejected, whatever else it is worth.',
    ),
    points: unit.describe('Score lost at severity 1.'),
  })
  .refine((one) => one.limit_mm < one.critical_mm, 'expected limit_mm below critical_mm')

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

const histograms = z
  .strictObject({
    width_mm: range.optional().describe('Width of the echo at half height, mm; a plain one has about 220.'),
    texture: range
      .optional()
      .describe('Departure of the echo from its plain form, 0 to 1: several surfaces in one footprint.'),
    tail: range
      .optional()
      .describe('Light in the 375 mm behind the echo, as a share of it: gross scatter below the surface.'),
    second_echo: range
      .optional()
      .describe('Light of another surface at least 375 mm away, as a share of the first.'),
    points: unit.default(0.1).describe('Score lost for each that is left.'),
    reject: z.boolean().default(false).describe('Whether leaving one rejects the part, whatever it scores.'),
  })
  .refine(
    (one) => [one.width_mm, one.texture, one.tail, one.second_echo].some((figure) => figure !== undefined),
    'expected width_mm, texture, tail or second_echo',
  )

/** What the ranging head judges. */
export const shape = z.strictObject({
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
  histograms: histograms
    .optional()
    .describe('Judged by the histograms of a ranging head that takes them; without them it is ungraded.'),
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

interface SchemaProblem {
  readonly input: unknown
  readonly message: string
  readonly path: (string | number)[]
}

/** A part must be seen before its deadline. */
export function timeProblem(
  judged: z.infer<typeof shape> | undefined,
  deadline: number,
): SchemaProblem | undefined {
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
