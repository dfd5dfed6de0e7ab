import type { LabelledPicture } from './head-fit.ts'

/** Why nothing can be learnt from pictures. */
export type TrainingFault = 'too-few' | 'labelled-twice' | 'blank'

export class TrainingError extends Error {
  override readonly name = 'TrainingError'
  readonly fault: TrainingFault

  constructor(fault: TrainingFault, message: string) {
    super(message)
    this.fault = fault
  }
}

/** A symbol with fewer different pictures has no row: its prototypes serve better. */
export const LEAST_PICTURES = 4
/** With fewer symbols nothing can be held back as unknown and still be told from others. */
export const LEAST_SYMBOLS = 4
/** Parts that the pictures are dealt into. */
export const FOLDS = 4

/**
 * Pictures whose upright vectors have this cosine are one original, saved or scaled another way: two hands' drawings of one
 * symbol reach 0.99 at times.
 */
const ALIKE = 0.999

/** A picture, the number of its original among the symbol's, and the part that it is dealt into: all of an original into one. */
export interface Dealt extends LabelledPicture {
  readonly original: number
  readonly fold: number
}

/**
 * Deals pictures into `FOLDS` parts by original, in an order that does not depend on how files are called.
 * @returns those of symbols that are shown often enough, and the names of the others
 * @throws TrainingError
 */
export function dealt(pictures: readonly LabelledPicture[]): {
  readonly enough: readonly Dealt[]
  readonly few: readonly string[]
} {
  refuseTwoLabels(pictures)
  const symbols = [...new Set(pictures.map(({ symbol }) => symbol))].sort()
  const bySymbol = symbols.map((symbol) => ({
    symbol,
    originals: originalsOf(pictures.filter((picture) => picture.symbol === symbol)),
  }))
  const enough = bySymbol.filter(({ originals }) => originals.length >= LEAST_PICTURES)
  const few = bySymbol.filter(({ originals }) => originals.length < LEAST_PICTURES)
  if (enough.length < LEAST_SYMBOLS) {
    const there = bySymbol.map(({ symbol, originals }) => `${symbol} ${originals.length}`).join(', ')
    throw new TrainingError(
      'too-few',
      `expected ${LEAST_SYMBOLS} symbols with ${LEAST_PICTURES} different pictures each, found ${there === '' ? 'none' : there}`,
    )
  }
  return {
    enough: enough.flatMap(({ originals }, place) =>
      originals.flatMap((same, original) =>
        same.map((picture) => ({ ...picture, original, fold: (place + 1 + original) % FOLDS })),
      ),
    ),
    few: few.map(({ symbol }) => symbol),
  }
}

function refuseTwoLabels(pictures: readonly LabelledPicture[]): void {
  const first = new Map<string, LabelledPicture>()
  for (const picture of pictures) {
    const other = first.get(picture.sha256)
    if (other !== undefined && other.symbol !== picture.symbol) {
      const said = `${picture.name}: the same picture as ${other.name}, expected another or the same symbol`
      throw new TrainingError('labelled-twice', said)
    }
    first.set(picture.sha256, picture)
  }
}

/** Pictures of one symbol, the same ones once, those of one original together. */
function originalsOf(pictures: readonly LabelledPicture[]): readonly (readonly LabelledPicture[])[] {
  const originals: LabelledPicture[][] = []
  const seen = new Set<string>()
  for (const picture of pictures.toSorted((a, b) => (a.sha256 < b.sha256 ? -1 : 1))) {
    if (seen.has(picture.sha256)) continue
    seen.add(picture.sha256)
    const same = originals.find((others) => others.some((other) => cosine(other, picture) >= ALIKE))
    if (same === undefined) originals.push([picture])
    else same.push(picture)
  }
  return originals
}

function cosine(a: LabelledPicture, b: LabelledPicture): number {
  const [one, other] = [a.prototypes[0]?.vector, b.prototypes[0]?.vector]
  return one?.reduce((sum, part, d) => sum + part * (other?.[d] ?? 0), 0) ?? 0
}
