import type { FoundEngraving, OrientedBox } from './lens-view.ts'
import type { Area } from './locate-areas.ts'

/** What the soft edge of a map adds to an area's second moment along any axis, cells². */
const SOFT_EDGE = 0.3
/** What covers another by this share of the smaller is the same thing. */
const SAME = 0.45

/** An engraving in the making, in the frame of reading. */
interface Part {
  readonly kind: FoundEngraving['kind']
  readonly heat: number
  readonly size: number
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

/** In which frame areas are boxed. */
export interface BoxFrame {
  /** Direction of reading in the areas' frame, clockwise, degrees. */
  readonly readingDeg: number
  /** Of the areas' map. */
  readonly cell: number
  /** Parts of one engraving lie no farther apart, in the unit of the areas. */
  readonly gap: number
}

/**
 * Boxes of engravings, all along the direction in which the lens is read: a uniform box's second moment is the square of
 * its side over 12. In the unit of the areas.
 */
export function boxesOf(
  areas: Readonly<Record<FoundEngraving['kind'], readonly Area[]>>,
  { readingDeg, cell, gap }: BoxFrame,
): readonly FoundEngraving[] {
  const turn = (readingDeg * Math.PI) / 180
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)]
  const soft = SOFT_EDGE * cell * cell
  const parts = (['symbol', 'text'] as const).flatMap((kind) =>
    areas[kind].map((area) => partOf(kind, area, cos, sin, soft)),
  )
  return merged(withoutDoubles(parts), gap).map((part) => ({
    kind: part.kind,
    box: boxOf(part, cos, sin, readingDeg),
    confidence: Math.min(1, part.heat),
  }))
}

function partOf(kind: FoundEngraving['kind'], area: Area, cos: number, sin: number, soft: number): Part {
  const along = cos * cos * area.xx + 2 * cos * sin * area.xy + sin * sin * area.yy
  const across = sin * sin * area.xx - 2 * cos * sin * area.xy + cos * cos * area.yy
  const half = (moment: number): number => Math.sqrt(3 * Math.max(soft, moment - soft))
  const [u, v] = [area.x * cos + area.y * sin, area.y * cos - area.x * sin]
  return {
    kind,
    heat: area.heat,
    size: area.size,
    left: u - half(along),
    right: u + half(along),
    top: v - half(across),
    bottom: v + half(across),
  }
}

/** Of two kinds at one place, the one with more heat. */
function withoutDoubles(parts: readonly Part[]): readonly Part[] {
  const kept: Part[] = []
  for (const part of parts.toSorted((a, b) => b.size * b.heat - a.size * a.heat)) {
    if (kept.every((other) => sharedBy(part, other) < SAME)) kept.push(part)
  }
  return kept
}

/** Share of the smaller that the two have in common. */
function sharedBy(a: Part, b: Part): number {
  const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left)
  const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
  if (wide <= 0 || high <= 0) return 0
  const least = Math.min((a.right - a.left) * (a.bottom - a.top), (b.right - b.left) * (b.bottom - b.top))
  return (wide * high) / least
}

/** Parts of a kind side by side on a line become one, until no two are. */
function merged(parts: readonly Part[], gap: number): readonly Part[] {
  for (const [index, part] of parts.entries()) {
    const beside = parts.findIndex((other, at) => at > index && isSameLine(part, other, gap))
    const other = parts[beside]
    if (other === undefined) continue
    const others = parts.filter((_, at) => at !== index && at !== beside)
    return merged([joined(part, other), ...others], gap)
  }
  return parts
}

function isSameLine(a: Part, b: Part, gap: number): boolean {
  if (a.kind !== b.kind) return false
  const common = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
  const apart = Math.max(a.left, b.left) - Math.min(a.right, b.right)
  return common > 0.5 * Math.min(a.bottom - a.top, b.bottom - b.top) && apart < gap
}

function joined(a: Part, b: Part): Part {
  const size = a.size + b.size
  return {
    kind: a.kind,
    size,
    heat: (a.heat * a.size + b.heat * b.size) / size,
    left: Math.min(a.left, b.left),
    right: Math.max(a.right, b.right),
    top: Math.min(a.top, b.top),
    bottom: Math.max(a.bottom, b.bottom),
  }
}

function boxOf({ left, right, top, bottom }: Part, cos: number, sin: number, angleDeg: number): OrientedBox {
  const [u, v] = [(left + right) / 2, (top + bottom) / 2]
  return {
    x: u * cos - v * sin,
    y: u * sin + v * cos,
    width: right - left,
    height: bottom - top,
    angleDeg,
  }
}
