import type { Dome } from './dome.ts'
import { at } from './numbers.ts'
import type { Rays } from './tray.ts'

/** Parameters of a dome: x, y, rotation, ln rx, ln ry, ln rz. */
export const SIZE = 6
/** Distance from the silhouette, as b²/a - c, within which a ray counts as partly on the part. */
const SOFT = 0.12
const PER_SOFT = 1 / SOFT
/** Light from a flank that is seen edge-on never quite vanishes: fat scatters below its surface. */
export const LEAST_COSINE = 0.05

/** Where one zone's rays are added up. N = Σ light/s, W = Σ light/s², so that the zone's depth is N/W. */
export class ZoneSums {
  n = 0
  w = 0
  /** Rays on the part, those on its edge in part. */
  hits = 0
  /** W·∂(N/W) by F, times where F is taken, from the dome's centre: by X, Y, X², XY, Y² and h². */
  x = 0
  y = 0
  xx = 0
  xy = 0
  yy = 0
  hh = 0

  /** With what the bare tray returns. */
  start(n: number, w: number): void {
    this.n = n
    this.w = w
    this.hits = 0
    this.x = 0
    this.y = 0
    this.xx = 0
    this.xy = 0
    this.yy = 0
    this.hh = 0
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

  /**
   * Adds up the rays of one zone. One loop without a call: a part is a thousand rays.
   * @param about depth at which the slopes of N/W are taken
   */
  sum(rays: Rays, zone: number, about: number, sums: ZoneSums): void {
    const { x: centreX, y: centreY, mxx, mxy, myy, mzz } = this
    sums.start(at(rays.zoneEmptyN, zone), at(rays.zoneEmptyW, zone))
    for (let ray = zone * rays.perZone; ray < (zone + 1) * rays.perZone; ray += 1) {
      const p = at(rays.p, ray)
      const q = at(rays.q, ray)
      const a = mxx * p * p + 2 * mxy * p * q + myy * q * q + mzz
      const perA = 1 / a
      const nearest = (this.#bp * p + this.#bq * q + this.#distance * mzz) * perA
      const inside = nearest * nearest * a - this.#c
      if (inside <= -SOFT) continue
      // From 0 to 1 across the silhouette; beyond it the chord goes on smoothly to 0.
      const t = Math.min(1, (inside + SOFT) * (0.5 * PER_SOFT))
      const halfChord = Math.sqrt(perA * (t < 1 ? SOFT * t * t : inside))
      const s = nearest - halfChord
      if (s >= this.#distance) continue
      const cover = t * t * (3 - 2 * t)
      const hitX = p * s - centreX
      const hitY = q * s - centreY
      const hitH = this.#distance - s
      // The root of the quadratic is a times half the chord, and half the slope of F along the ray.
      const root = halfChord * a
      const across = mxx * hitX + mxy * hitY
      const down = mxy * hitX + myy * hitY
      const up = mzz * hitH
      const steepness = Math.sqrt(across * across + down * down + up * up)
      const cosine = Math.max(LEAST_COSINE, (root * at(rays.cosine, ray)) / steepness)
      const perS = 1 / s
      const hitN = at(rays.light, ray) * this.#contrast * cosine * perS
      const moreN = hitN - at(rays.emptyN, ray)
      const hitW = hitN * perS
      const moreW = hitW - at(rays.emptyN, ray) * this.#perDistance
      sums.n += cover * moreN
      sums.w += cover * moreW
      sums.hits += cover
      const perRoot = 1 / root
      const gain = -0.5 * cover * hitW * (1 - 2 * about * perS) * perRoot
      // The nearer to the silhouette, the flatter the ray meets the flank and the less light comes back: by the slope of
      // ln(root), 1/(2·inside) beyond the silhouette's softness and 1/(2·SOFT·t) within, both a·t/(2·root²).
      const dimming = 0.5 * cover * a * t * perRoot * perRoot * (hitN - about * hitW)
      const loss = dimming + PER_SOFT * 3 * t * (1 - t) * (moreN - about * moreW)
      const passX = p * nearest - centreX
      const passY = q * nearest - centreY
      const passH = this.#distance - nearest
      sums.x += gain * hitX - loss * passX
      sums.y += gain * hitY - loss * passY
      sums.xx += gain * hitX * hitX - loss * passX * passX
      sums.xy += gain * hitX * hitY - loss * passX * passY
      sums.yy += gain * hitY * hitY - loss * passY * passY
      sums.hh += gain * hitH * hitH - loss * passH * passH
    }
  }

  /** ∂depth/∂(x, y, rotation, ln rx, ln ry, ln rz) of a zone, from the slopes by the quadric's coefficients. */
  slopes({ w, x, y, xx, xy, yy, hh }: ZoneSums, out: Float64Array): void {
    const { mxx, mxy, myy, mzz } = this
    const cos = this.#cos
    const sin = this.#sin
    const perW = 1 / w
    out[0] = -2 * (mxx * x + mxy * y) * perW
    out[1] = -2 * (mxy * x + myy * y) * perW
    out[2] = 2 * (mxy * (yy - xx) + (mxx - myy) * xy) * perW
    out[3] = -2 * this.#iu * (cos * cos * xx + 2 * cos * sin * xy + sin * sin * yy) * perW
    out[4] = -2 * this.#iv * (sin * sin * xx - 2 * cos * sin * xy + cos * cos * yy) * perW
    out[5] = -2 * mzz * hh * perW
  }
}
