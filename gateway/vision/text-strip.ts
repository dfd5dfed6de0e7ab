import type { OrientedBox } from './lens-view.ts'
import type { Grey } from './picture.ts'

/** Pixels from the top to the bottom of what the recogniser looks at. */
export const STRIP_HEIGHT = 32
/** Of the box's height, what is seen beyond it above and below, and on the left and right. */
const MARGIN_Y = 0.25
const MARGIN_X = 0.45
const LEAST_WIDTH = 16
const MOST_WIDTH = 256
/** A strip is as wide as a multiple of this, so that few sizes go through the network. */
const WIDTH_STEP = 32
/** px; a smaller box is looked at as if it were so large. */
const LEAST_SIDE = 4
const MOST_SAMPLES = 8
/** The ground is the mean of so many pixels to each side. */
const RADIUS = 8
/** Grey levels: where less than this stands out, it is not drawn up to full contrast. */
const LEAST_SPREAD = 2

/** What the recogniser looks at: 32 rows of values from 0 to 1, 0.5 the background. */
export interface Strip {
  readonly values: Float32Array
  readonly width: number
}

/** A box cut out upright. */
interface Cut {
  readonly light: Float64Array
  /** Which share of each pixel lies within the picture. */
  readonly seen: Float64Array
  readonly width: number
}

/**
 * The network's input for a box that may be turned, and may lie partly or wholly outside of the picture:
 * `models/engraving-text/PREPROCESSING.md`.
 */
export function stripOf(picture: Grey, box: OrientedBox): Strip {
  const cut = rectified(picture, box)
  const flat = levelled(cut)
  const width = Math.ceil(cut.width / WIDTH_STEP) * WIDTH_STEP
  const values = new Float32Array(STRIP_HEIGHT * width).fill(0.5)
  for (let y = 0, index = 0; y < STRIP_HEIGHT; y++) {
    for (let x = 0; x < cut.width; x++, index++) values[y * width + x] = ((flat[index] ?? 0) + 1) / 2
  }
  return { values, width }
}

/** Each pixel is the mean of as many samples as it covers pixels of the picture, in a square. */
function rectified(picture: Grey, box: OrientedBox): Cut {
  const boxHeight = Math.max(box.height, LEAST_SIDE)
  const scaleY = (boxHeight * (1 + 2 * MARGIN_Y)) / STRIP_HEIGHT
  const length = Math.max(box.width, LEAST_SIDE) + 2 * MARGIN_X * boxHeight
  const width = Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, Math.floor(length / scaleY + 0.5)))
  const scaleX = length / width
  const samples = Math.min(MOST_SAMPLES, Math.max(1, Math.ceil(Math.max(scaleX, scaleY))))
  const turn = (box.angleDeg * Math.PI) / 180
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)]
  const light = new Float64Array(STRIP_HEIGHT * width)
  const seen = new Float64Array(STRIP_HEIGHT * width)
  for (let j = 0, index = 0; j < STRIP_HEIGHT; j++) {
    for (let i = 0; i < width; i++, index++) {
      let sum = 0
      let inside = 0
      for (let q = 0; q < samples; q++) {
        const b = (j + (q + 0.5) / samples - STRIP_HEIGHT / 2) * scaleY
        for (let p = 0; p < samples; p++) {
          const a = (i + (p + 0.5) / samples - width / 2) * scaleX
          const x = box.x + a * cos - b * sin
          const y = box.y + a * sin + b * cos
          if (!(x >= 0 && y >= 0 && x <= picture.width && y <= picture.height)) continue
          sum += lightAt(picture, x - 0.5, y - 0.5)
          inside += 1
        }
      }
      light[index] = sum / Math.max(1, inside)
      seen[index] = inside / (samples * samples)
    }
  }
  return { light, seen, width }
}

/** Bilinear between the centres of pixels; the outer ones reach to the picture's edge. */
function lightAt({ pixels, width, height }: Grey, column: number, row: number): number {
  const x = Math.min(width - 1, Math.max(0, column))
  const y = Math.min(height - 1, Math.max(0, row))
  const left = Math.floor(x)
  const above = Math.floor(y) * width
  const right = Math.min(left + 1, width - 1)
  const below = Math.min(Math.floor(y) + 1, height - 1) * width
  const fx = x - left
  const fy = y - Math.floor(y)
  const upper = (pixels[above + left] ?? 0) * (1 - fx) + (pixels[above + right] ?? 0) * fx
  const lower = (pixels[below + left] ?? 0) * (1 - fx) + (pixels[below + right] ?? 0) * fx
  return upper * (1 - fy) + lower * fy
}

/**
 * Less its ground, the mean of means of what lies around, and compressed by twice the mean of what then stands out: −1 to 1.
 * Dark and bright lines keep their signs.
 */
function levelled({ light, seen, width }: Cut): Float64Array {
  const count = light.length
  const around = boxSums(seen, width)
  let ground = light
  const weighed = new Float64Array(count)
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < count; index++) weighed[index] = (ground[index] ?? 0) * (seen[index] ?? 0)
    ground = boxSums(weighed, width)
    for (let index = 0; index < count; index++) {
      const weight = around[index] ?? 0
      ground[index] = weight > 0 ? (ground[index] ?? 0) / weight : 0
    }
  }
  const flat = new Float64Array(count)
  let [standing, visible] = [0, 0]
  for (let index = 0; index < count; index++) {
    const share = seen[index] ?? 0
    const value = ((light[index] ?? 0) - (ground[index] ?? 0)) * share
    flat[index] = value
    standing += Math.abs(value)
    visible += share
  }
  const spread = Math.max((2 * standing) / Math.max(1, visible), LEAST_SPREAD)
  for (let index = 0; index < count; index++) {
    const value = flat[index] ?? 0
    flat[index] = value / (Math.abs(value) + spread)
  }
  return flat
}

/** Over 17 × 17 pixels about each, as far as there are any. */
function boxSums(values: Float64Array, width: number): Float64Array {
  const height = values.length / width
  const sums = new Float64Array(values.length)
  const before = new Float64Array(Math.max(width, height) + 1)
  for (let x = 0; x < width; x++) sumAlong(values, sums, before, { from: x, step: width, count: height })
  for (let y = 0; y < height; y++) sumAlong(sums, sums, before, { from: y * width, step: 1, count: width })
  return sums
}

/** A row or a column. */
interface Run {
  readonly from: number
  readonly step: number
  readonly count: number
}

/** @param before room for the sums up to each place: `source` and `target` may be the same */
function sumAlong(source: Float64Array, target: Float64Array, before: Float64Array, run: Run): void {
  const { from, step, count } = run
  let sum = 0
  for (let n = 0; n < count; n++) {
    sum += source[from + n * step] ?? 0
    before[n + 1] = sum
  }
  for (let n = 0; n < count; n++) {
    const end = before[Math.min(count, n + RADIUS + 1)] ?? 0
    target[from + n * step] = end - (before[Math.max(0, n - RADIUS)] ?? 0)
  }
}
