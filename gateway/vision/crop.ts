import type { Ink } from './ink.ts'
import { type Plane, smoothed, topMean } from './plane.ts'

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
    const x = (points[index] ?? 0) * cos + (points[index + 1] ?? 0) * sin
    const y = (points[index + 1] ?? 0) * cos - (points[index] ?? 0) * sin
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
function sampled(signed: Plane, window: Window): Plane {
  const samples = Math.min(MOST_SAMPLES, Math.max(1, Math.ceil(Math.max(window.scaleX, window.scaleY))))
  const framed = withMargin(signed)
  const across = offsets(window.scaleX, window.centreX, samples)
  const down = offsets(window.scaleY, window.centreY, samples)
  const values = new Float64Array(SIDE * SIDE)
  for (let row = 0; row < down.length; row++) {
    const from = Math.floor(row / samples) * SIDE
    const b = down[row] ?? 0
    if (window.sin === 0) addRow(framed, across, b, values.subarray(from, from + SIDE))
    else addTurnedRow(framed, across, { ...window, b }, values.subarray(from, from + SIDE))
  }
  const count = samples * samples
  for (let index = 0; index < values.length; index++) values[index] = (values[index] ?? 0) / count
  return { values, width: SIDE, height: SIDE }
}

/** Where the samples lie along one side, in the turned picture. */
function offsets(scale: number, centre: number, samples: number): Float64Array {
  const places = new Float64Array(SIDE * samples)
  for (let i = 0, to = 0; i < SIDE; i++) {
    for (let p = 0; p < samples; p++) places[to++] = (i + (p + 0.5) / samples - SIDE / 2) * scale + centre
  }
  return places
}

function addTurnedRow(
  framed: Plane,
  across: Float64Array,
  { cos, sin, b }: Window & { readonly b: number },
  row: Float64Array,
): void {
  const samples = across.length / SIDE
  for (let i = 0, next = 0; i < SIDE; i++) {
    let sum = row[i] ?? 0
    for (let p = 0; p < samples; p++, next++) {
      const a = across[next] ?? 0
      sum += between(framed, a * cos - b * sin - 0.5, a * sin + b * cos - 0.5)
    }
    row[i] = sum
  }
}

/** The same where nothing is turned: all of the row lies between two rows of the picture. */
function addRow({ values, width, height }: Plane, across: Float64Array, b: number, row: Float64Array): void {
  const top = Math.floor(b - 0.5)
  if (top < -1 || top >= height - 2) return
  const fy = b - 0.5 - top
  const upperRow = (top + 1) * width + 1
  const samples = across.length / SIDE
  for (let i = 0, next = 0; i < SIDE; i++) {
    let sum = row[i] ?? 0
    for (let p = 0; p < samples; p++, next++) {
      const x = (across[next] ?? 0) - 0.5
      const left = Math.floor(x)
      if (left < -1 || left >= width - 2) continue
      const fx = x - left
      const here = upperRow + left
      const upper = (values[here] ?? 0) * (1 - fx) + (values[here + 1] ?? 0) * fx
      const lower = (values[here + width] ?? 0) * (1 - fx) + (values[here + width + 1] ?? 0) * fx
      sum += upper * (1 - fy) + lower * fy
    }
    row[i] = sum
  }
}

/** A pixel of background more on every side. */
function withMargin({ values, width, height }: Plane): Plane {
  const wide = width + 2
  const framed = new Float64Array(wide * (height + 2))
  for (let y = 0; y < height; y++) {
    framed.set(values.subarray(y * width, (y + 1) * width), (y + 1) * wide + 1)
  }
  return { values: framed, width: wide, height: height + 2 }
}

/** Bilinear, `x` and `y` from the first pixel inside the margin; what lies outside the picture is background. */
function between({ values, width, height }: Plane, x: number, y: number): number {
  const left = Math.floor(x)
  const top = Math.floor(y)
  if (left < -1 || top < -1 || left >= width - 2 || top >= height - 2) return 0
  const fx = x - left
  const fy = y - top
  const here = (top + 1) * width + left + 1
  const upper = (values[here] ?? 0) * (1 - fx) + (values[here + 1] ?? 0) * fx
  const lower = (values[here + width] ?? 0) * (1 - fx) + (values[here + width + 1] ?? 0) * fx
  return upper * (1 - fy) + lower * fy
}
