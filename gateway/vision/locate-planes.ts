import type { Grey } from './picture.ts'
import { areaResized } from './plane.ts'

/** Brightness, grey levels, row by row from the top left: a picture made smaller. */
export interface Reduced {
  readonly levels: Float32Array
  readonly width: number
  readonly height: number
  /** Pixels of the picture to one of these. */
  readonly scaleX: number
  readonly scaleY: number
}

/** So many planes, one behind the other, each 0 to 1: what stands out, how bright it is, and which look it is. */
export const PLANES = 3
/** A picture of any size is made about as large as half of 1280 × 960. */
const WIDTH = 640
const HEIGHT = 480
/** Pixels a side over which the surroundings are measured. */
const TILE = 16
/** The network halves its planes five times. */
const STEP = 32
/** Of the noise, grey levels: less than quantisation cannot be told. */
const FLOOR = 0.25
/** In so many mean deviations something stands out by half. */
const SOFT = 4
const LEVELS = 255
/** Of each level that a mean of four pixels can have: looking up takes a third of the time of a root. */
const ROOTS = Float32Array.from({ length: 4 * LEVELS + 1 }, (_, quarters) => Math.sqrt(quarters / 4 / LEVELS))

/** Planes of the last picture: taken anew, a page fault for every 4 kB of them costs more than some of the steps. */
let spare: Float32Array | undefined

/** Lends memory for the planes of a picture, of any content, until `use` is done with it. */
export async function withPlanes<Made>(
  { width, height }: Size,
  use: (planes: Float32Array) => Promise<Made>,
): Promise<Made> {
  const size = PLANES * width * height
  const planes = spare?.length === size ? spare : new Float32Array(size)
  spare = undefined
  try {
    return await use(planes)
  } finally {
    spare = planes
  }
}

interface Size {
  readonly width: number
  readonly height: number
}

/** A picture at half its size, or at what makes it about as large as that of 1280 × 960; sides are multiples of 32. */
export function reducedOf(picture: Grey): Reduced {
  const factor = Math.max(picture.width / WIDTH, picture.height / HEIGHT)
  const whole = (side: number): number => STEP * Math.max(2, Math.round(side / factor / STEP))
  const [width, height] = [whole(picture.width), whole(picture.height)]
  const levels = reduced(picture, width, height)
  return { levels, width, height, scaleX: picture.width / width, scaleY: picture.height / height }
}

/**
 * The network's input, as `models/lens-locator/PREPROCESSING.md` says: what stands out of its surroundings, in multiples
 * of their noise; how bright it is; and whether it is known how it lies.
 * @param levels of a picture in whole tiles
 * @param to where the planes are written
 */
export function fillPlanes(
  levels: Float32Array,
  { width, height }: Size,
  known: 0 | 1,
  to: Float32Array,
): void {
  const size = width * height
  const means = tileMeans(levels, width, height)
  const spreads = quietest(tileSpreads(levels, means, width, height), width / TILE, height / TILE)
  standOut(levels, { means, spreads, width, height }, to)
  for (let index = 0; index < size; index++) {
    const level = levels[index] ?? 0
    const quarters = Math.trunc(4 * level)
    to[size + index] = quarters === 4 * level ? (ROOTS[quarters] ?? 0) : Math.sqrt(level / LEVELS)
  }
  to.fill(known, 2 * size, PLANES * size)
}

function reduced({ pixels, width, height }: Grey, toWidth: number, toHeight: number): Float32Array {
  if (width !== 2 * toWidth || height !== 2 * toHeight) {
    const values = Float64Array.from(pixels)
    return Float32Array.from(areaResized({ values, width, height }, toWidth, toHeight).values)
  }
  const half = new Float32Array(toWidth * toHeight)
  for (let y = 0, to = 0; y < toHeight; y++) {
    let from = 2 * y * width
    for (let x = 0; x < toWidth; x++, to++, from += 2) {
      half[to] =
        ((pixels[from] ?? 0) +
          (pixels[from + 1] ?? 0) +
          (pixels[from + width] ?? 0) +
          (pixels[from + width + 1] ?? 0)) /
        4
    }
  }
  return half
}

