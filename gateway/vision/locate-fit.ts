import type { FoundEngraving, LensPose, Lines, OrientedBox, Point } from './lens-view.ts'
import { apartFrom, type Stroke, strokesOf } from './locate-strokes.ts'
import type { Grey } from './picture.ts'
import { topMean } from './plane.ts'
import { rectified } from './rectify.ts'
import { topHats } from './top-hats.ts'

/** Scales at which a top-hat's square is broader than lines are and narrower than what lies between them, px/mm. */
const SCALES = { least: 8, most: 20 } as const
/** How far beyond its box strokes of an engraving are looked for, and how near to it what lies outside of it must come, mm. */
const REACH_MM = 1.2
const NEAR_MM = 0.45
/** An alignment mark reaches so far from its middle, mm: the largest circle and its line. */
const MARK_MM = 1.4
/** How many times as high strokes of one sign are where the other sign is only what lies between strokes. */
const ONE_SIGN = 1.15
/** Share of a box that strokes cover, about. */
const COVERED = 0.08
/** Of a box's height of strokes, from where on a pixel belongs to one, and what one must reach. */
const FROM = 0.4
const REACHED = 0.5
/** Of the median, which is noise. */
const NOISE = 3
/** Of the weight in the box, what is less is a speck. */
const LEAST_WEIGHT = 0.04
/** A fitted box that has less in common with the one it was fitted to is mistaken. */
const ALIKE = 0.35

interface Region {
  readonly engraving: FoundEngraving
  readonly bright: Grey
  readonly dark: Grey
  readonly heights: { readonly bright: number; readonly dark: number }
}

/**
 * Boxes between those that the network shows and those that end where the strokes end, in the full picture; the network sees it at half its size and says roughly where. All
 * engravings of a lens are seen in one light: whether lines are bright, dark, or both is decided for all together. In a picture
 * of another scale the boxes stay.
 */
export function fitted(
  picture: Grey,
  found: readonly FoundEngraving[],
  pose: LensPose,
): { readonly lines?: Lines; readonly engravings: readonly FoundEngraving[] } {
  if (!(pose.pxPerMm >= SCALES.least && pose.pxPerMm <= SCALES.most)) return { engravings: found }
  const regions = found.map((engraving) => regionOf(picture, engraving, pose.pxPerMm))
  const bright = regions.reduce((sum, { heights }) => sum + heights.bright, 0)
  const dark = regions.reduce((sum, { heights }) => sum + heights.dark, 0)
  const lines = bright > ONE_SIGN * dark ? 'bright' : dark > ONE_SIGN * bright ? 'dark' : 'both'
  const engravings = regions.map((region) => {
    const others = found.filter((other) => other !== region.engraving).map(({ box }) => box)
    const rough = region.engraving.box
    const strokes = fittedBox(region, lines, others, pose)
    return { ...region.engraving, box: between(rough, strokes), bounds: { rough, strokes } }
  })
  return { lines, engravings }
}

function regionOf(picture: Grey, engraving: FoundEngraving, pxPerMm: number): Region {
  const { box } = engraving
  const cut = rectified(picture, box, (REACH_MM * pxPerMm) / Math.max(box.width, box.height))
  const { bright, dark } = topHats(cut)
  return {
    ...{ engraving, bright, dark },
    heights: { bright: heightIn(box, bright), dark: heightIn(box, dark) },
  }
}

/** How high strokes are in a box that lies in the middle of a picture. */
function heightIn(box: OrientedBox, { pixels, width, height }: Grey): number {
  const [left, top] = [Math.floor((width - box.width) / 2), Math.floor((height - box.height) / 2)]
  const [x, y] = [Math.max(0, left), Math.max(0, top)]
  const inside = new Float64Array((width - 2 * x) * (height - 2 * y))
  for (let row = y, to = 0; row < height - y; row++, to += width - 2 * x) {
    inside.set(pixels.subarray(row * width + x, (row + 1) * width - x), to)
  }
  return topMean(inside, Math.max(4, Math.floor(COVERED * inside.length)))
}

