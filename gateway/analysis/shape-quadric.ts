import type { Dome } from './dome.ts'
import { at } from './numbers.ts'
import type { Rays } from './tray.ts'

/** Parameters of a dome: x, y, rotation, ln rx, ln ry, ln rz. */
export const SIZE = 6
/** Distance from the silhouette, as b²/a - c, within which a ray counts as partly on the part. */
const SOFT = 0.12
/** Light from a flank that is seen edge-on never quite vanishes: fat scatters below its surface. */
export const LEAST_COSINE = 0.05

/** Where one zone's rays are added up. N = Σ light/s, W = Σ light/s², so that the zone's depth is N/W. */
export class ZoneSums {
  n = 0
  w = 0
  /** Rays on the part, those on its edge in part. */
  hits = 0
  /** What the zone's depth is about: the slopes of N/W are taken there. */
  depth = 0
  /** W·∂(N/W) by the coefficients of the quadric (`Shape`). */
  readonly slopes = new Float64Array(SIZE)

  clear(depth: number): void {
    this.hits = 0
    this.depth = depth
    this.slopes.fill(0)
  }

  /** Where `addSlope` takes the slopes of F, from the dome's centre, and times what: X, Y, h, gain. */
  readonly point = new Float64Array(4)

  /** Adds the slopes of F at `point`. */
  addSlope(shape: Shape): void {
    const { slopes, point } = this
    const x = at(point, 0)
    const y = at(point, 1)
    const h = at(point, 2)
    const gain = at(point, 3)
    slopes[0] = at(slopes, 0) - 2 * gain * (shape.mxx * x + shape.mxy * y)
    slopes[1] = at(slopes, 1) - 2 * gain * (shape.mxy * x + shape.myy * y)
    slopes[2] = at(slopes, 2) + gain * x * x
    slopes[3] = at(slopes, 3) + 2 * gain * x * y
    slopes[4] = at(slopes, 4) + gain * y * y
    slopes[5] = at(slopes, 5) + gain * h * h
  }
}

/**
 * A dome as the quadric F = mxx·X² + 2·mxy·X·Y + myy·Y² + mzz·h² - 1, X and Y from its centre. Along a ray, with
 * X = p·s - x, Y = q·s - y, h = D - s, that is a·s² + 2b·s + c: the slope of s by any coefficient is that of F where
 * the ray meets it, over twice the root; the slope of how far inside the silhouette the ray passes, b²/a - c, is -F's
 * where it passes closest.
 */
export class Shape {
  readonly x: number
  readonly y: number
  readonly mxx: number
  readonly mxy: number
  readonly myy: number
  readonly mzz: number
  readonly #cos: number
  readonly #sin: number
  /** Inverse squares of rx and ry. */
  readonly #iu: number
  readonly #iv: number
  /** b is -(bp·p + bq·q + D·mzz). */
  readonly #bp: number
  readonly #bq: number
  readonly #c: number
  readonly #distance: number
  readonly #perDistance: number
  readonly #contrast: number

  constructor({ x, y, rotation, rx, ry, rz }: Dome, distance: number, contrast: number) {
    const cos = Math.cos(rotation)
    const sin = Math.sin(rotation)
    const iu = rx ** -2
    const iv = ry ** -2
    this.x = x
    this.y = y
    this.mxx = cos * cos * iu + sin * sin * iv
    this.mxy = cos * sin * (iu - iv)
    this.myy = sin * sin * iu + cos * cos * iv
    this.mzz = rz ** -2
    this.#cos = cos
    this.#sin = sin
    this.#iu = iu
    this.#iv = iv
    this.#bp = this.mxx * x + this.mxy * y
    this.#bq = this.mxy * x + this.myy * y
    this.#c = this.mxx * x * x + 2 * this.mxy * x * y + this.myy * y * y + this.mzz * distance * distance - 1
    this.#distance = distance
    this.#perDistance = 1 / distance
    this.#contrast = contrast
  }

  /** 1 for a ray through the ellipsoid's centre, 0 at its silhouette, less outside. */
  inside(p: number, q: number): number {
    const a = this.#a(p, q)
    const b = this.#b(p, q)
    return (b * b) / a - this.#c
  }

