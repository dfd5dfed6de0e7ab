import type { Compute } from './embedder.ts'
import type { FoundEngraving, LensPose } from './lens-view.ts'
import { type Area, areasOf } from './locate-areas.ts'
import type { Mark } from './locate-marks.ts'
import { directionOf, type Pair, upright } from './locate-pair.ts'
import type { Reduced } from './locate-planes.ts'
import { type Looked, lookAgain } from './locate-second.ts'
import { ModelError } from './model.ts'

/** What is engraved by a mark, as the second look shows it. */
export interface Group {
  readonly mark: Mark
  readonly looked: Looked
  /** In px of the look. */
  readonly areas: Readonly<Record<FoundEngraving['kind'], readonly Area[]>>
  /** How much the mark looks like that of the nasal side, and like that of the temporal one, 0 to 1. */
  readonly asNasal: number
  readonly asTemporal: number
}

/** How a lens lies, and the groups of its two sides. */
export interface Lie {
  readonly pose: LensPose
  readonly nasal: Group
  readonly temporal: Group
  /** Direction in which its text is read, clockwise on the picture from its x axis, degrees. */
  readonly readingDeg: number
}

/** Why it cannot be said, in words. */
export interface Undecided {
  readonly undecided: string
}

/** What the first look says for a pair counts so much beside the second. */
const FIRST_SHARE = 0.25
/** Of two marks, one must look so much more like that of its side. */
const LEAST_SIDE = 0.6
/** Of what is engraved by the marks, so much more must be found one way up than the other, as a share. */
const LEAST_UPRIGHT = 0.25
/** What the second look says of up and down counts so much, what lies on which side of the line the rest. */
const SECOND_SHARE = 0.6
/** Heat from which a cell belongs to an engraving, and the least size of one, px² of the look (0.7 mm²). */
const ENGRAVED = { from: 0.4, size: 29 } as const
/** Cells about the mark in which its heat is looked for. */
const AT_MARK = 3

/** A pair as the second look shows it. */
export interface Looks {
  readonly pair: Pair
  /** Along the line from the first to the second mark, and the other way up. */
  readonly ways: readonly [Way, Way]
  /** What speaks for these being the two alignment marks, about 0 to 1.4. */
  readonly certainty: number
}

type Way = readonly [first: Group, second: Group]

/**
 * Looks at both marks again, both ways up.
 * @throws ModelError when the network gives no maps
 */
export async function looksAt(pair: Pair, picture: Reduced, compute: Compute): Promise<Looks> {
  const { first, second, pxPerMm } = pair
  const [dx, dy] = directionOf(pair)
  const along = degreesOf(dx, dy)
  const marks = [along, along > 0 ? along - 180 : along + 180].flatMap((readingDeg) =>
    [first, second].map((mark) => ({ mark, readingDeg })),
  )
  const looks = marks.map(({ mark: { x, y }, readingDeg }) => ({ x, y, readingDeg, pxPerMm }))
  const looked = await lookAgain(picture, looks, compute)
  const [a, b, c, d] = looked.map((each, index) => groupOf(marks[index]?.mark ?? first, each))
  if (a === undefined || b === undefined || c === undefined || d === undefined) {
    throw new ModelError('shape', `${looked.length} second looks, expected 4`)
  }
  const certainty = Math.max(opposite(a, b), opposite(c, d)) + FIRST_SHARE * pair.score
  return {
    pair,
    ways: [
      [a, b],
      [c, d],
    ],
    certainty,
  }
}

/** How surely one is a nasal mark and the other a temporal one. */
function opposite(a: Group, b: Group): number {
  return Math.max(Math.min(a.asNasal, b.asTemporal), Math.min(a.asTemporal, b.asNasal))
}

/**
 * Which way is up, and which mark is the nasal one: the maker's mark stands under the nasal mark, the addition under the
 * temporal one (ISO 8980-2:2017, 7.2).
 * @param engraved what the first look found, anywhere
 */
export function lieOf({ pair, ways }: Looks, engraved: readonly Area[]): Lie | Undecided {
  const [one, other] = [inkOf(ways[0]), inkOf(ways[1])]
  const more = one + other === 0 ? 0 : (one - other) / (one + other)
  const up = SECOND_SHARE * more + (1 - SECOND_SHARE) * upright(pair, engraved)
  if (one + other === 0 || Math.abs(up) < LEAST_UPRIGHT) {
    const said = `one way up ${Math.abs(up).toFixed(2)} more is engraved, expected ${LEAST_UPRIGHT}`
    return { undecided: `two marks 34 mm apart, but which way is up is not clear: ${said}` }
  }
  return sided(up > 0 ? ways[0] : ways[1], pair)
}

function sided([first, second]: Way, pair: Pair): Lie | Undecided {
  const difference = nasalOf(first) - nasalOf(second) + kindsOf(first) - kindsOf(second)
  if (Math.abs(difference) < LEAST_SIDE) {
    const said = `the one looks nasal by ${Math.abs(difference).toFixed(2)} more, expected ${LEAST_SIDE}`
    return { undecided: `two marks 34 mm apart, but which is at the nose is not clear: ${said}` }
  }
  const [nasal, temporal] = difference > 0 ? [first, second] : [second, first]
  const [dx, dy] = directionOf({ first: temporal.mark, second: nasal.mark })
  return {
    pose: {
      nasal: [nasal.mark.x, nasal.mark.y],
      temporal: [temporal.mark.x, temporal.mark.y],
      pxPerMm: pair.pxPerMm,
      towardsNoseDeg: degreesOf(dx, dy),
    },
    nasal,
    temporal,
    readingDeg: first.looked.look.readingDeg,
  }
}

function degreesOf(x: number, y: number): number {
  return (Math.atan2(y, x) * 180) / Math.PI
}

function groupOf(mark: Mark, looked: Looked): Group {
  const { heat } = looked
  const [x, y] = looked.markCell
  let [nasal, temporal] = [0, 0]
  for (let row = y - AT_MARK; row <= y + AT_MARK; row++) {
    for (let column = x - AT_MARK; column <= x + AT_MARK; column++) {
      nasal = Math.max(nasal, heat.maps.nasal[row * heat.width + column] ?? 0)
      temporal = Math.max(temporal, heat.maps.temporal[row * heat.width + column] ?? 0)
    }
  }
  const areas = {
    symbol: areasOf(heat.maps.symbol, heat, ENGRAVED),
    text: areasOf(heat.maps.text, heat, ENGRAVED),
  }
  return { mark, looked, areas, asNasal: nasal, asTemporal: temporal }
}

function nasalOf({ asNasal, asTemporal }: Group): number {
  return asNasal - asTemporal
}

/** How much is engraved. */
function inkOf(way: Way): number {
  const areas = way.flatMap((group) => [...group.areas.symbol, ...group.areas.text])
  return areas.reduce((sum, { size, heat }) => sum + size * heat, 0)
}

/** Whether what is engraved is a symbol, 0.5, or text alone, −0.25. */
function kindsOf({ areas }: Group): number {
  const most = (list: readonly Area[]): number => list.reduce((heat, area) => Math.max(heat, area.heat), 0)
  const [symbol, text] = [most(areas.symbol), most(areas.text)]
  return 0.5 * symbol - 0.25 * Math.max(0, text - symbol)
}