function tileMeans(half: Float32Array, width: number, height: number): Float64Array {
  const columns = width / TILE
  const means = new Float64Array(columns * (height / TILE))
  for (let y = 0, from = 0; y < height; y++) {
    const row = Math.floor(y / TILE) * columns
    for (let tile = row; tile < row + columns; tile++) {
      let sum = 0
      for (let x = 0; x < TILE; x++, from++) sum += half[from] ?? 0
      means[tile] = (means[tile] ?? 0) + sum
    }
  }
  for (let tile = 0; tile < means.length; tile++) means[tile] = (means[tile] ?? 0) / (TILE * TILE)
  return means
}

/** Mean distance from the tile's mean. */
function tileSpreads(half: Float32Array, means: Float64Array, width: number, height: number): Float64Array {
  const columns = width / TILE
  const spreads = new Float64Array(means.length)
  for (let y = 0, from = 0; y < height; y++) {
    const row = Math.floor(y / TILE) * columns
    for (let tile = row; tile < row + columns; tile++) {
      const mean = means[tile] ?? 0
      let sum = 0
      for (let x = 0; x < TILE; x++, from++) sum += Math.abs((half[from] ?? 0) - mean)
      spreads[tile] = (spreads[tile] ?? 0) + sum
    }
  }
  for (let tile = 0; tile < spreads.length; tile++) spreads[tile] = (spreads[tile] ?? 0) / (TILE * TILE)
  return spreads
}

/** The least of each tile's three by three, so that an engraving does not hide itself; then their mean, to be smooth. */
function quietest(grid: Float64Array, columns: number, rows: number): Float64Array {
  const least = new Float64Array(grid.length)
  const smooth = new Float64Array(grid.length)
  for (const [from, to, isMean] of [
    [grid, least, false],
    [least, smooth, true],
  ] as const) {
    for (let index = 0; index < grid.length; index++) {
      const [x, y] = [index % columns, Math.floor(index / columns)]
      let [sum, lowest] = [0, Infinity]
      for (let k = 0; k < 9; k++) {
        const column = Math.min(columns - 1, Math.max(0, x + (k % 3) - 1))
        const row = Math.min(rows - 1, Math.max(0, y + Math.floor(k / 3) - 1))
        const value = from[row * columns + column] ?? 0
        sum += value
        if (value < lowest) lowest = value
      }
      to[index] = isMean ? sum / 9 : lowest
    }
  }
  return smooth
}

interface Surroundings {
  readonly means: Float64Array
  readonly spreads: Float64Array
  readonly width: number
  readonly height: number
}

/**
 * Means and spreads are bilinear between the middles of tiles, and even beyond the outermost: along a row they change
 * by the same step from pixel to pixel between two middles.
 */
function standOut(half: Float32Array, { means, spreads, width, height }: Surroundings, to: Float32Array) {
  const columns = width / TILE
  const rows = height / TILE
  const mean = new Float64Array(columns)
  const spread = new Float64Array(columns)
  for (let y = 0; y < height; y++) {
    const row = Math.min(rows - 1, Math.max(0, (y + 0.5) / TILE - 0.5))
    const upper = Math.min(rows - 2, Math.floor(row))
    const below = row - upper
    for (let tile = 0, from = upper * columns; tile < columns; tile++, from++) {
      mean[tile] = (means[from] ?? 0) * (1 - below) + (means[from + columns] ?? 0) * below
      spread[tile] =
        SOFT * ((spreads[from] ?? 0) * (1 - below) + (spreads[from + columns] ?? 0) * below + FLOOR)
    }
    for (let tile = -1; tile < columns; tile++) {
      const left = Math.max(0, tile)
      const right = Math.min(columns - 1, tile + 1)
      const first = tile < 0 ? 0 : tile * TILE + TILE / 2
      const end = Math.min(width, (tile + 1) * TILE + TILE / 2)
      const meanStep = ((mean[right] ?? 0) - (mean[left] ?? 0)) / TILE
      const spreadStep = ((spread[right] ?? 0) - (spread[left] ?? 0)) / TILE
      let surrounding = (mean[left] ?? 0) + meanStep / 2
      let noise = (spread[left] ?? 0) + spreadStep / 2
      for (let index = y * width + first; index < y * width + end; index++) {
        const out = (half[index] ?? 0) - surrounding
        to[index] = 0.5 + (0.5 * out) / (noise + Math.abs(out))
        surrounding += meanStep
        noise += spreadStep
      }
    }
  }
}
