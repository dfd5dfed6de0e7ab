import { z } from 'zod'

/** What the station does so that others can check its log. */
export const proofOptions = z.strictObject({
  checkpoint_inspections: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(1000)
    .describe('The chain is signed at the latest after so many inspections.'),
  checkpoint_minutes: z
    .number()
    .min(0.1)
    .max(1440)
    .default(10)
    .describe('The chain is signed at the latest after this, where anything was inspected, min.'),
  label_url: z
    .url({ protocol: /^https?$/ })
    .max(200)
    .optional()
    .describe('What the codes on labels lead to: the address of this station as a phone reaches it.'),
})
export type ProofOptions = Readonly<z.infer<typeof proofOptions>>
