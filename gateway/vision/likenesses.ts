import { SIDE } from './crop.ts'
import { centresOf, type Ink } from './ink.ts'
import { apart, joined, type Regions } from './regions.ts'

/** What the vector of a likeness is multiplied by: it counts less than the picture itself. */
export const LIKENESS = 0.9
/** How many regions a symbol has at most of which one may be left out. */
const MOST_REGIONS = 6
/** Of a symbol's pixels, the largest part that may be left out. */
const SMALL = 0.3
/** Pixels around a region that go with it, and around the others that stay, in the picture of the regions. */
const GOES = 2
const STAYS = 1
/** Of a network input: the least of so many pixels each way is its core, and more pixels of core than this make it bold. */
const CORE_REACH = 2
const LEAST_CORE = 25

/** Whether a network input shows strokes so bold, or areas so filled, that a person would draw them otherwise. */
export function isBold(crop: Float32Array): boolean {
  let filled = 0
  for (const value of coreOf(crop)) filled += value > 0.5 ? 1 : 0
  return filled > LEAST_CORE
}

/** A network input with bold strokes and filled areas as outlines. */
export function outlined(crop: Float32Array): Float32Array {
  const core = coreOf(crop)
  const rest = crop.map((value, index) => value - (core[index] ?? 0))
  const tallest = rest.reduce((most, value) => Math.max(most, value), 1e-6)
  return rest.map((value) => value / tallest)
}

/** The least value of five by five pixels; 0 beyond the edge. */
function coreOf(crop: Float32Array): Float32Array {
  return leastAlong(leastAlong(crop, 1), SIDE)
}

function leastAlong(values: Float32Array, step: number): Float32Array {
  return values.map((value, index) => {
    const along = step === 1 ? index % SIDE : Math.floor(index / SIDE)
    if (along < CORE_REACH || along >= SIDE - CORE_REACH) return 0
    let least = value
    for (let reach = -CORE_REACH; reach <= CORE_REACH; reach++) {
      least = Math.min(least, values[index + reach * step] ?? 0)
    }
    return least
  })
}

/** Ink of several regions, each time without a small one: what a person may leave out of a drawing. */
export function withoutParts(ink: Ink): readonly Ink[] {
  const regions = apart(ink.regions)
  if (regions.length < 2 || regions.length > MOST_REGIONS) return []
  const small = SMALL * ink.regions.places.length
  return regions
    .filter(({ length }) => length <= small)
    .map((gone) => {
      const others = regions.filter((region) => region !== gone)
      return without(ink, gone, joined(others, ink.regions.width, ink.regions.height))
    })
}

function without({ signed, sigma }: Ink, gone: Int32Array, kept: Regions): Ink {
  const removed = new Uint8Array(kept.width * kept.height)
  mark(removed, gone, kept, { reach: GOES, value: 1 })
  mark(removed, kept.places, kept, { reach: STAYS, value: 0 })
  const { width, height } = signed
  const values = signed.values.slice()
  for (let y = 0, index = 0; y < height; y++) {
    const row = Math.floor(((y + 0.5) * kept.height) / height) * kept.width
    for (let x = 0; x < width; x++, index++) {
      if (removed[row + Math.floor(((x + 0.5) * kept.width) / width)] === 1) values[index] = 0
    }
  }
  const points = centresOf(kept, width, height)
  return { signed: { values, width, height }, points, sigma, regions: kept }
}

/** Sets what lies within `reach` pixels of the places, corners too. */
function mark(
  map: Uint8Array,
  places: Int32Array,
  { width, height }: Pick<Regions, 'width' | 'height'>,
  { reach, value }: { readonly reach: number; readonly value: number },
): void {
  for (const place of places) {
    const x = place % width
    const y = Math.floor(place / width)
    for (let row = Math.max(0, y - reach); row <= Math.min(height - 1, y + reach); row++) {
      map.fill(value, row * width + Math.max(0, x - reach), row * width + Math.min(width - 1, x + reach) + 1)
    }
  }
}
