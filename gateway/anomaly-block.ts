import { z } from 'zod'

/** What the message says of a part's strangeness. Advice: no grade and no action follows from it. */
export const anomalyBlock = z.object({
  score: z
    .number()
    .min(0)
    .max(1)
    .describe('Probability that a good part is at least as strange: 1 is ordinary, 0.001 one in a thousand.'),
  features: z
    .array(
      z.object({
        name: z.string().describe('What was measured, e.g. `max_height`.'),
        value: z.number().describe('What it was.'),
        expected: z.number().describe('What the other features of this part let expect.'),
        share: z.number().min(0).max(1).describe('Of what makes the part strange.'),
      }),
    )
    .describe('What makes it strange, the most first.'),
  model: z.string().describe('`sha256:…` of the model of good parts.'),
})
export type AnomalyBlock = z.infer<typeof anomalyBlock>
