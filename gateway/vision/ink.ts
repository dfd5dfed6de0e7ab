import { backgroundOf, flattened, SIGMA_PER_MAD } from './background.ts'
import type { Grey } from './picture.ts'
import { areaResized, at, mapped, medianOf, type Plane, smoothed, thinned, topMean } from './plane.ts'

/** Ink that was found in a picture. */
export interface Ink {
  /** The picture without its background: ink positive, grey levels. */
  readonly signed: Plane
  /** x, y, x, y …: centres of the pixels that are ink, in the picture's pixels. */
  readonly points: Float64Array
  /** Noise of `signed`, grey levels. */
  readonly sigma: number
}

/** Longest side of the picture in which ink is looked for. */
const WORK = 96

/**
 * What stands out of the background, dark or bright: steps 1 to 4 of
 * `models/engraving-embedder/PREPROCESSING.md`, where each constant stands.
 * @returns undefined where nothing does: a blank picture
 */
export function findInk({ pixels, width, height }: Grey): Ink | undefined {
  const full: Plane = { values: Float64Array.from(pixels), width, height }
  const scale = Math.min(1, WORK / Math.max(width, height))
  const sized = (side: number): number => Math.max(1, Math.floor(side * scale + 0.5))
  const work = scale < 1 ? areaResized(full, sized(width), sized(height)) : full
  const background = backgroundOf(work)
  const sigma = noiseOf(work)
  const { soft, noise, count } = softened(flattened(work, background), sigma)
  const floor = Math.max(0.2 * topMean(soft.values.map(Math.abs), count), 2.5 * noise)
  const sign = isDark(soft, floor) ? -1 : 1
  const ink = inkPixels(
    mapped(soft, (value) => sign * value),
    count,
    noise,
  )
  if (ink.length === 0) return undefined
  const points = new Float64Array(2 * ink.length)
  for (const [index, place] of ink.entries()) {
    points[2 * index] = (((place % work.width) + 0.5) * width) / work.width
    points[2 * index + 1] = ((Math.floor(place / work.width) + 0.5) * height) / work.height
  }
  const signed = flattened(full, background)
  return { signed: sign === 1 ? signed : mapped(signed, (value) => -value), points, sigma }
}

/** White noise, by the median second difference along the rows; 1 −2 1 has √6 of its deviation. */
function noiseOf({ values, width, height }: Plane): number {
  if (width < 3) return 0
  const across = width - 2
  const bends = new Float64Array(across * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < across; x++) {
      const from = y * width + x
      bends[y * across + x] = Math.abs(at(values, from) - 2 * at(values, from + 1) + at(values, from + 2))
    }
  }
  return (SIGMA_PER_MAD * medianOf(thinned({ values: bends, width: across, height }))) / Math.sqrt(6)
}

/** Smoothed as much as the noise asks for, and how much of the noise is left then. */
function softened(
  flat: Plane,
  sigma: number,
): { readonly soft: Plane; readonly noise: number; readonly count: number } {
  const count = Math.max(8, Math.floor(flat.values.length / 100))
  let soft = smoothed(flat, 1)
  let peak = topMean(soft.values.map(Math.abs), count)
  let gain = 0.375
  if (sigma > 0.1 * peak) {
    const little = sigma < 0.25 * peak
    soft = smoothed(soft, little ? 3 : 6)
    gain = little ? 0.196 : 0.149
    peak = topMean(soft.values.map(Math.abs), count)
  }
  const spread = SIGMA_PER_MAD * medianOf(thinned(soft).map(Math.abs))
  return { soft, noise: Math.max(gain * sigma, spread < 0.15 * peak ? spread : 0), count }
}

/** Whether what stands out below the background weighs at least as much as what does above it. */
function isDark({ values }: Plane, floor: number): boolean {
  let below = 0
  let above = 0
  for (const value of values) {
    const excess = Math.abs(value) - floor
    if (excess <= 0) continue
    if (value < 0) below += excess
    else above += excess
  }
  return below >= above
}

/** Places of the regions above a low threshold that reach a high one and weigh enough. */
function inkPixels(soft: Plane, count: number, noise: number): readonly number[] {
  const peak = topMean(soft.values, count)
  if (peak < 4 || peak < 3 * noise) return []
  const regions = regionsOf(soft, Math.max(0.3 * peak, 2.5 * noise))
  const high = Math.max(0.5 * peak, 5 * noise)
  const weighed = regions.map((places) => {
    const values = places.map((place) => at(soft.values, place))
    return { places, tallest: Math.max(...values), weight: values.reduce((sum, value) => sum + value, 0) }
  })
  const total = weighed.reduce((sum, { weight }) => sum + weight, 0)
  return weighed
    .filter(({ tallest, weight }) => tallest > high && weight > 0.02 * total)
    .flatMap(({ places }) => places)
}

/** Places above `low` that touch each other, corners too. */
function regionsOf({ values, width, height }: Plane, low: number): readonly (readonly number[])[] {
  const waiting = new Uint8Array(values.length)
  for (const [index, value] of values.entries()) if (value > low) waiting[index] = 1
  const regions: number[][] = []
  for (let start = 0; start < waiting.length; start++) {
    if (waiting[start] === 0) continue
    waiting[start] = 0
    const region = [start]
    // Grows while it is walked.
    for (const place of region) {
      const x = place % width
      const y = Math.floor(place / width)
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
          const next = ny * width + nx
          if (waiting[next] === 0) continue
          waiting[next] = 0
          region.push(next)
        }
      }
    }
    regions.push(region)
  }
  return regions
}
