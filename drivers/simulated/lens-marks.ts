import {
  checkEngravable,
  DEMO_GALLERY,
  type Engravable,
  extentOf,
  type Point,
  textOf,
} from './lens-glyphs.ts'
import {
  boxAround,
  type LensPose,
  MARK_DISTANCE_MM,
  noseSide,
  type OrientedBox,
  projectorOf,
} from './lens-pose.ts'
import type { Random } from './random.ts'

/** What is engraved and where, in the lens's plane. */
export interface Engraving {
  readonly kind: 'alignment' | 'symbol' | 'text'
  /** The symbol's name, the text, `nasal` or `temporal`. */
  readonly label: string
  readonly what: Engravable
  /** Its middle. */
  readonly uMm: number
  readonly vMm: number
  /** Of one unit of what is engraved. */
  readonly mmPerUnit: number
  /** Breadth of the groove at half its depth. */
  readonly lineMm: number
}

/** What a lens carries. Left out: drawn. */
export interface MarkOptions {
  /** Default one of the demo gallery. */
  readonly symbol?: Engravable | 'none'
  /** Under the temporal alignment mark. Default an addition of 0.75 to 3.50. */
  readonly addition?: string | 'none'
  /** Under the symbol. Default an index or a letter, or nothing. */
  readonly nasalText?: string | 'none'
  /** Default both. */
  readonly alignment?: 'both' | 'nasal' | 'temporal' | 'none'
  /** Height of the symbol. Default 2.6 to 4.2 mm. */
  readonly symbolMm?: number
}

/** Heights of the marks that makers engrave are 1 to 4 mm; no standard fixes them. Assumed. */
const SYMBOL_MM = [2.6, 4.2] as const
const TEXT_MM = [1.5, 2.2] as const
const CIRCLE_RADIUS_MM = [0.6, 1.1] as const
const GAP_MM = 0.8
/** A laser's groove. Assumed: a tenth to a fifth of a millimetre. */
const LINE_MM = [0.11, 0.19] as const
/** A symbol longer than this many times its height is made smaller. */
const LONGEST = 2.2
const NASAL_TEXTS = ['50', '53', '56', '59', '60', '67', '74', 'P', 'S', 'HD', 'X1', 'AR'] as const
const CIRCLE: readonly Point[] = Array.from({ length: 49 }, (_, step) => [
  Math.cos((step * Math.PI) / 24),
  Math.sin((step * Math.PI) / 24),
])

/**
 * Permanent marks after ISO 8980-2: two alignment marks 34 mm apart on the horizontal line; the addition under the
 * temporal one; the maker's mark at the nasal one, here below it, with text below that.
 * @throws RangeError for what cannot be engraved
 */
export function layMarks(options: MarkOptions, nose: 1 | -1, random: Random): Engraving[] {
  const lineMm = random.between(...LINE_MM)
  const radius = random.between(...CIRCLE_RADIUS_MM)
  const textMm = random.between(...TEXT_MM)
  const drawnMm = random.between(...SYMBOL_MM)
  const drawn = DEMO_GALLERY[Math.floor(random.uniform() * DEMO_GALLERY.length)]
  const drawnAddition = (0.75 + 0.25 * Math.floor(random.uniform() * 12)).toFixed(2)
  const drawnText = random.chance(0.7)
    ? NASAL_TEXTS[Math.floor(random.uniform() * NASAL_TEXTS.length)]
    : 'none'
  const { symbol = drawn, addition = drawnAddition, nasalText = drawnText, alignment = 'both' } = options
  const { symbolMm = drawnMm } = options
  if (!(symbolMm >= 0.5 && symbolMm <= 12)) throw new RangeError(`symbolMm: ${symbolMm}: expected 0.5…12`)
  const nasalU = (nose * MARK_DISTANCE_MM) / 2
  const marks: Engraving[] = []
  for (const label of ['nasal', 'temporal'] as const) {
    if (alignment !== 'both' && alignment !== label) continue
    const what = { label, strokes: [CIRCLE] }
    const uMm = label === 'nasal' ? nasalU : -nasalU
    marks.push({ kind: 'alignment', label, what, uMm, vMm: 0, mmPerUnit: radius, lineMm })
  }
  let below = radius + GAP_MM
  if (symbol !== undefined && symbol !== 'none') {
    const mark = hang('symbol', symbol, symbolMm, { uMm: nasalU, below, lineMm })
    marks.push(mark.engraving)
    below = mark.below
  }
  if (nasalText !== undefined && nasalText !== 'none') {
    marks.push(hang('text', textOf(nasalText), textMm, { uMm: nasalU, below, lineMm }).engraving)
  }
  if (addition !== 'none') {
    const place = { uMm: -nasalU, below: radius + GAP_MM, lineMm }
    marks.push(hang('text', textOf(addition), textMm, place).engraving)
  }
  return marks
}

function hang(
  kind: 'symbol' | 'text',
  what: Engravable,
  heightMm: number,
  place: { readonly uMm: number; readonly below: number; readonly lineMm: number },
): { readonly engraving: Engraving; readonly below: number } {
  checkEngravable(what)
  const [left, top, right, bottom] = extentOf(what)
  const longest = kind === 'symbol' ? LONGEST : 4
  const mmPerUnit = heightMm / Math.max(bottom - top, (right - left) / longest)
  const halfMm = ((bottom - top) * mmPerUnit) / 2
  const { uMm, below, lineMm } = place
  const engraving = { kind, label: what.label, what, uMm, vMm: below + halfMm, mmPerUnit, lineMm }
  return { engraving, below: below + 2 * halfMm + GAP_MM }
}

/** From the unit of what is engraved to the lens's plane, mm. */
export function placerOf({ what, uMm, vMm, mmPerUnit }: Engraving): (x: number, y: number) => Point {
  const [left, top, right, bottom] = extentOf(what)
  const [middleX, middleY] = [(left + right) / 2, (top + bottom) / 2]
  return (x, y) => [uMm + (x - middleX) * mmPerUnit, vMm + (y - middleY) * mmPerUnit]
}

/** The box of what is engraved as it is seen: upright where the mark is, half a line wider than the pen's way. */
export function boxOf(pose: LensPose, engraving: Engraving): OrientedBox {
  const project = projectorOf(pose)
  const place = placerOf(engraving)
  const { what, lineMm, uMm, vMm } = engraving
  const seen = (u: number, v: number): Point => {
    const [x, y] = project(u, v)
    return [x, y]
  }
  const [from, to] = [seen(uMm - 0.5, vMm), seen(uMm + 0.5, vMm)]
  const angleDeg = (Math.atan2(to[1] - from[1], to[0] - from[0]) * 180) / Math.PI
  const points = cornersOf(what).map(([x, y]) => seen(...place(x, y)))
  const strokes = 'strokes' in what
  return boxAround(points, angleDeg, strokes ? (lineMm * pose.pxPerMm) / 2 + 0.5 : 0.5)
}

function cornersOf(what: Engravable): readonly Point[] {
  if ('strokes' in what) return what.strokes.flat()
  const { width, height } = what.mask
  return [
    [0, 0],
    [width, 0],
    [width, height],
    [0, height],
  ]
}

/** Where the middle of an alignment mark is seen, px. */
export function markCentre(pose: LensPose, label: 'nasal' | 'temporal'): Point {
  const side = label === 'nasal' ? noseSide(pose) : -noseSide(pose)
  const [x, y] = projectorOf(pose)((side * MARK_DISTANCE_MM) / 2, 0)
  return [x, y]
}
