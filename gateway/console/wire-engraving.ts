import * as z from 'zod/mini'

const candidate = z.object({ symbol: z.string(), similarity: z.number() })
const common = { candidates: z.array(candidate), gallery: z.object({ symbols: z.number() }) }

const match = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('known'), symbol: z.string(), confidence: z.number(), ...common }),
  z.object({ kind: z.literal('one-of'), symbols: z.array(z.string()), confidence: z.number(), ...common }),
  z.object({ kind: z.literal('unknown'), ...common }),
  z.object({ kind: z.literal('blank'), ...common }),
])
/** What the gateway says that a picture shows. */
export type Match = z.infer<typeof match>
export type Candidate = Match['candidates'][number]

const symbols = z.object({
  symbols: z.array(
    z.object({
      symbol: z.string(),
      tags: z.array(z.string()),
      examples: z.number(),
      first_at: z.string(),
      lenses: z.number(),
    }),
  ),
})
export type SymbolEntry = z.infer<typeof symbols>['symbols'][number]

const enrolled = z.object({
  symbol: z.string(),
  added: z.boolean(),
  examples: z.number(),
  tags: z.array(z.string()),
})
export type Enrolled = z.infer<typeof enrolled>

const conflict = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('existing'), examples: z.number() }),
  z.object({ kind: z.literal('similar'), symbol: z.string(), similarity: z.number() }),
])
export type Conflict = z.infer<typeof conflict>

const problem = z.object({
  status: z.number(),
  detail: z.optional(z.string()),
  fault: z.optional(z.string()),
  conflicts: z.optional(z.array(conflict)),
})
/** Why the gateway did not do what it was asked. */
export type Problem = z.infer<typeof problem>

const lens = z.object({
  id: z.number(),
  supplier: z.string(),
  name: z.string(),
  index: z.optional(z.number()),
  material: z.optional(z.string()),
  material_trade: z.optional(z.string()),
  treatments: z.array(z.string()),
  marks: z.array(z.object({ kind: z.string(), text: z.optional(z.string()) })),
  symbols: z.array(
    z.object({
      symbol: z.string(),
      confidence: z.number(),
      validated_by: z.optional(z.string()),
      validated_at: z.optional(z.string()),
    }),
  ),
})
export type Lens = z.infer<typeof lens>

const lensPage = z.object({
  lenses: z.array(lens),
  found: z.number(),
  next_after: z.optional(z.number()),
})
export type LensPage = z.infer<typeof lensPage>

// Each throws ZodError naming what the page does not understand.
export const parseMatch = (body: unknown): Match => match.parse(body)
export const parseSymbols = (body: unknown): readonly SymbolEntry[] => symbols.parse(body).symbols
export const parseEnrolled = (body: unknown): Enrolled => enrolled.parse(body)
export const parseLensPage = (body: unknown): LensPage => lensPage.parse(body)
export const parseProblem = (body: unknown): Problem | undefined => problem.safeParse(body).data
