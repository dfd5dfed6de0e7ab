import * as z from 'zod/mini'

/** Left, top, width and height before it is turned about its middle, px of the picture. */
const box = z.tuple([z.number(), z.number(), z.number(), z.number()])

/** What the page reads of `camera` in `poincon.inspection/1`. */
export const cameraBlock = z.object({
  engravings: z.array(
    z.object({
      symbol: z.optional(z.string()),
      one_of: z.optional(z.array(z.string())),
      text: z.optional(z.string()),
      nearest: z.optional(z.string()),
      confidence: z.number(),
      box,
      rotation_deg: z.number(),
    }),
  ),
  lens_candidates: z.optional(
    z.array(
      z.object({
        lens_id: z.number(),
        supplier: z.string(),
        name: z.string(),
        index: z.optional(z.number()),
        score: z.number(),
      }),
    ),
  ),
  expected: z.optional(
    z.object({
      symbols: z.optional(z.array(z.string())),
      texts: z.optional(z.array(z.string())),
      lens: z.optional(z.object({ supplier: z.string(), name: z.string(), index: z.optional(z.number()) })),
    }),
  ),
  detail: z.optional(z.string()),
  evidence: z.string(),
})
export type CameraBlock = z.infer<typeof cameraBlock>
export type FoundEngraving = CameraBlock['engravings'][number]
