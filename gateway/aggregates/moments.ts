import { z } from 'zod'

/** Count, mean and spread of a measure, in constant room. */
export const moments = z.object({
  count: z.int().min(0),
  mean: z.number(),
  /** Sum of the squared deviations from the mean. */
  m2: z.number().min(0),
  min: z.number(),
  max: z.number(),
})
export type Moments = Readonly<z.infer<typeof moments>>

/** Of one value, finite. */
export function momentsOf(value: number): Moments {
  return { count: 1, mean: value, m2: 0, min: value, max: value }
}

/** Both together: Chan, Golub, LeVeque, Stanford STAN-CS-79-773 (1979), eq. 2.1; of one value it is Welford's (1962). */
export function mergeMoments(a: Moments, b: Moments): Moments {
  if (a.count === 0) return b
  if (b.count === 0) return a
  const count = a.count + b.count
  const delta = b.mean - a.mean
  return {
    count,
    mean: a.mean + delta * (b.count / count),
    m2: a.m2 + b.m2 + delta * delta * ((a.count * b.count) / count),
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
  }
}

/** Sample standard deviation, n - 1; undefined of fewer than two values. */
export function deviationOf({ count, m2 }: Moments): number | undefined {
  return count < 2 ? undefined : Math.sqrt(m2 / (count - 1))
}
