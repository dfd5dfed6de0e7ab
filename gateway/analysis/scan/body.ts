import type { Dome } from '../dome.ts'
import { at } from '../numbers.ts'
import type { Rays, TrayPlan } from '../tray.ts'

/** Of the body: x, y, rotation, ln rx, ln ry, ln rz. */
export const BODY_PARAMETERS = 6
/** Distance from the silhouette, as 1 - ρ², within which a ray counts as partly on the part. */
const SOFT = 0.05
/** Light from a flank that is seen edge-on never quite vanishes: fat scatters below its surface. */
const LEAST_COSINE = 0.05
/** Each of at most 25 rays can meet the body in part and the tray in part. */
const MOST_HITS = 50

/**
 * What zones see of half an ellipsoid that the belt carries below the head. A zone reports the mean depth of all that
 * its footprint sees, weighted with the light that comes back: N/W with N = Σ light/s and W = Σ light/s². In the
 * body's own axes, scaled to a unit sphere, a ray is (u1·s - u0, v1·s - v0, h0 - h1·s).
 */
export class BodyView {
  readonly dome: Dome
  readonly #tray: TrayPlan
  readonly #contrast: number
  readonly #cos: number
  readonly #sin: number
  readonly #h0: number
  #x = 0
  #y = 0
  #u0 = 0
  #v0 = 0
  #c = 0
  /** Sums of light over depth, and over its square. */
  #n = 0
  #w = 0
  /** Of the zone last seen: its mean depth, the part's share of its rays, and the light that returns over depth². */
  depth = 0
  share = 0
  light = 0
  /** ∂depth by the body's parameters. */
  readonly slopes = new Float64Array(BODY_PARAMETERS)
  /** Where its rays met something, mm in the body's axes, and ∂depth by what is added to the height there. */
  readonly hitU = new Float64Array(MOST_HITS)
  readonly hitV = new Float64Array(MOST_HITS)
  readonly hitGain = new Float64Array(MOST_HITS)
  /** The same by what is added to the surface's slope there, along u and v: it throws more or less light back. */
  readonly slopeGainU = new Float64Array(MOST_HITS)
  readonly slopeGainV = new Float64Array(MOST_HITS)
  hits = 0
  #coefficients = new Float64Array(BODY_PARAMETERS)

  /** @param contrast reflectance of the part over the belt's */
  constructor(dome: Dome, tray: TrayPlan, contrast: number) {
    this.dome = dome
    this.#tray = tray
    this.#contrast = contrast
    this.#cos = Math.cos(dome.rotation)
    this.#sin = Math.sin(dome.rotation)
    this.#h0 = tray.distanceMm / dome.rz
  }

  /** Carries the part on by what the belt ran since the trigger. */
  aim(shiftX: number, shiftY: number): void {
    const { x, y, rx, ry } = this.dome
    this.#x = x + shiftX
    this.#y = y + shiftY
    this.#u0 = (this.#cos * this.#x + this.#sin * this.#y) / rx
    this.#v0 = (this.#cos * this.#y - this.#sin * this.#x) / ry
    this.#c = this.#u0 ** 2 + this.#v0 ** 2 + this.#h0 ** 2 - 1
  }

