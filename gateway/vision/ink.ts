import { backgroundOf, flattened, SIGMA_PER_MAD } from './background.ts'
import type { Grey } from './picture.ts'
import { areaResized, medianOf, type Plane, smoothed, thinned, thinnedPlaces, topMean } from './plane.ts'
import { type Regions, weighty } from './regions.ts'

/** Ink that was found in a picture. */
export interface Ink {
  /** The picture without its background: ink positive, grey levels. */
  readonly signed: Plane
  /** x, y, x, y …: centres of the pixels that are ink, in the picture's pixels. */
  readonly points: Float64Array
  /** Noise of `signed`, grey levels. */
  readonly sigma: number
  /** Of the smaller picture in which ink was looked for: what belongs together. */
  readonly regions: Regions
}

/** Longest side of the picture in which ink is looked for. */
const WORK = 96

/**
 * What stands out of the background, dark or bright: steps 1 to 4 of
 * `models/engraving-embedder/PREPROCESSING.md`, where each constant stands.
 * @returns undefined where nothing does: a blank picture
 */
export function findInk({ pixels, width, height }: Grey): Ink | undefined {
  const full: Plane = { values: new Float64Array(pixels), width, height }
  const scale = Math.min(1, WORK / Math.max(width, height))
  const sized = (side: number): number => Math.max(1, Math.floor(side * scale + 0.5))
  const work = scale < 1 ? areaResized(full, sized(width), sized(height)) : full
  const background = backgroundOf(work)
  const sigma = noiseOf(work)
  const { soft, noise, count, peak } = softened(flattened(work, background), sigma)
  const sign = isDark(soft, Math.max(0.2 * peak, 2.5 * noise)) ? -1 : 1
  if (sign < 0)
    for (let index = 0; index < soft.values.length; index++) soft.values[index] = -(soft.values[index] ?? 0)
  const regions = inkOf(soft, count, noise)
  if (regions === undefined) return undefined
  const signed = flattened(full, background, sign)
  return { signed, points: centresOf(regions, width, height), sigma, regions }
}

/** Middles of the regions' pixels, x, y, x, y …, in a picture of the size that is named. */
export function centresOf(regions: Regions, width: number, height: number): Float64Array {
  const points = new Float64Array(2 * regions.places.length)
  for (let index = 0; index < regions.places.length; index++) {
    const place = regions.places[index] ?? 0
    points[2 * index] = (((place % regions.width) + 0.5) * width) / regions.width
    points[2 * index + 1] = ((Math.floor(place / regions.width) + 0.5) * height) / regions.height
  }
  return points
}

/** What stands high enough above the noise; undefined where nothing does. */
function inkOf(soft: Plane, count: number, noise: number): Regions | undefined {
  const peak = topMean(soft.values, count)
  if (peak < 4 || peak < 3 * noise) return undefined
  const low = Math.max(0.3 * peak, 2.5 * noise)
  const regions = weighty(soft, low, Math.max(0.5 * peak, 5 * noise))
  return regions.places.length === 0 ? undefined : regions
}

/** White noise, by the median second difference along the rows; 1 −2 1 has √6 of its deviation. */
function noiseOf({ values, width, height }: Plane): number {
  if (width < 3) return 0
  const across = width - 2
  const places = thinnedPlaces(across, height)
  const bends = new Float64Array(places.length)
  for (let index = 0; index < bends.length; index++) {
    const place = places[index] ?? 0
    const from = place + 2 * Math.floor(place / across)
    bends[index] = Math.abs((values[from] ?? 0) - 2 * (values[from + 1] ?? 0) + (values[from + 2] ?? 0))
  }
  return (SIGMA_PER_MAD * medianOf(bends)) / Math.sqrt(6)
}

/** A picture without its background, smoothed as much as its noise asks for. */
interface Softened {
  readonly soft: Plane
  /** What is left of the noise, grey levels. */
  readonly noise: number
  /** So many of the largest values make a peak. */
  readonly count: number
  /** Of what stands out, dark or bright. */
  readonly peak: number
}

function softened(flat: Plane, sigma: number): Softened {
  const count = Math.max(8, Math.floor(flat.values.length / 100))
  let soft = smoothed(flat, 1)
  let peak = topMean(magnitudes(soft.values), count)
  let gain = 0.375
  if (sigma > 0.1 * peak) {
    const little = sigma < 0.25 * peak
    soft = smoothed(soft, little ? 3 : 6)
    gain = little ? 0.196 : 0.149
    peak = topMean(magnitudes(soft.values), count)
  }
  const spread = SIGMA_PER_MAD * medianOf(magnitudes(thinned(soft)))
  return { soft, noise: Math.max(gain * sigma, spread < 0.15 * peak ? spread : 0), count, peak }
}

function magnitudes(values: Float64Array): Float64Array {
  const sizes = new Float64Array(values.length)
  for (let index = 0; index < sizes.length; index++) sizes[index] = Math.abs(values[index] ?? 0)
  return sizes
}

/** Whether what stands out below the background weighs at least as much as what does above it. */
function isDark({ values }: Plane, floor: number): boolean {
  let below = 0
  let above = 0
  for (let index = 0; index < values.length; index++) {
    const value = values[index] ?? 0
    const excess = Math.abs(value) - floor
    if (excess <= 0) continue
    if (value < 0) below += excess
    else above += excess
  }
  return below >= above
}