  #a(p: number, q: number): number {
    return this.mxx * p * p + 2 * this.mxy * p * q + this.myy * q * q + this.mzz
  }

  #b(p: number, q: number): number {
    return -(this.#bp * p + this.#bq * q + this.#distance * this.mzz)
  }

  /** Adds up the rays of one zone. */
  sum(rays: Rays, zone: number, sums: ZoneSums): void {
    sums.n = at(rays.zoneEmptyN, zone)
    sums.w = at(rays.zoneEmptyW, zone)
    for (let ray = zone * rays.perZone; ray < (zone + 1) * rays.perZone; ray += 1) this.#add(sums, rays, ray)
  }

  // Numbers go by array, not by argument: an argument that is no small integer would be a heap object for each ray.
  #add(sums: ZoneSums, rays: Rays, ray: number): void {
    const p = at(rays.p, ray)
    const q = at(rays.q, ray)
    const perA = 1 / this.#a(p, q)
    const nearest = -this.#b(p, q) * perA
    const inside = (nearest * nearest) / perA - this.#c
    if (inside <= -SOFT) return
    // From 0 to 1 across the silhouette; beyond it the chord goes on smoothly to 0.
    const t = Math.min(1, (inside + SOFT) * (0.5 / SOFT))
    const halfChord = Math.sqrt(perA * (t < 1 ? SOFT * t * t : inside))
    const s = nearest - halfChord
    if (s >= this.#distance) return
    const cover = t * t * (3 - 2 * t)
    const { point } = sums
    point[0] = p * s - this.x
    point[1] = q * s - this.y
    point[2] = this.#distance - s
    // The root of the quadratic is a times half the chord, and half the slope of F along the ray.
    const root = halfChord / perA
    const cosine = Math.max(LEAST_COSINE, (root * at(rays.cosine, ray)) / this.#steepness(point))
    const perS = 1 / s
    const hitN = at(rays.light, ray) * this.#contrast * cosine * perS
    const moreN = hitN - at(rays.emptyN, ray)
    const hitW = hitN * perS
    const moreW = hitW - at(rays.emptyN, ray) * this.#perDistance
    sums.n += cover * moreN
    sums.w += cover * moreW
    sums.hits += cover
    point[3] = (-cover * hitW * (1 - 2 * sums.depth * perS)) / (2 * root)
    sums.addSlope(this)
    // The nearer to the silhouette, the flatter the ray meets the flank and the less light comes back.
    const dimming = (cover / (2 * (t < 1 ? SOFT * t : inside))) * (hitN - sums.depth * hitW)
    const edge = ((3 * t * (1 - t)) / SOFT) * (moreN - sums.depth * moreW)
    point[0] = p * nearest - this.x
    point[1] = q * nearest - this.y
    point[2] = this.#distance - nearest
    point[3] = -dimming - edge
    sums.addSlope(this)
  }

  /** Half the length of the quadric's gradient at a point. */
  #steepness(point: Float64Array): number {
    const x = at(point, 0)
    const y = at(point, 1)
    const across = this.mxx * x + this.mxy * y
    const down = this.mxy * x + this.myy * y
    const up = this.mzz * at(point, 2)
    return Math.sqrt(across * across + down * down + up * up)
  }

  /** ∂depth/∂(x, y, rotation, ln rx, ln ry, ln rz) of a zone, from the slopes by the quadric's coefficients. */
  slopes({ w, slopes }: ZoneSums, out: Float64Array): void {
    const xx = at(slopes, 2)
    const xy = at(slopes, 3)
    const yy = at(slopes, 4)
    const cos = this.#cos
    const sin = this.#sin
    const iu = this.#iu
    const iv = this.#iv
    out[0] = at(slopes, 0) / w
    out[1] = at(slopes, 1) / w
    out[2] = (2 * this.mxy * (yy - xx) + (this.mxx - this.myy) * xy) / w
    out[3] = (-2 * iu * (cos * cos * xx + cos * sin * xy + sin * sin * yy)) / w
    out[4] = (-2 * iv * (sin * sin * xx - cos * sin * xy + cos * cos * yy)) / w
    out[5] = (-2 * this.mzz * at(slopes, 5)) / w
  }
}