  /** 1 for a ray through the ellipsoid's centre, 0 at its silhouette, less outside. */
  inside(p: number, q: number): number {
    const { rx, ry, rz } = this.dome
    const u1 = (this.#cos * p + this.#sin * q) / rx
    const v1 = (this.#cos * q - this.#sin * p) / ry
    const h1 = 1 / rz
    const b = u1 * this.#u0 + v1 * this.#v0 + h1 * this.#h0
    return (b * b) / (u1 * u1 + v1 * v1 + h1 * h1) - this.#c
  }

  /**
   * Looks through one zone.
   * @param about the depth that it is about: slopes are taken there
   * @param places whether to note where its rays meet something
   */
  see(rays: Rays, zone: number, about: number, places: boolean): void {
    this.#n = at(rays.zoneEmptyN, zone)
    this.#w = at(rays.zoneEmptyW, zone)
    this.hits = 0
    this.#coefficients.fill(0)
    let share = 0
    for (let ray = zone * rays.perZone; ray < (zone + 1) * rays.perZone; ray += 1) {
      const cover = this.#meet(rays, ray, about, places)
      share += cover
      if (places && cover < 1) this.#noteBelt(rays, ray, about, cover)
    }
    const w = this.#w
    this.depth = this.#n / w
    this.share = share / rays.perZone
    this.light = w
    for (let i = 0; i < BODY_PARAMETERS; i += 1) this.slopes[i] = at(this.#coefficients, i) / w
    for (let hit = 0; hit < this.hits; hit += 1) {
      this.hitGain[hit] = at(this.hitGain, hit) / w
      this.slopeGainU[hit] = at(this.slopeGainU, hit) / w
      this.slopeGainV[hit] = at(this.slopeGainV, hit) / w
    }
  }

  /** Sends one ray at the body. @returns the share of it that meets the body */
  #meet(rays: Rays, ray: number, about: number, places: boolean): number {
    const { rx, ry, rz } = this.dome
    const { distanceMm } = this.#tray
    const h1 = 1 / rz
    const u1 = (this.#cos * at(rays.p, ray) + this.#sin * at(rays.q, ray)) / rx
    const v1 = (this.#cos * at(rays.q, ray) - this.#sin * at(rays.p, ray)) / ry
    const a = u1 * u1 + v1 * v1 + h1 * h1
    const nearest = (u1 * this.#u0 + v1 * this.#v0 + h1 * this.#h0) / a
    const inside = a * nearest * nearest - this.#c
    if (inside <= -SOFT) return 0
    // From 0 to 1 across the silhouette; beyond it the chord goes on smoothly to 0.
    const t = Math.min(1, (inside + SOFT) * (0.5 / SOFT))
    const depthInside = t < 1 ? SOFT * t * t : inside
    const half = Math.sqrt(depthInside / a)
    const s = nearest - half
    if (!(s < distanceMm && half > 0)) return 0
    const cover = t * t * (3 - 2 * t)
    const u = u1 * s - this.#u0
    const v = v1 * s - this.#v0
    const h = this.#h0 - h1 * s
    const root = a * half
    const steepness = Math.sqrt((u / rx) ** 2 + (v / ry) ** 2 + (h * h1) ** 2)
    const cosine = (root * at(rays.cosine, ray)) / steepness
    const hitN = (at(rays.light, ray) * this.#contrast * Math.max(LEAST_COSINE, cosine)) / s
    const hitW = hitN / s
    const lostN = at(rays.emptyN, ray)
    const lostW = lostN / distanceMm
    this.#n += cover * (hitN - lostN)
    this.#w += cover * (hitW - lostW)
    const gain = (cover * hitW * (2 * about - s)) / s
    this.#add(u, v, h, gain / root)
    // The nearer to the silhouette, the flatter the ray meets the flank and the less light comes back.
    const dimming = (cover / (2 * depthInside)) * (hitN - about * hitW)
    const edge = ((3 * t * (1 - t)) / SOFT) * (hitN - lostN - about * (hitW - lostW))
    const [nearU, nearV] = [u1 * nearest - this.#u0, v1 * nearest - this.#v0]
    this.#add(nearU, nearV, this.#h0 - h1 * nearest, -2 * (dimming + edge))
    if (!places) return cover
    // A flank that relief tilts towards the head throws more light back, and counts for more in the mean depth.
    const tilting = cosine > LEAST_COSINE ? h * h1 * cover * (hitN - about * hitW) : 0
    const flat = steepness ** -2
    this.slopeGainU[this.hits] = tilting * ((u1 * rx) / root + (flat * u) / rx)
    this.slopeGainV[this.hits] = tilting * ((v1 * ry) / root + (flat * v) / ry)
    this.#note(u * rx, v * ry, (-gain * h * h1) / root)
    return cover
  }

  /** Where a ray, as far as it passes the body, meets the belt. */
  #noteBelt(rays: Rays, ray: number, about: number, cover: number): void {
    const { distanceMm } = this.#tray
    const x = at(rays.p, ray) * distanceMm - this.#x
    const y = at(rays.q, ray) * distanceMm - this.#y
    const gain = ((1 - cover) * at(rays.emptyN, ray) * (2 * about - distanceMm)) / distanceMm ** 2
    this.slopeGainU[this.hits] = 0
    this.slopeGainV[this.hits] = 0
    this.#note(this.#cos * x + this.#sin * y, this.#cos * y - this.#sin * x, -gain)
  }

  /** Adds half the slopes of F = u² + v² + h² - 1 by the parameters, at a place, times `gain`. */
  #add(u: number, v: number, h: number, gain: number): void {
    const { rx, ry } = this.dome
    const sums = this.#coefficients
    sums[0] = at(sums, 0) + gain * ((v * this.#sin) / ry - (u * this.#cos) / rx)
    sums[1] = at(sums, 1) - gain * ((u * this.#sin) / rx + (v * this.#cos) / ry)
    sums[2] = at(sums, 2) + gain * u * v * (ry / rx - rx / ry)
    sums[3] = at(sums, 3) - gain * u * u
    sums[4] = at(sums, 4) - gain * v * v
    sums[5] = at(sums, 5) - gain * h * h
  }

  #note(u: number, v: number, gain: number): void {
    this.hitU[this.hits] = u
    this.hitV[this.hits] = v
    this.hitGain[this.hits] = gain
    this.hits += 1
  }
}
