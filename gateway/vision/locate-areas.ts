import type { HeatMap, HeatMaps } from './locate-maps.ts'

/** Cells of a map that hang together, weighed by their heat; px of the picture. */
export interface Area {
  /** px², by weight: the true area where the edges are soft. */
  readonly size: number
  /** Of the middle. */
  readonly x: number
  readonly y: number
  /** Second moments about the middle, px². */
  readonly xx: number
  readonly xy: number
  readonly yy: number
  /** Mean heat of its inner cells, 0 to 1. */
  readonly heat: number
  /** Indices of the cells, as they were found. */
  readonly cells: readonly number[]
}

export interface AreaLimits {
  /** From this heat on a cell belongs to an area. */
  readonly from: number
  /** Least size, px². */
  readonly size: number
}

/** The areas of a map, eight neighbours to a cell, in order of their first cell. */
export function areasOf(map: HeatMap, maps: HeatMaps, limits: AreaLimits): readonly Area[] {
  const { width } = maps
  const { from } = limits
  const seen = new Uint8Array(map.length)
  const areas: Area[] = []
  for (let index = 0; index < map.length; index++) {
    if ((map[index] ?? 0) < from || (seen[index] ?? 0) === 1) continue
    const cells = flooded(map, index, width, from, seen)
    const area = weighed(map, maps, cells)
    if (area.size >= limits.size) areas.push(area)
  }
  return areas
}

function flooded(map: HeatMap, first: number, width: number, from: number, seen: Uint8Array): number[] {
  const cells = [first]
  seen[first] = 1
  for (let next = 0; next < cells.length; next++) {
    const cell = cells[next] ?? 0
    const x = cell % width
    for (let dy = -width; dy <= width; dy += width) {
      for (let dx = -1; dx <= 1; dx++) {
        const beside = cell + dy + dx
        if (beside < 0 || beside >= map.length || x + dx < 0 || x + dx >= width) continue
        if ((seen[beside] ?? 0) === 1 || (map[beside] ?? 0) < from) continue
        seen[beside] = 1
        cells.push(beside)
      }
    }
  }
  return cells
}

function weighed(map: HeatMap, { width, cellX, cellY }: HeatMaps, cells: readonly number[]): Area {
  let [sum, sumX, sumY, sumXX, sumXY, sumYY, squares] = [0, 0, 0, 0, 0, 0, 0]
  for (const cell of cells) {
    const heat = map[cell] ?? 0
    const x = ((cell % width) + 0.5) * cellX
    const y = (Math.floor(cell / width) + 0.5) * cellY
    sum += heat
    squares += heat * heat
    sumX += heat * x
    sumY += heat * y
    sumXX += heat * x * x
    sumXY += heat * x * y
    sumYY += heat * y * y
  }
  const [x, y] = [sumX / sum, sumY / sum]
  return {
    size: sum * cellX * cellY,
    x,
    y,
    xx: sumXX / sum - x * x,
    xy: sumXY / sum - x * y,
    yy: sumYY / sum - y * y,
    heat: squares / sum,
    cells,
  }
}
