import type { Grey } from './picture.ts'

/** A circle of the picture, px; the middle of the first pixel is at 0.5. */
export interface Circle {
  readonly x: number
  readonly y: number
  readonly radius: number
  /** Share of its way on which something stands out, 0 to 1. */
  readonly seen: number
}

/** Radii of alignment marks at 640 planes' pixels to the picture's width, px of the planes. */
const RADIUS = { least: 2.5, most: 9 } as const
/** The mark lies within so much of where the network has its peak, and is looked for so far out, in radii. */
const REACH = 1.6
/** Pieces of the circle's way that are counted. */
const PIECES = 24
const ROUNDS = 6
/** A pixel belongs to the line when it is not farther from it, as a share of the largest radius. */
const BAND = 0.2
/** Of the strongest pixel: weaker ones are noise. */
const WEAK = 0.2

/** Pixels that stand out of the middle level, each with its weight. */
interface Ink {
  readonly x: number[]
  readonly y: number[]
  readonly weight: number[]
}

/**
 * The circle about a place that is known to some pixels: whatever stands out there, bright or dark, is weighed, and the
 * distances from it to a circle are made least (Gauss and Newton), the nearer the line the more they count.
 * @param scale pixels of the picture to one of the planes
 */
export function circleAt(picture: Grey, x: number, y: number, scale: number): Circle | undefined {
  const most = RADIUS.most * scale
  const ink = inkAbout(picture, x, y, most * REACH)
  if (ink === undefined) return undefined
  let circle = { x, y, radius: likelyRadius(ink, x, y, RADIUS.least * scale, most) }
  for (let round = 0; round < ROUNDS; round++) {
    const band = (BAND * most) / (1 + round / 2)
    const next = improved(ink, circle, Math.max(1.5, band))
    if (next === undefined) return undefined
    circle = next
  }
  if (!(circle.radius >= RADIUS.least * scale && circle.radius <= most)) return undefined
  if (Math.hypot(circle.x - x, circle.y - y) > most) return undefined
  return { ...circle, seen: seenShare(ink, circle, Math.max(1.5, 0.15 * circle.radius)) }
}

function inkAbout({ pixels, width, height }: Grey, x: number, y: number, reach: number): Ink | undefined {
  const left = Math.max(0, Math.floor(x - reach))
  const right = Math.min(width, Math.ceil(x + reach))
  const top = Math.max(0, Math.floor(y - reach))
  const bottom = Math.min(height, Math.ceil(y + reach))
  if (right - left < 4 || bottom - top < 4) return undefined
  const count = (right - left) * (bottom - top)
  const levels = new Uint8Array(count)
  for (let row = top, to = 0; row < bottom; row++, to += right - left) {
    levels.set(pixels.subarray(row * width + left, row * width + right), to)
  }
  const middle = levels.slice().sort()[count >> 1] ?? 0
  // A lamp's mirror image beside the mark must not outweigh it.
  const strong = levels.map((level) => Math.abs(level - middle)).sort()[Math.floor(count * 0.98)] ?? 0
  const ink: Ink = { x: [], y: [], weight: [] }
  for (let index = 0; index < count; index++) {
    const weight = Math.min(1, Math.abs((levels[index] ?? 0) - middle) / Math.max(1, strong)) - WEAK
    if (weight <= 0) continue
    ink.x.push(left + (index % (right - left)) + 0.5)
    ink.y.push(top + Math.floor(index / (right - left)) + 0.5)
    ink.weight.push(weight)
  }
  return ink
}

/** Math.hypot guards against overflow, and takes many times as long. */
function lengthOf(x: number, y: number): number {
  return Math.sqrt(x * x + y * y)
}

/** Where most stands out per length of the way. */
function likelyRadius(ink: Ink, x: number, y: number, least: number, most: number): number {
  const rings = new Float64Array(Math.ceil(most) + 2)
  for (let index = 0; index < ink.weight.length; index++) {
    const distance = lengthOf((ink.x[index] ?? 0) - x, (ink.y[index] ?? 0) - y)
    const ring = Math.floor(distance)
    if (ring + 1 >= rings.length) continue
    const share = distance - ring
    rings[ring] = (rings[ring] ?? 0) + (1 - share) * (ink.weight[index] ?? 0)
    rings[ring + 1] = (rings[ring + 1] ?? 0) + share * (ink.weight[index] ?? 0)
  }
  let best = least
  let level = -1
  for (let radius = Math.ceil(least); radius < rings.length - 1; radius++) {
    // Three rings: a line is about as broad, and the place is not yet exact.
    const sum = (rings[radius - 1] ?? 0) / 2 + (rings[radius] ?? 0) + (rings[radius + 1] ?? 0) / 2
    if (sum / radius > level) {
      level = sum / radius
      best = radius
    }
  }
  return best
}

type Ring = Pick<Circle, 'x' | 'y' | 'radius'>

/** One step: the changes of middle and radius that make the weighed squares of the distances least, by Cramer's rule. */
function improved(ink: Ink, { x, y, radius }: Ring, band: number): Ring | undefined {
  let [uu, uv, u1, vv, v1, one, uo, vo, o1] = [0, 0, 0, 0, 0, 0, 0, 0, 0]
  for (let index = 0; index < ink.weight.length; index++) {
    const dx = (ink.x[index] ?? 0) - x
    const dy = (ink.y[index] ?? 0) - y
    const distance = lengthOf(dx, dy)
    const off = distance - radius
    const near = 1 - (off / band) ** 2
    if (near <= 0 || distance === 0) continue
    const weight = (ink.weight[index] ?? 0) * near * near
    const [u, v] = [dx / distance, dy / distance]
    uu += weight * u * u
    uv += weight * u * v
    u1 += weight * u
    vv += weight * v * v
    v1 += weight * v
    one += weight
    uo += weight * u * off
    vo += weight * v * off
    o1 += weight * off
  }
  const [minorU, minorV] = [vv * one - v1 * v1, uv * one - v1 * u1]
  const minorR = uv * v1 - vv * u1
  const determinant = uu * minorU - uv * minorV + u1 * minorR
  // Less than a third of the way does not fix a circle.
  if (!(determinant > 1e-3 * one ** 3)) return undefined
  const stepX = uo * minorU - uv * (vo * one - v1 * o1) + u1 * (vo * v1 - vv * o1)
  const stepY = uu * (vo * one - v1 * o1) - uo * minorV + u1 * (uv * o1 - vo * u1)
  const stepR = uu * (vv * o1 - vo * v1) - uv * (uv * o1 - vo * u1) + uo * minorR
  return { x: x + stepX / determinant, y: y + stepY / determinant, radius: radius + stepR / determinant }
}

function seenShare(ink: Ink, { x, y, radius }: Ring, band: number): number {
  const pieces = new Float64Array(PIECES)
  for (let index = 0; index < ink.weight.length; index++) {
    const [dx, dy] = [(ink.x[index] ?? 0) - x, (ink.y[index] ?? 0) - y]
    if (Math.abs(lengthOf(dx, dy) - radius) > band) continue
    const piece = Math.floor(((Math.atan2(dy, dx) / (2 * Math.PI) + 1) % 1) * PIECES)
    pieces[piece] = Math.max(pieces[piece] ?? 0, ink.weight[index] ?? 0)
  }
  return pieces.filter((weight) => weight > WEAK).length / PIECES
}
