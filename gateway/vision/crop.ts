import type { Ink } from './ink.ts'
import { at, type Plane, smoothed, topMean } from './plane.ts'

/** Pixels a side of what the embedder looks at. */
export const SIDE = 64
/** Of these, the ink's longer side takes so many. */
const BOX = 52
/** A long symbol is stretched across by at most this. */
const MOST_STRETCH = 1.5
const MOST_SAMPLES = 8

/** Where the ink lies when it is turned, and how many of its pixels an output pixel covers. */
interface Window {
  readonly cos: number
  readonly sin: number
  readonly centreX: number
  readonly centreY: number
  readonly scaleX: number
  readonly scaleY: number
}

/**
 * The network's input: steps 5 and 6 of `models/engraving-embedder/PREPROCESSING.md`.
 * @param degrees to turn by, anticlockwise on screen
 * @returns 64 × 64, row by row, 0 background … 1 ink
 */
export function cropOf(ink: Ink, degrees = 0): Float32Array {
  let out = sampled(ink.signed, windowOf(ink.points, degrees))
  let level = Math.max(topMean(out.values, SIDE), 1e-6)
  if (ink.sigma > 0.1 * level) {
    out = smoothed(out, ink.sigma < 0.25 * level ? 1 : 2)
    level = Math.max(topMean(out.values, SIDE), 1e-6)
  }
  const tau = Math.min(0.3, Math.max(0.08, ink.sigma / level))
  return Float32Array.from(out.values, (value) => Math.min(1, Math.max(0, (value / level - tau) / (1 - tau))))
}

function windowOf(points: Float64Array, degrees: number): Window {
  const turn = (degrees * Math.PI) / 180
  const cos = Math.cos(turn)
  const sin = Math.sin(turn)
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity]
  for (let index = 0; index < points.length; index += 2) {
    const x = at(points, index) * cos + at(points, index + 1) * sin
    const y = at(points, index + 1) * cos - at(points, index) * sin
    left = Math.min(left, x)
    right = Math.max(right, x)
    top = Math.min(top, y)
    bottom = Math.max(bottom, y)
  }
  // Points are centres: half a pixel more on each side.
  const width = Math.max(1, right - left + 1)
  const height = Math.max(1, bottom - top + 1)
  const longer = Math.max(width, height)
  const stretch = Math.min(MOST_STRETCH, Math.sqrt(longer / Math.min(width, height)))
  return {
    cos,
    sin,
    centreX: (left + right) / 2,
    centreY: (top + bottom) / 2,
    scaleX: longer / BOX / (height > width ? stretch : 1),
    scaleY: longer / BOX / (width > height ? stretch : 1),
  }
}

/** Each output pixel is the mean of as many samples as it covers pixels, in a square. */
function sampled(signed: Plane, { cos, sin, centreX, centreY, scaleX, scaleY }: Window): Plane {
  const samples = Math.min(MOST_SAMPLES, Math.max(1, Math.ceil(Math.max(scaleX, scaleY))))
  const values = new Float64Array(SIDE * SIDE)
  for (let j = 0, index = 0; j < SIDE; j++) {
    for (let i = 0; i < SIDE; i++, index++) {
      let sum = 0
      for (let q = 0; q < samples; q++) {
        const b = (j + (q + 0.5) / samples - SIDE / 2) * scaleY + centreY
        for (let p = 0; p < samples; p++) {
          const a = (i + (p + 0.5) / samples - SIDE / 2) * scaleX + centreX
          sum += between(signed, a * cos - b * sin - 0.5, a * sin + b * cos - 0.5)
        }
      }
      values[index] = sum / (samples * samples)
    }
  }
  return { values, width: SIDE, height: SIDE }
}

/** Bilinear; what lies outside the picture is background. */
function between({ values, width, height }: Plane, x: number, y: number): number {
  const left = Math.floor(x)
  const top = Math.floor(y)
  if (left < -1 || top < -1 || left >= width || top >= height) return 0
  const fx = x - left
  const fy = y - top
  const here = top * width + left
  const inLeft = left >= 0
  const inRight = left + 1 < width
  const upper =
    top < 0 ? 0 : (inLeft ? at(values, here) * (1 - fx) : 0) + (inRight ? at(values, here + 1) * fx : 0)
  const row = here + width
  const lower =
    top + 1 >= height
      ? 0
      : (inLeft ? at(values, row) * (1 - fx) : 0) + (inRight ? at(values, row + 1) * fx : 0)
  return upper * (1 - fy) + lower * fy
}
