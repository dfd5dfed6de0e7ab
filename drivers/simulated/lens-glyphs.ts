import { FIGURES, FONT, LETTERS, MARKS } from './glyphs.ts'

export type Point = readonly [x: number, y: number]
/** The way of a pen, dense enough to be drawn straight from point to point. */
export type Polyline = readonly Point[]

/** What can be engraved, in a unit of its own choice: it is scaled to its place. y points down. */
export type Engravable =
  | { readonly label: string; readonly strokes: readonly Polyline[] }
  | { readonly label: string; readonly mask: InkMask }

/** Where ink lies: 0 none … 255 full, row by row from the top left, cut to its ink. */
export interface InkMask {
  readonly ink: Uint8Array
  readonly width: number
  readonly height: number
}

/** Points that a curve gets between two given ones. */
const STEPS = 8

/**
 * The strokes of a glyph of `glyphs.ts`, on its grid of 10.
 * @throws RangeError for text that is no stroke
 */
export function strokesOf(text: string): Polyline[] {
  return text.split('|').map((part) => {
    const words = part.replace('~', '').trim().split(/\s+/)
    const closed = words.at(-1) === 'z'
    const points = words.filter((word) => word !== 'z').map((word) => pointOf(word, part))
    if (points.length < 2)
      throw new RangeError(`stroke "${part}": ${points.length} points, expected at least 2`)
    const [first] = points
    if (part.startsWith('~')) return smooth(points, closed)
    return closed && first !== undefined ? [...points, first] : points
  })
}

function pointOf(word: string, stroke: string): Point {
  const [x = Number.NaN, y = Number.NaN, ...more] = word.split(',').map(Number)
  if (!Number.isFinite(x) || !Number.isFinite(y) || more.length > 0) {
    throw new RangeError(`stroke "${stroke}": "${word}": expected x,y`)
  }
  return [x, y]
}

/** Uniform Catmull–Rom spline through the points (Catmull and Rom, 1974). */
function smooth(points: readonly Point[], closed: boolean): Polyline {
  const count = points.length
  const pick = (index: number): Point => {
    const wrapped = closed ? (index + count) % count : Math.min(count - 1, Math.max(0, index))
    return points[wrapped] ?? [0, 0]
  }
  const spans = closed ? count : count - 1
  const way: Point[] = []
  for (let span = 0; span < spans; span += 1) {
    const [a, b, c, d] = [pick(span - 1), pick(span), pick(span + 1), pick(span + 2)]
    for (let step = 0; step < STEPS; step += 1) {
      const t = step / STEPS
      way.push([between(a[0], b[0], c[0], d[0], t), between(a[1], b[1], c[1], d[1], t)])
    }
  }
  way.push(pick(spans))
  return way
}

function between(a: number, b: number, c: number, d: number, t: number): number {
  return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t ** 3)
}

/** What would be two names for one thing, or an alignment mark, or dust. */
const NO_SYMBOLS: readonly string[] = ['delta', 'circle', 'dot', 'dash', 'slash', 'backslash']

/** Symbols of our own, as a user's gallery would hold them; names are unique. Text is not among them. */
export const DEMO_GALLERY: readonly Engravable[] = [
  ...Object.entries({ ...LETTERS, ...FIGURES })
    .filter(([label]) => !NO_SYMBOLS.includes(label))
    .map(([label, text]) => ({ label, strokes: strokesOf(text) })),
  ...Object.entries(MARKS).map(([label, parts]) => ({
    label,
    strokes: parts.flatMap(([glyph, x, y, side]) =>
      strokesOf(FONT[glyph] ?? LETTERS[glyph] ?? FIGURES[glyph] ?? '').map((stroke) =>
        stroke.map(([u, v]): Point => [x + (u * side) / 10, y + (v * side) / 10]),
      ),
    ),
  })),
]

/** Between two characters, and the width of a space; the grid's unit. */
const LETTER_GAP = 2.4
const SPACE = 4

/**
 * A line of text in our stroke font.
 * @throws RangeError when it is empty or has a character that the font has not
 */
