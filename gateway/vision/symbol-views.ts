import type { Candidate } from './gallery.ts'
import type { FoundEngraving, Lines } from './lens-view.ts'
import type { Grey } from './picture.ts'
import { rectified } from './rectify.ts'
import { topHats } from './top-hats.ts'

/**
 * Around the box of a symbol, as a share of its longer side. The embedder needs some background; more reaches what is
 * engraved beside: in true boxes of simulated lenses 40 of 40 symbols came first with 0.05, 36 with 0.15, 11 with 0.3.
 */
const MARGIN = 0.05
/** Around a box that ends where the strokes do, mm; the next engraving is 0.8 away. */
const FITTED_MARGIN_MM = 0.3
/** Strokes cover at least this share of a view; what is so many times as high as they are is none; grey levels. */
const STROKES = 0.06
const MOST_ABOVE = 1.4
const LEAST_CAP = 16
/** Top-hats look so many pixels to each side. */
const BESIDE = 6
/** Of how many views a symbol is the nearest counts the more, the smaller this is; 0: their mean, without end: the best view. */
const SHARPNESS = 25

/** How a lens is seen, as far as it matters to a symbol on it. */
export interface SymbolLight {
  readonly lines?: Lines | undefined
  readonly pxPerMm: number
}

/**
 * Pictures of one symbol: as the camera sees the box that the network showed; and, where the box has been fitted, its strokes
 * alone, without shade and mirrored lamps; under grazing light their bright and their dark side each.
 */
export function viewsOf(
  picture: Grey,
  found: FoundEngraving,
  { lines, pxPerMm }: SymbolLight,
): readonly Grey[] {
  const { box, bounds } = found
  const seen = rectified(picture, bounds?.rough ?? box, MARGIN)
  if (lines === undefined || bounds === undefined) return [seen]
  const { strokes } = bounds
  const margin = FITTED_MARGIN_MM * pxPerMm + BESIDE
  const { bright, dark } = topHats(
    rectified(picture, strokes, margin / Math.max(strokes.width, strokes.height)),
  )
  const hats = lines === 'both' ? [bright, dark] : lines === 'bright' ? [bright] : [dark]
  return [seen, ...hats.map((hat) => capped(inner(hat)))]
}

/** Nothing much higher than strokes are: what is left of a mirrored lamp's edge would else outshine them. */
function capped({ pixels, width, height }: Grey): Grey {
  const usual = pixels.slice().sort()[Math.floor((1 - STROKES) * pixels.length)] ?? 0
  const most = Math.max(LEAST_CAP, MOST_ABOVE * usual)
  return { pixels: pixels.map((level) => Math.min(most, level)), width, height }
}

/** Without what only served to see what lies beside. */
function inner({ pixels, width, height }: Grey): Grey {
  const [wide, high] = [width - 2 * BESIDE, height - 2 * BESIDE]
  const kept = new Uint8Array(wide * high)
  for (let y = 0; y < high; y++) {
    const from = (y + BESIDE) * width + BESIDE
    kept.set(pixels.subarray(from, from + wide), y * wide)
  }
  return { pixels: kept, width: wide, height: high }
}

/**
 * Candidates of several views of one symbol as one list, nearest first: of a symbol's similarities the mean of their
 * exponentials, so that one good view outweighs bad ones and still counts less than as many good ones.
 * @param views each nearest first; one that is empty, as it was blank, says nothing
 */
export function together(views: readonly (readonly Candidate[])[]): readonly Candidate[] {
  const told = views.filter(({ length }) => length > 0)
  const [only] = told
  if (only === undefined || told.length === 1) return only ?? []
  const sums = new Map<string, number>()
  for (const view of told) {
    for (const { symbol, similarity } of view) {
      sums.set(symbol, (sums.get(symbol) ?? 0) + Math.exp(SHARPNESS * similarity))
    }
  }
  return [...sums]
    .map(([symbol, sum]) => ({ symbol, similarity: Math.log(sum / told.length) / SHARPNESS }))
    .sort((one, other) => other.similarity - one.similarity)
}
