import { Random } from './random.ts'

/** A picture in the making: electrons that a good exposure collects in each pixel, row by row from the top left. */
export interface LightField {
  readonly light: Float32Array
  readonly width: number
  readonly height: number
}

/** Electrons that saturate, and noise of a dark pixel: round figures of a 3.45 µm global-shutter sensor. Assumed. */
export const FULL_WELL = 10_000
export const READ_NOISE = 6
/** What an empty pixel reads: an offset keeps the noise of the dark from being cut off. */
export const BLACK_LEVEL = 3
export const PER_ELECTRON = 255 / FULL_WELL

/** Entrance pupil: a 25 mm lens at f/3. Assumed; dark field is short of light. */
const PUPIL_MM = 8
/** Of lens and pixel in focus, px: a pixel's box alone is 1/√12 = 0.29. Assumed. */
export const SHARP_SIGMA_PX = 0.55

/**
 * Standard deviation of defocus in px. A thin lens spreads a point that is `offMm` out of focus over a disc, on the
 * object's side pupil · offMm / distance wide (circle of confusion: Potmesil and Chakravarty 1981), and a disc's standard
 * deviation along an axis is a quarter of its diameter.
 */
export function defocusSigmaPx(offMm: number, distanceMm: number, pxPerMm: number): number {
  return (PUPIL_MM * Math.abs(offMm) * pxPerMm) / (4 * distanceMm)
}

