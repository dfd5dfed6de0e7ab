import { z } from 'zod'

/** What re-deriving needs of a stored inspection; everything else stays as it was stored. */
const stored = z.looseObject({
  id: z.string(),
  epoch: z.string(),
  sequence: z.int().min(1),
  timestamp: z.string(),
  sample_id: z.string(),
  recipe: z.object({ id: z.string(), revision: z.int().min(1) }),
  heads: z.record(z.string(), z.unknown()).optional(),
  verdict: z.looseObject({
    kind: z.enum(['graded', 'ungraded']),
    action: z.enum(['accept', 'reject', 'hold']),
    grade: z.enum(['A+', 'A', 'B', 'C', 'REJECT']).optional(),
    score: z.number().optional(),
    reasons: z.array(z.string()),
    latency_ms: z.number(),
  }),
  provenance: z.looseObject({
    software: z.string(),
    /** Where numbers may differ in their last bits; absent in messages of releases that did not say. */
    architecture: z.string().optional(),
    recipe_sha256: z.string(),
    calibration: z.array(z.string()),
    models: z.record(z.string(), z.string()),
    raw_sha256: z.string(),
  }),
})

/** A stored inspection, parsed as far as it is needed, with all that it holds. */
export type StoredMessage = z.infer<typeof stored>

/** @returns what is wrong with it, as `<field>: <expectation>`, where it is no inspection */
export function readMessage(payload: string): StoredMessage | string {
  let json: unknown
  try {
    json = JSON.parse(payload)
  } catch (error) {
    return `not JSON: ${error instanceof Error ? error.message : String(error)}`
  }
  const parsed = stored.safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  return `${issue?.path.join('.')}: ${issue?.message}`
}
