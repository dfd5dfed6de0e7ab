import type { Point } from './lens-view.ts'
import { type Area, areasOf } from './locate-areas.ts'
import type { HeatMap, HeatMaps } from './locate-maps.ts'

/** A lens, as the map of lenses shows it. */
export interface SeenLens {
  /** Corners of its edge, px, in order. */
  readonly outline: readonly Point[]
  /** Of the picture. */
  readonly share: number
  /** Of its area, px, and the radius of a disc as large. */
  readonly middle: Point
  readonly radius: number
  /** Length that it shares with the picture's border, in multiples of its diameter. */
  readonly cutOff: number
}

/** Less of the picture is no lens: a drop, a mirrored lamp. */
const LEAST_SHARE = 0.03
/** Nor a piece of one. */
const LEAST_PIECE = 0.004
/** Two lenses beside each other cannot lie so close, in sums of their radii; pieces of one do. */
const NEAR = 0.85
const INSIDE = 0.5
const CORNERS = 72

/** The lenses of a picture, the largest first. */
export function lensesOf(heat: HeatMaps): readonly SeenLens[] {
  const coarse = halved(heat)
  const picture = coarse.width * coarse.height * coarse.cellX * coarse.cellY
  const areas = areasOf(coarse.maps.lens, coarse, { from: INSIDE, size: LEAST_PIECE * picture })
  return together(areas)
    .filter(({ size }) => size >= LEAST_SHARE * picture)
    .toSorted((a, b) => b.size - a.size)
    .map((area) => ({
      outline: outlineOf(area, coarse),
      share: area.size / picture,
      middle: [area.x, area.y],
      radius: Math.sqrt(area.size / Math.PI),
      cutOff: borderOf(area, coarse) / Math.sqrt((4 * area.size) / Math.PI),
    }))
}

/** Pieces that lie closer than two lenses could, are one. */
function together(areas: readonly Area[]): readonly Area[] {
  const left = areas.toSorted((a, b) => b.size - a.size)
  const found: Area[] = []
  for (const area of left) {
    const whole = found.findIndex(
      (other) => Math.hypot(area.x - other.x, area.y - other.y) < reach(area, other),
    )
    const other = found[whole]
    if (other === undefined) found.push(area)
    else found[whole] = joined(other, area)
  }
  return found
}

/** Of two round pieces beside each other, a part of the way between their middles. */
function reach(a: Area, b: Area): number {
  return NEAR * (Math.sqrt(a.size / Math.PI) + Math.sqrt(b.size / Math.PI))
}

function joined(a: Area, b: Area): Area {
  const size = a.size + b.size
  const mean = (of: (area: Area) => number): number => (of(a) * a.size + of(b) * b.size) / size
  const [x, y] = [mean((area) => area.x), mean((area) => area.y)]
  return {
    size,
    x,
    y,
    xx: mean((area) => area.xx + (area.x - x) ** 2),
    xy: mean((area) => area.xy + (area.x - x) * (area.y - y)),
    yy: mean((area) => area.yy + (area.y - y) ** 2),
    heat: mean((area) => area.heat),
    cells: [...a.cells, ...b.cells],
  }
}

/** An outline needs no finer cells. */
function halved(heat: HeatMaps): HeatMaps {
  const [width, height] = [heat.width / 2, heat.height / 2]
  const lens = new Float32Array(width * height)
  for (let y = 0, to = 0; y < height; y++) {
    let from = 2 * y * heat.width
    for (let x = 0; x < width; x++, to++, from += 2) {
      const below = from + heat.width
      const { lens: map } = heat.maps
      lens[to] = ((map[from] ?? 0) + (map[from + 1] ?? 0) + (map[below] ?? 0) + (map[below + 1] ?? 0)) / 4
    }
  }
  const { cellX, cellY } = heat
  return { maps: { ...heat.maps, lens }, width, height, cellX: 2 * cellX, cellY: 2 * cellY }
}

/** Of the cells at the picture's border, px. */
function borderOf({ cells }: Area, { width, height, cellX, cellY }: HeatMaps): number {
  let length = 0
  for (const cell of cells) {
    const [x, y] = [cell % width, Math.floor(cell / width)]
    if (x === 0 || x === width - 1) length += cellY
    else if (y === 0 || y === height - 1) length += cellX
  }
  return length
}

/** In so many directions from its middle, where it ends: the outermost place at which the map passes a half. */
function outlineOf(area: Area, { maps, width, height, cellX, cellY }: HeatMaps): readonly Point[] {
  const own = new Float32Array(maps.lens.length)
  for (const cell of area.cells) own[cell] = 1
  const reach = Math.hypot(width, height)
  return Array.from({ length: CORNERS }, (_, corner): Point => {
    const angle = (2 * Math.PI * corner) / CORNERS
    const [stepX, stepY] = [Math.cos(angle), Math.sin(angle)]
    const [x, y] = [area.x / cellX, area.y / cellY]
    let radius = reach
    while (radius > 0 && !isOwn(own, x + radius * stepX, y + radius * stepY, width, height)) radius -= 0.5
    // Between the last cell inside and the first outside, as their heat says.
    const inner = between(maps.lens, x + radius * stepX, y + radius * stepY, width, height)
    const outer = between(maps.lens, x + (radius + 1) * stepX, y + (radius + 1) * stepY, width, height)
    const share = inner > outer ? Math.min(1, Math.max(0, (inner - INSIDE) / (inner - outer))) : 0.5
    const edge = radius + share
    return [
      Math.min(width, Math.max(0, x + edge * stepX)) * cellX,
      Math.min(height, Math.max(0, y + edge * stepY)) * cellY,
    ]
  })
}

function isOwn(own: Float32Array, x: number, y: number, width: number, height: number): boolean {
  const [column, row] = [Math.floor(x), Math.floor(y)]
  return column >= 0 && row >= 0 && column < width && row < height && (own[row * width + column] ?? 0) === 1
}

/** Bilinear between the middles of cells; beyond the border 0. */
function between(map: HeatMap, x: number, y: number, width: number, height: number): number {
  const [left, top] = [Math.floor(x - 0.5), Math.floor(y - 0.5)]
  const [u, v] = [x - 0.5 - left, y - 0.5 - top]
  const value = (column: number, row: number): number =>
    column < 0 || row < 0 || column >= width || row >= height ? 0 : (map[row * width + column] ?? 0)
  const upper = value(left, top) * (1 - u) + value(left + 1, top) * u
  const lower = value(left, top + 1) * (1 - u) + value(left + 1, top + 1) * u
  return upper * (1 - v) + lower * v
}
