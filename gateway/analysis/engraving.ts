import type { Finding, UngradedReason } from '../inspection.ts'
import { isNamed, markKey } from '../lens.ts'
import type { LensSight, SeenEngraving } from '../lens-sight.ts'
import type { CameraRecipe } from '../recipe.ts'
import type { Loss } from './fusion.ts'

/** What the camera's reading means for the verdict: evidence that is missing, or findings that forbid every good grade. */
export interface EngravingJudgement {
  /** Why nothing can be said; empty: something can. */
  readonly reasons: readonly UngradedReason[]
  readonly losses: readonly Loss[]
}

type SeenSymbol = Extract<SeenEngraving, { kind: 'symbol' }>
type SeenText = Extract<SeenEngraving, { kind: 'text' }>

/** One thing that the recipe asks of the engravings, looked for. */
type Answer =
  | { readonly kind: 'right'; readonly code: Finding['code']; readonly confidence: number }
  | { readonly kind: 'wrong'; readonly code: Finding['code']; readonly confidence: number }
  | { readonly kind: 'open'; readonly reason: UngradedReason }

const FAULTS: Readonly<Record<NonNullable<LensSight['fault']>, UngradedReason>> = {
  dark: 'too-dark',
  'no-lens': 'no-product',
  'two-lenses': 'two-products',
  'out-of-view': 'out-of-view',
  'no-marks': 'marks-missing',
  reflection: 'reflection',
}

/**
 * Holds what was read against what the recipe expects. What is read with certainty and is another thing rejects; what is
 * not read, or not with certainty, leaves the part without a grade: a wrong lens never passes because it could not be read.
 */
export function judgeEngraving(sight: LensSight, recipe: CameraRecipe): EngravingJudgement {
  if (sight.fault !== undefined) return { reasons: [FAULTS[sight.fault]], losses: [] }
  const symbols = sight.engravings.filter((one): one is SeenSymbol => one.kind === 'symbol')
  const texts = sight.engravings.filter((one): one is SeenText => one.kind === 'text')
  const mark = markOf(symbols, recipe)
  const answers = [mark, ...textsOf(texts, recipe), ...lensOf(sight, recipe, mark)]
  const losses = answers.flatMap((answer) => (answer.kind === 'open' ? [] : [lossOf(answer)]))
  // That one thing is wrong is certain, whatever else could not be read.
  if (answers.some(({ kind }) => kind === 'wrong')) return { reasons: [], losses }
  const reasons = answers.flatMap((answer) => (answer.kind === 'open' ? [answer.reason] : []))
  return { reasons: [...new Set(reasons)], losses }
}

function lossOf({ kind, code, confidence }: Exclude<Answer, { kind: 'open' }>): Loss {
  const wrong = kind === 'wrong'
  return {
    code,
    value: confidence,
    contribution: 0,
    std: 0,
    always: wrong,
    veto: { bestGrade: 'REJECT', applies: wrong, probability: wrong ? confidence : 1 - confidence },
  }
}

/** The maker's mark. What is certainly another weighs more than what is right beside it: a lens has one maker. */
function markOf(
  symbols: readonly SeenSymbol[],
  { symbols: expected, confidence: least }: CameraRecipe,
): Answer {
  const found = symbols.map((symbol) => fitOf(symbol, expected, least))
  const open: readonly UngradedReason[] = ['engraving-uncertain', 'engraving-unknown']
  return (
    found.find(({ kind }) => kind === 'wrong') ??
    found.find(({ kind }) => kind === 'right') ??
    found.find((answer) => answer.kind === 'open' && answer.reason === open[0]) ??
    found[0] ?? { kind: 'open', reason: 'engraving-missing' }
  )
}

function fitOf(
  { outcome, symbols, confidence }: SeenSymbol,
  expected: readonly string[] | undefined,
  least: number,
): Answer {
  if (symbols.length === 0) return { kind: 'open', reason: 'engraving-unknown' }
  const uncertain = { kind: 'open', reason: 'engraving-uncertain' } as const
  if (confidence < least) return uncertain
  if (expected === undefined) {
    return outcome === 'known' ? { kind: 'right', code: 'engraving', confidence } : uncertain
  }
  const right = symbols.filter((symbol) => expected.includes(symbol)).length
  if (right === 0) return { kind: 'wrong', code: 'engraving_mismatch', confidence }
  // One of several that look alike, and not all of them are right.
  return right === symbols.length ? { kind: 'right', code: 'engraving', confidence } : uncertain
}

function textsOf(
  seen: readonly SeenText[],
  { texts = [], textConfidence: least }: CameraRecipe,
): readonly Answer[] {
  return texts.map((text): Answer => {
    const found = seen.find((one) => one.confidence >= least && markKey(one.text) === markKey(text))
    if (found !== undefined) return { kind: 'right', code: 'engraved_text', confidence: found.confidence }
    if (seen.length === 0) return { kind: 'open', reason: 'engraving-missing' }
    const surest = Math.min(...seen.map(({ confidence }) => confidence))
    // Everything that stands there was read, and it is none of it.
    return surest >= least
      ? { kind: 'wrong', code: 'engraved_text_mismatch', confidence: surest }
      : { kind: 'open', reason: 'engraving-uncertain' }
  })
}

/** Only what names a lens with certainty says that it is the right one, or another. */
function lensOf(
  { lensCandidates }: LensSight,
  { lens, rank, confidence: least }: CameraRecipe,
  mark: Answer,
): readonly Answer[] {
  if (lens === undefined) return []
  const uncertain = [{ kind: 'open', reason: 'engraving-uncertain' }] as const
  const [best] = lensCandidates
  if (best === undefined || mark.kind === 'open') return uncertain
  const place = lensCandidates.findIndex((one) => isNamed(one, lens))
  const found = lensCandidates[place]
  if (found !== undefined && place < rank) {
    const sure = rank > 1 || found.score >= least
    return sure ? [{ kind: 'right', code: 'lens', confidence: found.score }] : uncertain
  }
  return best.score >= least ? [{ kind: 'wrong', code: 'lens_mismatch', confidence: best.score }] : uncertain
}