export function textOf(text: string): Engravable {
  const strokes: Polyline[] = []
  let pen = 0
  for (const character of text) {
    if (character === ' ') {
      pen += SPACE
      continue
    }
    const glyph = Object.hasOwn(FONT, character) ? FONT[character] : undefined
    if (glyph === undefined)
      throw new RangeError(`text "${text}": "${character}": expected one of ${Object.keys(FONT).join('')}`)
    const drawn = strokesOf(glyph)
    const xs = drawn.flatMap((stroke) => stroke.map(([x]) => x))
    const left = Math.min(...xs)
    for (const stroke of drawn) strokes.push(stroke.map(([x, y]): Point => [x - left + pen, y]))
    pen += Math.max(...xs) - left + LETTER_GAP
  }
  if (strokes.length === 0)
    throw new RangeError(`text "${text}": expected at least one character that is no space`)
  return { label: text, strokes }
}

/** Below this share of the full contrast a pixel is paper. */
const PAPER = 0.15

/**
 * A picture of a symbol, dark on white paper, as something that can be engraved; whatever its darkest ink is, is full ink.
 * @param grey 0 black … 255 white, row by row from the top left
 * @throws RangeError for a wrong length, and where there is no ink
 */
export function inkOf(label: string, grey: Uint8Array, width: number, height: number): Engravable {
  if (
    !(
      Number.isInteger(width) &&
      Number.isInteger(height) &&
      width > 0 &&
      height > 0 &&
      grey.length === width * height
    )
  ) {
    throw new RangeError(
      `picture of ${label}: ${grey.length} bytes for ${width} × ${height}: expected a byte a pixel`,
    )
  }
  const darkest = grey.reduce((least, value) => Math.min(least, value), 255)
  if (darkest > 240)
    throw new RangeError(`picture of ${label}: nothing darker than ${darkest} of 255: expected ink`)
  const range = 255 - darkest
  const box = { left: width, top: height, right: -1, bottom: -1 }
  for (let index = 0; index < grey.length; index += 1) {
    if ((255 - (grey[index] ?? 255)) / range < PAPER) continue
    const [x, y] = [index % width, Math.floor(index / width)]
    box.left = Math.min(box.left, x)
    box.right = Math.max(box.right, x)
    box.top = Math.min(box.top, y)
    box.bottom = Math.max(box.bottom, y)
  }
  const size = { width: box.right - box.left + 1, height: box.bottom - box.top + 1 }
  const ink = new Uint8Array(size.width * size.height)
  for (let index = 0; index < ink.length; index += 1) {
    const from = (box.top + Math.floor(index / size.width)) * width + box.left + (index % size.width)
    const share = (255 - (grey[from] ?? 255)) / range
    ink[index] = Math.round(255 * Math.max(0, (share - PAPER) / (1 - PAPER)))
  }
  return { label, mask: { ink, ...size } }
}

/** Left, top, right, bottom of what is drawn, pen's width aside. */
export function extentOf(what: Engravable): readonly [number, number, number, number] {
  if ('mask' in what) return [0, 0, what.mask.width, what.mask.height]
  const points = what.strokes.flat()
  const xs = points.map(([x]) => x)
  const ys = points.map(([, y]) => y)
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)]
}

/** @throws RangeError for what cannot be drawn */
export function checkEngravable(what: Engravable): void {
  const sizes = extentOf(what)
  const wide = (sizes[2] ?? 0) - (sizes[0] ?? 0)
  const high = (sizes[3] ?? 0) - (sizes[1] ?? 0)
  if (!sizes.every(Number.isFinite) || !(Math.max(wide, high) > 0)) {
    throw new RangeError(
      `engraving "${what.label}": ${wide} × ${high} large: expected finite points that are not all one`,
    )
  }
  if ('mask' in what && what.mask.ink.length !== wide * high) {
    throw new RangeError(
      `engraving "${what.label}": ${what.mask.ink.length} bytes of ink, expected ${wide * high}`,
    )
  }
}
