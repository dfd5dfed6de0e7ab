import { z } from 'zod'

/** A number of the vectors: strict JSON has no NaN and no infinities, they travel as strings (facts §12). */
export const number = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)])