/** Rows and columns of a picture, ends excluded. */
export interface Region {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/** A picture blurred within a region with a Gaussian of this standard deviation, px; its border repeats. */
export function blurred({ light, width, height }: LightField, sigma: number, region: Region): Float32Array {
  const weights = gaussian(sigma)
  const radius = (weights.length - 1) / 2
  const columns = Math.max(0, region.right - region.left)
  const first = Math.max(0, region.top - radius)
  const last = Math.min(height, region.bottom + radius)
  const rows = new Float32Array(Math.max(0, last - first) * columns)
  const line = new Float32Array(columns + 2 * radius)
  const beside = Int32Array.from(weights, (_, k) => k)
  for (let y = first; y < last; y += 1) {
    for (let x = 0; x < line.length; x += 1) {
      line[x] = light[y * width + Math.min(width - 1, Math.max(0, region.left - radius + x))] ?? 0
    }
    weigh(rows.subarray((y - first) * columns, (y - first + 1) * columns), line, beside, weights)
  }
  const out = light.slice()
  for (let y = region.top; y < region.bottom; y += 1) {
    const below = Int32Array.from(weights, (_, k) => {
      return (Math.min(last - 1, Math.max(first, y + k - radius)) - first) * columns
    })
    weigh(out.subarray(y * width + region.left, y * width + region.right), rows, below, weights)
  }
  return out
}

/** Sums to 1. */
function gaussian(sigma: number): Float64Array {
  const radius = Math.ceil(3 * sigma)
  const shape = new Float64Array(2 * radius + 1).map((_, k) => Math.exp(-0.5 * ((k - radius) / sigma) ** 2))
  const sum = shape.reduce((total, weight) => total + weight, 0)
  return shape.map((weight) => weight / sum)
}

/** Sums of a row in the making, 32 KiB that need not be made anew for each. */
const SUMS = new Float64Array(4096)

/** Each of `to` becomes the weighted sum of what lies at these distances from its place: four of them at a time. */
function weigh(to: Float32Array, from: Float32Array, starts: Int32Array, weights: Float64Array): void {
  const sums = to.length <= SUMS.length ? SUMS.subarray(0, to.length) : new Float64Array(to.length)
  sums.fill(0)
  for (let k = 0; k < weights.length; k += 4) {
    // Past the end a weight is 0, and where it begins does not matter.
    const [w0, w1, w2, w3] = [weights[k] ?? 0, weights[k + 1] ?? 0, weights[k + 2] ?? 0, weights[k + 3] ?? 0]
    const [s0, s1, s2, s3] = [starts[k] ?? 0, starts[k + 1] ?? 0, starts[k + 2] ?? 0, starts[k + 3] ?? 0]
    for (let x = 0; x < sums.length; x += 1) {
      let sum = (sums[x] ?? 0) + w0 * (from[s0 + x] ?? 0)
      sum += w1 * (from[s1 + x] ?? 0)
      sum += w2 * (from[s2 + x] ?? 0)
      sums[x] = sum + w3 * (from[s3 + x] ?? 0)
    }
  }
  to.set(sums)
}

/** Where two blurs are mixed, the variance is exact and the shape nearly so, as long as they are not far apart. */
const NEARLY_EVEN_PX = 0.12

/** Blurs each pixel of a region with its own variance, px²: outside it there is nothing that could be sharp. */
export function defocused(field: LightField, variance: Float32Array, region: Region): Float32Array {
  let least = Number.POSITIVE_INFINITY
  let most = 0
  for (let index = 0; index < variance.length; index += 1) {
    const value = variance[index] ?? 0
    if (value < least) least = value
    if (value > most) most = value
  }
  if (Math.sqrt(most) - Math.sqrt(least) < NEARLY_EVEN_PX)
    return blurred(field, Math.sqrt((least + most) / 2), region)
  const sharp = blurred(field, Math.sqrt(least), region)
  const soft = blurred(field, Math.sqrt(most), region)
  for (let index = 0; index < sharp.length; index += 1) {
    const share = ((variance[index] ?? 0) - least) / (most - least)
    sharp[index] = (1 - share) * (sharp[index] ?? 0) + share * (soft[index] ?? 0)
  }
  return sharp
}

/** What moves evenly by `lengthPx` while the shutter is open: the mean over its way, which is centred. */
export function moved(
  { light, width, height }: LightField,
  lengthPx: number,
  towardsDeg: number,
): Float32Array {
  const taps = tapsOf(lengthPx, (towardsDeg * Math.PI) / 180)
  const border = Math.ceil(lengthPx / 2) + 1
  const stride = width + 2 * border
  const wider = new Float32Array(stride * (height + 2 * border))
  for (let y = 0; y < height + 2 * border; y += 1) {
    const from = Math.min(height - 1, Math.max(0, y - border)) * width
    const to = y * stride
    wider.fill(light[from] ?? 0, to, to + border)
    wider.set(light.subarray(from, from + width), to + border)
    wider.fill(light[from + width - 1] ?? 0, to + border + width, to + stride)
  }
  const out = new Float32Array(light.length)
  const weights = Float64Array.from(taps, ({ weight }) => weight)
  const starts = new Int32Array(taps.length)
  for (let y = 0; y < height; y += 1) {
    taps.forEach((tap, k) => {
      starts[k] = (y + border + tap.y) * stride + border + tap.x
    })
    weigh(out.subarray(y * width, (y + 1) * width), wider, starts, weights)
  }
  return out
}

interface Tap {
  readonly x: number
  readonly y: number
  weight: number
}

/** The way, three points a pixel, each shared among the four pixels around it. */
function tapsOf(lengthPx: number, angle: number): Tap[] {
  const points = Math.ceil(3 * lengthPx) + 1
  const taps = new Map<string, Tap>()
  for (let point = 0; point < points; point += 1) {
    const along = lengthPx * ((point + 0.5) / points - 0.5)
    const [x, y] = [along * Math.cos(angle), along * Math.sin(angle)]
    const [left, top] = [Math.floor(x), Math.floor(y)]
    for (const [dx, dy] of [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
    ] as const) {
      const weight = Math.abs(1 - dx - (x - left)) * Math.abs(1 - dy - (y - top))
      const key = `${left + dx},${top + dy}`
      const tap = taps.get(key) ?? { x: left + dx, y: top + dy, weight: 0 }
      tap.weight += weight / points
      taps.set(key, tap)
    }
  }
  return [...taps.values()]
}

/** Normal numbers that each pixel takes one of at random: a third of the time of one of its own. */
const STOCK = 65_536

/**
 * What the camera sends, after the linear camera model of EMVA 1288: the variance of the grey value = K² · read noise² +
 * quantisation + K · (grey value − dark), with photons normal about their mean, which from some ten electrons on is as
 * good as Poisson.
 * @param shortage so many times less light, made up by gain; 0: no noise
 */
export function exposed(light: Float32Array, shortage: number, seed: number): Uint8Array {
  const pixels = new Uint8Array(light.length)
  const random = new Random(seed, 20)
  const stock = shortage > 0 ? new Float32Array(STOCK).map(() => random.normal()) : new Float32Array(0)
  for (let index = 0; index < light.length; index += 1) {
    let electrons = Math.min(4 * FULL_WELL, light[index] ?? 0)
    if (shortage > 0) {
      const deviation = Math.sqrt(electrons / shortage + READ_NOISE * READ_NOISE)
      electrons += shortage * deviation * (stock[(STOCK * random.uniform()) | 0] ?? 0)
    }
    const grey = BLACK_LEVEL + PER_ELECTRON * electrons + 0.5
    pixels[index] = grey < 0 ? 0 : grey > 255 ? 255 : grey | 0
  }
  return pixels
}
