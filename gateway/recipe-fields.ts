import { z } from 'zod'

// What several parts of a recipe are written with.

export const unit = z.number().min(0).max(1)
export const positive = z.number().positive()
export const slug = z.string().regex(/^[a-z0-9_]{1,32}$/, 'expected 1 to 32 of a-z, 0-9 and _')
export const size = {
  length_mm: positive.max(2000).describe('The longer side, mm.'),
  width_mm: positive.max(2000).describe('The shorter side, mm.'),
  height_mm: positive.max(1000).describe('Height, of a tray that of its rim, mm.'),
}

export const conformity = z
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
export const range = z.strictObject(bounds).refine(inOrder, 'expected min below max')
export const limit = z
  .strictObject({
    ...bounds,
    legal: z
      .boolean()
      .optional()
      .describe('The law asks for it: outside, the part is REJECT, whatever it scores.'),
  })
  .refine(inOrder, 'expected min below max')
