import { z } from 'zod'
import type { Candidate } from './gallery.ts'

/** How similarities become an answer; measured when the model was made, and part of its manifest (PREPROCESSING.md). */
export const matchRule = z.object({
  /** What a prototype that was turned by 45° loses of its cosine; in proportion for less. */
  turn_penalty_per_45_deg: z.number().min(0).max(1),
  /** Standing is the best symbol's score less this part of the second best's. */
  second_weight: z.number().min(0).max(1),
  /** Standing below which a symbol is unknown. */
  unknown_below: z.number().min(-2).max(2),
  /** Symbols whose score comes as close as this to the best are not told apart. */
  one_of_within: z.number().min(0).max(1),
  /** Chance that the picture shows a symbol of the gallery: 1 / (1 + exp(−(slope · standing + offset))). */
  confidence_slope: z.number(),
  confidence_offset: z.number(),
})
export type MatchRule = Readonly<z.infer<typeof matchRule>>

/** What a picture is said to be. `candidates`: nearest first, whatever was decided. */
export type Recognition = { readonly candidates: readonly Candidate[] } & (
  | { readonly kind: 'known'; readonly symbol: string; readonly confidence: number }
  /** Likenesses that the model does not tell apart: an operator does. */
  | { readonly kind: 'one-of'; readonly symbols: readonly string[]; readonly confidence: number }
  | { readonly kind: 'unknown' }
  /** Nothing to be recognised: no ink stands out. */
  | { readonly kind: 'blank' }
)

/** How far the best stands out of the others; −1 where nothing was found. */
export function standingOf([best, second]: readonly Candidate[], { second_weight }: MatchRule): number {
  return best === undefined ? -1 : best.similarity - second_weight * (second?.similarity ?? 0)
}

/** @param candidates of different symbols, nearest first, all that may count; none for a blank picture */
export function decide(candidates: readonly Candidate[], rule: MatchRule): Recognition {
  const [best] = candidates
  if (best === undefined) return { kind: 'blank', candidates }
  const isClose = ({ similarity }: Candidate): boolean => best.similarity - similarity <= rule.one_of_within
  const close = candidates.filter(isClose)
  // Those that cannot be told from the best are no reason to doubt that it is one of them.
  const standing = standingOf([best, ...candidates.filter((candidate) => !isClose(candidate))], rule)
  if (standing < rule.unknown_below) return { kind: 'unknown', candidates }
  const confidence = 1 / (1 + Math.exp(-(rule.confidence_slope * standing + rule.confidence_offset)))
  if (close.length === 1) return { kind: 'known', symbol: best.symbol, confidence, candidates }
  return { kind: 'one-of', symbols: close.map(({ symbol }) => symbol), confidence, candidates }
}
