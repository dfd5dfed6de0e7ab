import { z } from 'zod'
import { PROVIDERS } from './providers.ts'

/** `vision` of `poincon.yaml`. */
export const visionOptions = z.strictObject({
  providers: z
    .array(z.enum(PROVIDERS))
    .min(1)
    .default(['cpu'])
    .describe(
      'What computes the networks, tried in this order; the processor is the last resort in any case.',
    ),
  threads: z.int().min(1).max(64).default(1).describe('Of the processor, for one network.'),
})
