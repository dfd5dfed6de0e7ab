import { z } from 'zod'

const width = z.number().positive()

/** How far each measured value of a golden part may be off its own: half widths, in the unit of the name. */
export const goldenTolerances = z
  .strictObject({
    volume_percent: width.max(100).optional().describe('Of the volume, percent.'),
    mass_percent: width.max(100).optional().describe('Of the mass, percent.'),
    height_mm: width.max(1000).optional().describe('Of the average height, mm.'),
    max_height_mm: width.max(1000).optional().describe('Of the greatest height, mm.'),
    length_mm: width.max(1000).optional().describe('Of the length, mm.'),
    width_mm: width.max(1000).optional().describe('Of the width, mm.'),
    uniformity: width.max(1).optional().describe('Of the surface uniformity, 0 to 1.'),
    delta_e: width.max(100).optional().describe('Colour difference ΔE00 to the golden part’s own colour.'),
    freshness: width.max(1).optional().describe('Of the freshness index, 0 to 1.'),
    fat_quality: width.max(1).optional().describe('Of the fat quality index, 0 to 1.'),
    oxidation: width.max(1).optional().describe('Of the oxidation index, 0 to 1.'),
    score: width.max(1).optional().describe('Of the final score, 0 to 1.'),
  })
  .refine((tolerances) => Object.values(tolerances).some((value) => value !== undefined), {
    error: 'expected at least one tolerance: a check of nothing passes always',
  })
export type GoldenTolerances = z.infer<typeof goldenTolerances>
export type Toleranced = keyof GoldenTolerances

/** `golden` of a recipe: the check of the whole station with a part that is known. */
export const goldenOptions = z
  .strictObject({
    part: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected 1 to 64 of letters, digits, ., _ and -')
      .describe('Name of the golden part: `poincon calibrate golden define --part NAME`.'),
    every_h: z.number().positive().max(8760).optional().describe('A check is due after so many hours.'),
    every_parts: z.int().min(1).max(100_000_000).optional().describe('A check is due after so many parts.'),
    tolerances: goldenTolerances,
    hold: z
      .boolean()
      .default(false)
      .describe('Overdue or failed, no part is graded until a golden part passes; else it is an alert only.'),
  })
  .refine(({ every_h: hours, every_parts: parts }) => hours !== undefined || parts !== undefined, {
    error: 'expected every_h, every_parts or both: else it is never due',
    path: ['every_h'],
  })
export type GoldenOptions = z.infer<typeof goldenOptions>
