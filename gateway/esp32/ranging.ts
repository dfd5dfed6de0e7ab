import { z } from 'zod'

/** A matrix of zones, row by row. */
function matrix(most: number) {
  const number = z
    .number(`expected a number from 0 to ${most}`)
    .min(0, `expected a number from 0 to ${most}`)
    .max(most, `expected a number from 0 to ${most}`)
  return z
    .array(z.array(number, 'expected rows of numbers').max(8, 'expected rows of 8 numbers, or of 4'), {
      error: 'expected 8 rows of 8 numbers, or 4 of 4',
    })
    .max(8, 'expected 8 rows of 8 numbers, or 4 of 4')
    .refine(isSquare, 'expected 8 rows of 8 numbers, or 4 of 4')
}

function isSquare(rows: readonly (readonly unknown[])[]): boolean {
  return (rows.length === 8 || rows.length === 4) && rows.every((row) => row.length === rows.length)
}

/** The matrices of an old ranging head, in the ranges of facts §6. */
export const OLD_MATRICES = {
  /** mm */
  distance: matrix(4000),
  /** Per cent by the device's generator, 0…255 by the old schema. */
  reflectance: matrix(255),
  amplitude: matrix(4095),
  ambient: matrix(4095),
  status: matrix(255),
} as const

/** What of an old ranging head is kept as raw data. */
export const oldRanging = z
  .object({
    distance: OLD_MATRICES.distance,
    reflectance: OLD_MATRICES.reflectance,
    amplitude: OLD_MATRICES.amplitude,
    ambient: OLD_MATRICES.ambient,
    status: OLD_MATRICES.status.optional(),
    /** What a chip would have said its ranges scatter by. */
    sigma_mm: z.number().positive(),
  })
  .refine(({ sigma_mm: _, ...matrices }) => {
    const [first, ...others] = Object.values(matrices)
    return others.every((rows) => rows === undefined || rows.length === first?.length)
  }, 'expected matrices of one size')
export type OldRanging = z.infer<typeof oldRanging>
