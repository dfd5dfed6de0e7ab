import type { Point } from './lens-view.ts'
import type { Area } from './locate-areas.ts'
import type { Mark } from './locate-marks.ts'

/** Two marks that can be the two of one lens. */
export interface Pair {
  readonly first: Mark
  readonly second: Mark
  /** Along the line between them, px/mm. */
  readonly pxPerMm: number
  /** What speaks for it, about 0 to 3. */
  readonly score: number
}

type Line = Pick<Pair, 'first' | 'second' | 'pxPerMm'>

/** Between the middles of the alignment marks, mm (ISO 8980-2:2017, 7.1). */
export const MARK_DISTANCE_MM = 34
/** Radii that alignment marks have, mm, with room for a broad groove and for the fit. */
const RADIUS_MM = { least: 0.35, most: 1.7 } as const
/** The radii of the two differ by at most this share of the larger. */
const UNLIKE = 0.4
/** A pair that scores less is none; of so many it is looked again. */
const LEAST_SCORE = 0.2
const MOST_PAIRS = 4
/** Scales at which the network knows marks, px of the planes to a millimetre. */
const PLANE_PX_PER_MM = { least: 3.6, most: 8 } as const
/** The middle between the marks lies so near the lens's, in its radii; farther off, less speaks for a pair. */
const CENTRED = 0.25
/** Something engraved belongs to a mark at most so far from it, mm: along the line between the marks, and across. */
const GROUP_MM = { along: 5, across: 10 } as const

/** What is engraved beside a mark, in the lens's directions, mm; `across` is positive to the right of the line's way. */
export interface Beside {
  readonly along: number
  readonly across: number
}

/**
 * Where a place lies from a mark.
 * @param towards unit vector of the line between the marks
 */
export function besideOf(mark: Mark, pxPerMm: number, towards: readonly [number, number], to: Area): Beside {
  const [dx, dy] = [(to.x - mark.x) / pxPerMm, (to.y - mark.y) / pxPerMm]
  return { along: dx * towards[0] + dy * towards[1], across: dy * towards[0] - dx * towards[1] }
}

export function belongs({ along, across }: Beside): boolean {
  return Math.abs(along) <= GROUP_MM.along && Math.abs(across) <= GROUP_MM.across && Math.abs(across) > 0.8
}

/** From the first to the second mark: its length is 1. */
export function directionOf({ first, second }: Pick<Pair, 'first' | 'second'>): readonly [number, number] {
  const [dx, dy] = [second.x - first.x, second.y - first.y]
  const length = Math.hypot(dx, dy)
  return [dx / length, dy / length]
}

/**
 * Pairs of marks that can be the two of one lens, the likeliest first: radii alike and in their range for the scale that
 * 34 mm between them gives, what is engraved by them on the same side of the line, their middle not far from the lens's.
 * @param planePx pixels of the picture to one of the planes
 */
export function pairsOf(
  marks: readonly Mark[],
  engraved: readonly Area[],
  lens: { readonly middle: Point; readonly radius: number },
  planePx: number,
): readonly Pair[] {
  const pairs: Pair[] = []
  for (const [index, first] of marks.entries()) {
    for (const second of marks.slice(index + 1)) {
      const pair = asPair(first, second, engraved)
      const perPlane = (pair?.pxPerMm ?? 0) / planePx
      if (pair === undefined || perPlane < PLANE_PX_PER_MM.least || perPlane > PLANE_PX_PER_MM.most) continue
      const [x, y] = [(first.x + second.x) / 2 - lens.middle[0], (first.y + second.y) / 2 - lens.middle[1]]
      const off = Math.max(0, Math.hypot(x, y) / lens.radius - CENTRED)
      if (pair.score - off > LEAST_SCORE) pairs.push({ ...pair, score: pair.score - off })
    }
  }
  return pairs.toSorted((a, b) => b.score - a.score).slice(0, MOST_PAIRS)
}

function asPair(first: Mark, second: Mark, engraved: readonly Area[]): Pair | undefined {
  const pxPerMm = Math.hypot(first.x - second.x, first.y - second.y) / MARK_DISTANCE_MM
  for (const { radius, seen } of [first, second]) {
    const mm = radius / pxPerMm
    if (seen > 0 && !(mm >= RADIUS_MM.least && mm <= RADIUS_MM.most)) return undefined
  }
  // Of a circle that could not be fitted, the radius is not known: then nothing speaks for or against it.
  const fitted = first.seen > 0 && second.seen > 0
  const apart = Math.abs(first.radius - second.radius) / Math.max(first.radius, second.radius)
  if (fitted && apart > UNLIKE) return undefined
  const unlike = fitted ? apart : 0
  const heat = 1 - Math.sqrt(((1 - first.heat) ** 2 + (1 - second.heat) ** 2) / 2)
  const sides = oppositeSides(first, second)
  const groups = agreement({ first, second, pxPerMm }, engraved)
  const circles = Math.min(first.seen, second.seen)
  return { first, second, pxPerMm, score: heat + 0.3 * sides + 0.4 * groups + 0.4 * circles - unlike }
}

/** How much one looks nasal and the other temporal, −1 to 1. */
function oppositeSides(first: Mark, second: Mark): number {
  return Math.abs(first.nasal - first.temporal - (second.nasal - second.temporal)) - 1
}

/** 1 where both marks have something engraved on the same side of the line; less where it is scattered. */
function agreement(pair: Line, engraved: readonly Area[]): number {
  const [a, b] = [sideOf(pair.first, pair, engraved), sideOf(pair.second, pair, engraved)]
  return a === 0 || b === 0 ? 0.3 * Math.abs(a + b) : a * b
}

/** 1: everything by the marks lies below the line from the first to the second, read along it; −1: above. */
export function upright(pair: Line, engraved: readonly Area[]): number {
  const [a, b] = [sideOf(pair.first, pair, engraved), sideOf(pair.second, pair, engraved)]
  return a === 0 || b === 0 ? a + b : (a + b) / 2
}

/** On which side of the line something is engraved by a mark, −1 to 1; 0 where there is nothing. */
function sideOf(mark: Mark, pair: Line, engraved: readonly Area[]): number {
  const towards = directionOf(pair)
  let [below, all] = [0, 0]
  for (const area of engraved) {
    const beside = besideOf(mark, pair.pxPerMm, towards, area)
    if (!belongs(beside)) continue
    all += area.size * area.heat
    below += Math.sign(beside.across) * area.size * area.heat
  }
  return all === 0 ? 0 : below / all
}