function fittedBox(
  { engraving: { box }, bright, dark, heights }: Region,
  lines: Lines,
  others: readonly OrientedBox[],
  { nasal, temporal, pxPerMm }: LensPose,
): OrientedBox {
  const seen = lines === 'bright' ? bright : lines === 'dark' ? dark : higherOf(bright, dark)
  const height = lines === 'both' ? Math.max(heights.bright, heights.dark) : heights[lines]
  const from = Math.max(FROM * height, NOISE * medianOf(seen.pixels))
  const own = strokesOf(seen, box, from).filter((stroke) => {
    const [x, y] = placeOf(stroke.x, stroke.y, seen, box)
    return (
      stroke.tallest >= REACHED * height &&
      [nasal, temporal].every((mark) => Math.hypot(x - mark[0], y - mark[1]) >= MARK_MM * pxPerMm) &&
      others.every((other) => apartFrom(other, x, y) > 0)
    )
  })
  const inside = own.reduce((sum, stroke) => sum + stroke.inside, 0)
  const kept = own.filter((stroke) => belongs(stroke, inside, NEAR_MM * pxPerMm))
  const fit = boxAround(kept, seen, box)
  return fit !== undefined && overlap(fit, box) >= ALIKE ? fit.box : box
}

/** What lies in the box; or comes near to it without being a scratch that leads elsewhere. */
function belongs({ weight, inside, away, isCut }: Stroke, all: number, near: number): boolean {
  if (weight < LEAST_WEIGHT * all) return false
  return inside > weight / 2 || (away <= near && !isCut && weight < all)
}

/** The mean of two boxes that stand alike: where one is mistaken, by half as much. */
function between(one: OrientedBox, other: OrientedBox): OrientedBox {
  const mean = (of: (box: OrientedBox) => number): number => (of(one) + of(other)) / 2
  return {
    ...{ x: mean(({ x }) => x), y: mean(({ y }) => y), angleDeg: one.angleDeg },
    ...{ width: mean(({ width }) => width), height: mean(({ height }) => height) },
  }
}

interface Fit {
  readonly box: OrientedBox
  /** In the region. */
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
  /** Of the region, from the corner of the box it was made of. */
  readonly x: number
  readonly y: number
}

function boxAround(strokes: readonly Stroke[], seen: Grey, rough: OrientedBox): Fit | undefined {
  if (strokes.length === 0) return undefined
  const left = Math.min(...strokes.map((stroke) => stroke.left))
  const right = Math.max(...strokes.map((stroke) => stroke.right))
  const top = Math.min(...strokes.map((stroke) => stroke.top))
  const bottom = Math.max(...strokes.map((stroke) => stroke.bottom))
  const [x, y] = placeOf((left + right) / 2, (top + bottom) / 2, seen, rough)
  const box = { x, y, width: right - left, height: bottom - top, angleDeg: rough.angleDeg }
  const corner = { x: (seen.width - rough.width) / 2, y: (seen.height - rough.height) / 2 }
  return { box, left, right, top, bottom, ...corner }
}

/** Intersection over union of a fitted box and the one that it was fitted to: both stand alike. */
function overlap({ left, right, top, bottom, x, y }: Fit, { width, height }: OrientedBox): number {
  const wide = Math.max(0, Math.min(right, x + width) - Math.max(left, x))
  const high = Math.max(0, Math.min(bottom, y + height) - Math.max(top, y))
  return (wide * high) / ((right - left) * (bottom - top) + width * height - wide * high)
}

/** From the region about a box to the picture. */
function placeOf(x: number, y: number, { width, height }: Grey, box: OrientedBox): Point {
  const turn = (box.angleDeg * Math.PI) / 180
  const [u, v] = [x - width / 2, y - height / 2]
  return [box.x + u * Math.cos(turn) - v * Math.sin(turn), box.y + u * Math.sin(turn) + v * Math.cos(turn)]
}

function higherOf(one: Grey, other: Grey): Grey {
  return { ...one, pixels: one.pixels.map((level, index) => Math.max(level, other.pixels[index] ?? 0)) }
}

function medianOf(pixels: Uint8Array): number {
  const counts = new Uint32Array(256)
  for (const level of pixels) counts[level] = (counts[level] ?? 0) + 1
  let level = 0
  for (let below = counts[0] ?? 0; below <= pixels.length / 2 && level < 255; ) below += counts[++level] ?? 0
  return level
}
