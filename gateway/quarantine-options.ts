import { z } from 'zod'

/** `quarantine` of `poincon.yaml`. */
export const quarantineOptions = z.strictObject({
  attempts: z
    .int()
    .min(1)
    .max(100)
    .default(3)
    .describe('Refusals of one inspection, one after the other, until it is set aside.'),
  in_a_row: z
    .int()
    .min(1)
    .max(10_000)
    .default(10)
    .describe(
      'So many set aside with none delivered between them: the receiver is at fault, and the sink waits.',
    ),
  most: z
    .int()
    .min(1)
    .max(100_000)
    .default(1000)
    .describe('Inspections set aside for one sink at most; then it waits until somebody has looked at them.'),
})
export type QuarantineOptions = Readonly<z.infer<typeof quarantineOptions>>
