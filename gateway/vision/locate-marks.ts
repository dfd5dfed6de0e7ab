import { type Circle, circleAt } from './locate-circle.ts'
import type { HeatMap, HeatMaps } from './locate-maps.ts'
import type { Grey } from './picture.ts'

/** An alignment mark, or what looks like one. */
export interface Mark {
  /** Of its middle, px. */
  readonly x: number
  readonly y: number
  /** px */
  readonly radius: number
  /** Share of the circle on which something stands out. */
  readonly seen: number
  /** How much it looks like the mark of the nasal side, and like that of the temporal one, 0 to 1. */
  readonly nasal: number
  readonly temporal: number
  /** The larger of the two. */
  readonly heat: number
}

/** From this heat on a peak is looked at. */
const LEAST_HEAT = 0.12
/** Peaks are so many cells apart, and of so many, at most, a circle is fitted. */
const APART = 3
const MOST = 10
/** Of a circle that is only guessed where none could be fitted: px of the planes. */
const GUESSED_RADIUS = 5

/** Whatever looks like an alignment mark, the likeliest first. */
export function marksOf(picture: Grey, heat: HeatMaps): readonly Mark[] {
  const { nasal, temporal } = heat.maps
  const peaks = peaksOf(nasal, temporal, heat)
  const scale = (heat.cellX + heat.cellY) / 4
  return peaks.map(({ x, y, value, index }) => {
    const [px, py] = [x * heat.cellX, y * heat.cellY]
    const circle: Circle = circleAt(picture, px, py, scale) ?? {
      x: px,
      y: py,
      radius: GUESSED_RADIUS * scale,
      seen: 0,
    }
    return {
      ...circle,
      nasal: around(nasal, index, heat.width),
      temporal: around(temporal, index, heat.width),
      heat: value,
    }
  })
}

interface Peak {
  readonly index: number
  readonly value: number
  /** Of the middle of its heat, in cells. */
  readonly x: number
  readonly y: number
}

function peaksOf(nasal: HeatMap, temporal: HeatMap, { width, height }: HeatMaps): readonly Peak[] {
  const found: Peak[] = []
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const index = y * width + x
      const value = Math.max(nasal[index] ?? 0, temporal[index] ?? 0)
      if (value < LEAST_HEAT || !isTop(nasal, temporal, index, width)) continue
      found.push({ index, value, ...middleOf(nasal, temporal, x, y, width) })
    }
  }
  found.sort((a, b) => b.value - a.value)
  const kept: Peak[] = []
  for (const peak of found) {
    if (kept.length === MOST) break
    if (kept.every((other) => Math.hypot(other.x - peak.x, other.y - peak.y) >= APART)) kept.push(peak)
  }
  return kept
}

function isTop(nasal: HeatMap, temporal: HeatMap, index: number, width: number): boolean {
  const value = Math.max(nasal[index] ?? 0, temporal[index] ?? 0)
  for (let dy = -width; dy <= width; dy += width) {
    for (let dx = -1; dx <= 1; dx++) {
      if (Math.max(nasal[index + dy + dx] ?? 0, temporal[index + dy + dx] ?? 0) > value) return false
    }
  }
  return true
}

/** Of the heat of both maps, three by three cells. */
function middleOf(nasal: HeatMap, temporal: HeatMap, x: number, y: number, width: number) {
  let [sum, sumX, sumY] = [0, 0, 0]
  for (let dy = -1; dy <= 1; dy++) {
    for (let dx = -1; dx <= 1; dx++) {
      const index = (y + dy) * width + x + dx
      const value = Math.max(nasal[index] ?? 0, temporal[index] ?? 0)
      sum += value
      sumX += value * dx
      sumY += value * dy
    }
  }
  return { x: x + 0.5 + sumX / sum, y: y + 0.5 + sumY / sum }
}

/** The most of a cell and its eight neighbours. */
function around(map: HeatMap, index: number, width: number): number {
  let most = 0
  for (let dy = -width; dy <= width; dy += width) {
    for (let dx = -1; dx <= 1; dx++) most = Math.max(most, map[index + dy + dx] ?? 0)
  }
  return most
}
