import { z } from 'zod'
import type { Candidate } from './gallery.ts'

/** How similarities become an answer; measured when the model was made, and part of its manifest. */
export const decisionRule = z.object({
  /** Cosine below which a symbol is unknown. */
  unknown_below: z.number().min(-1).max(1),
  /** Symbols that come as close as this to the best are not told apart. */
  one_of_within: z.number().min(0).max(1),
  /** Chance that the best symbol is right: 1 / (1 + exp(−(bias + similarity · s + lead · l))), lead over the second best. */
  confidence: z.object({ bias: z.number(), similarity: z.number(), lead: z.number() }),
})
export type DecisionRule = Readonly<z.infer<typeof decisionRule>>

/** What a picture is said to be. `candidates`: nearest first, whatever was decided. */
export type Recognition = { readonly candidates: readonly Candidate[] } & (
  | { readonly kind: 'known'; readonly symbol: string; readonly confidence: number }
  /** Likenesses that the model does not tell apart: an operator does. */
  | { readonly kind: 'one-of'; readonly symbols: readonly string[]; readonly confidence: number }
  | { readonly kind: 'unknown' }
  /** Nothing to be recognised: no ink stands out. */
  | { readonly kind: 'blank' }
)

/** @param candidates nearest first, of different symbols; none for a blank picture */
export function decide(candidates: readonly Candidate[], rule: DecisionRule): Recognition {
  const [best, second] = candidates
  if (best === undefined) return { kind: 'blank', candidates }
  if (best.similarity < rule.unknown_below) return { kind: 'unknown', candidates }
  const lead = best.similarity - (second?.similarity ?? -1)
  const { bias, similarity, lead: weight } = rule.confidence
  const confidence = 1 / (1 + Math.exp(-(bias + similarity * best.similarity + weight * lead)))
  const close = candidates.filter((candidate) => best.similarity - candidate.similarity <= rule.one_of_within)
  if (close.length === 1) return { kind: 'known', symbol: best.symbol, confidence, candidates }
  return { kind: 'one-of', symbols: close.map(({ symbol }) => symbol), confidence, candidates }
}
