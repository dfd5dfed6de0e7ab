import { at, invertPositive, median } from './numbers.ts'
import { COARSE, FINE, type Rays, type TrayPlan } from './tray.ts'

/** Half an ellipsoid on the tray, in the tray's frame; lengths are semi-axes, mm. */
export interface Dome {
  readonly x: number
  readonly y: number
  /** From the X axis to `rx`, radians. */
  readonly rotation: number
  readonly rx: number
  readonly ry: number
  readonly rz: number
}

/** The zones that a dome is fitted to. All arrays are indexed by zone. */
export interface DomeSight {
  readonly tray: TrayPlan
  readonly zones: readonly number[]
  readonly depthMm: Float64Array
  readonly stdMm: Float64Array
  /** What the chip says of a zone's reflectance with the part over what it said of the bare tray; NaN: not known. */
  readonly brightness: Float64Array
}

/** What the recipe expects: semi-axes, and their relative standard deviation. */
export interface DomePrior {
  readonly rx: number
  readonly ry: number
  readonly rz: number
  readonly spread: number
}

export interface DomeFit {
  readonly dome: Dome
  /** Covariance of (x, y, rotation, ln rx, ln ry, ln rz), row-major 6 × 6. */
  readonly covariance: Float64Array
  /** Per zone: the depth that the dome would show, and the part's share of what the zone sees (0…1). */
  readonly modelMm: Float64Array
  readonly share: Float64Array
}

const SIZE = 6
/** Passes with few rays a zone, which find the place, and at most so many with many rays on the part's edge. */
const COARSE_PASSES = 2
const FINE_PASSES = 1
/** Passes after which the part is as bright as it was found to be. */
const CONTRAST_PASSES = 2
/** Distance from the silhouette, as b²/a - c, within which a ray counts as partly on the part. */
const SOFT = 0.12
/** A zone whose middle is this far inside or outside the silhouette holds none of it. */
const INNER = 0.7
const OUTER = -0.9
/** Deviations, in standard deviations, beyond which a zone's say grows no more: a defect shall not bend the body. */
const BEND = 1.5
/** The same in the coarse passes, which are far off everywhere. */
const COARSE_BEND = 6
/** What the optics of a zone half on the part add to its depth's uncertainty, mm. */
const EDGE_STD_MM = 3
/** Light from a flank that is seen edge-on never quite vanishes: fat scatters below its surface. */
const LEAST_COSINE = 0.05
/** Rotation is free, except that a round body has none. */
const ROTATION_STD = 0.7
/** A pass that moves every parameter by less than this share of its uncertainty is the last but one. */
const SETTLED = 0.25
/** Farthest that one pass may move a logarithm of a semi-axis, and the rotation. */
const LONGEST_STEP = 0.35
/** Zones that see this share of part say how bright it is. */
const BRIGHT_SHARE = 0.6

/**
 * Finds the half ellipsoid that explains the depths best. Each zone reports the mean depth of all that its footprint
 * sees, weighted with the light that comes back (reflectance, incidence, 1/s²): the model averages the same way, so
 * zones on the part's edge say where the edge is instead of lowering the volume. Gauss–Newton with weights that fade
 * for outliers (Huber), started from moments.
 * @returns undefined where the system has no solution
 */
export function fitDome(sight: DomeSight, start: Dome, prior: DomePrior): DomeFit | undefined {
  const fit = new Fit(sight)
  let dome = start
  for (let pass = 0; ; pass += 1) {
    fit.expect(dome, start, prior)
    fit.look(dome, pass)
    if (!fit.solve()) return undefined
    if (pass === COARSE_PASSES + FINE_PASSES) break
    dome = moved(dome, fit.step)
    if (pass >= COARSE_PASSES && fit.settled()) pass = COARSE_PASSES + FINE_PASSES - 1
  }
  return { dome, covariance: fit.normal, modelMm: fit.modelMm, share: fit.share }
}

/** A zone on the part's edge is known less well: its footprint has no sharp border. */
export function edgeStd(std: number, share: number): number {
  return Math.sqrt(std * std + 4 * share * (1 - share) * EDGE_STD_MM ** 2)
}

/** Half the volume of the ellipsoid, mm³. */
export function domeVolume({ rx, ry, rz }: Pick<Dome, 'rx' | 'ry' | 'rz'>): number {
  return (2 / 3) * Math.PI * rx * ry * rz
}

function moved(dome: Dome, step: Float64Array): Dome {
  const limit = (value: number): number => Math.max(-LONGEST_STEP, Math.min(LONGEST_STEP, value))
  return {
    x: dome.x + at(step, 0),
    y: dome.y + at(step, 1),
    rotation: dome.rotation + limit(at(step, 2)),
    rx: dome.rx * Math.exp(limit(at(step, 3))),
    ry: dome.ry * Math.exp(limit(at(step, 4))),
    rz: dome.rz * Math.exp(limit(at(step, 5))),
  }
}

/** The normal equations of one pass, and what the pass saw; its arrays are reused from pass to pass. */
class Fit {
  readonly #sight: DomeSight
  readonly #sums = new ZoneSums()
  readonly #slope = new Float64Array(SIZE)
  readonly #gradient = new Float64Array(SIZE)
  readonly #ratios: number[] = []
  #contrast = 1
  /** Normal matrix; after `solve` its inverse, the covariance. */
  readonly normal = new Float64Array(SIZE * SIZE)
  readonly step = new Float64Array(SIZE)
  readonly modelMm: Float64Array
  readonly share: Float64Array

  constructor(sight: DomeSight) {
    this.#sight = sight
    this.modelMm = new Float64Array(sight.tray.zones)
    this.share = new Float64Array(sight.tray.zones)
  }

  /** Starts a pass with what is known beforehand. The place is free; 1e-8 keeps the matrix regular. */
  expect(dome: Dome, start: Dome, prior: DomePrior): void {
    const stiffness = prior.spread ** -2
    this.normal.fill(0)
    this.#gradient.fill(0)
    this.#expect(0, 1e-8, 0)
    this.#expect(1, 1e-8, 0)
    this.#expect(2, ROTATION_STD ** -2, start.rotation - dome.rotation)
    this.#expect(3, stiffness, Math.log(prior.rx / dome.rx))
    this.#expect(4, stiffness, Math.log(prior.ry / dome.ry))
    this.#expect(5, stiffness, Math.log(prior.rz / dome.rz))
  }

  #expect(parameter: number, stiffness: number, distance: number): void {
    this.normal[parameter * SIZE + parameter] = stiffness
    this.#gradient[parameter] = stiffness * distance
  }

  /** Compares every zone with what the dome would show there, and learns how bright the part is. */
  look(dome: Dome, pass: number): void {
    const { tray, zones, depthMm, stdMm, brightness } = this.#sight
    const shape = new Shape(dome, tray.distanceMm, this.#contrast)
    const sums = this.#sums
    const coarse = pass < COARSE_PASSES
    const bend = coarse ? COARSE_BEND : BEND
    this.#ratios.length = 0
    for (const zone of zones) {
      const middle = shape.inside(at(tray.p, zone), at(tray.q, zone))
      this.modelMm[zone] = tray.distanceMm
      this.share[zone] = 0
      if (middle < OUTER) continue
      sums.clear(at(depthMm, zone))
      const rays = coarse || middle > INNER ? COARSE : FINE
      shape.sum(tray.rays[rays], zone, sums)
      const depth = sums.n / sums.w
      const share = sums.hits / tray.rays[rays].perZone
      this.modelMm[zone] = depth
      this.share[zone] = share
      if (share > 0) this.#compare(shape, at(depthMm, zone) - depth, edgeStd(at(stdMm, zone), share), bend)
      if (share > BRIGHT_SHARE) {
        const expected =
          (sums.w * depth * depth) / (at(tray.rays[rays].zoneEmptyW, zone) * tray.distanceMm ** 2)
        this.#ratios.push(at(brightness, zone) / expected)
      }
    }
    if (pass > CONTRAST_PASSES) return
    const ratio = median(this.#ratios)
    if (Number.isFinite(ratio)) this.#contrast = Math.min(5, Math.max(0.2, this.#contrast * ratio))
  }

  #compare(shape: Shape, residual: number, std: number, bend: number): void {
    const { normal } = this
    const slope = this.#slope
    shape.slopes(this.#sums, slope)
    const weight = Math.min(1, (bend * std) / Math.abs(residual)) / (std * std)
    for (let i = 0; i < SIZE; i += 1) {
      const scaled = weight * at(slope, i)
      this.#gradient[i] = at(this.#gradient, i) + scaled * residual
      for (let j = 0; j <= i; j += 1) normal[i * SIZE + j] = at(normal, i * SIZE + j) + scaled * at(slope, j)
    }
  }

  /** @returns false where the normal equations are singular */
  solve(): boolean {
    const { normal, step } = this
    if (!invertPositive(normal, SIZE)) return false
    for (let i = 0; i < SIZE; i += 1) {
      let sum = 0
      for (let k = 0; k < SIZE; k += 1) sum += at(normal, i * SIZE + k) * at(this.#gradient, k)
      step[i] = sum
    }
    return true
  }

  settled(): boolean {
    for (let i = 0; i < SIZE; i += 1) {
      if (at(this.step, i) ** 2 > SETTLED ** 2 * at(this.normal, i * SIZE + i)) return false
    }
    return true
  }
}

/** Where one zone's rays are added up. N = Σ light/s, W = Σ light/s², so that the zone's depth is N/W. */
class ZoneSums {
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
class Shape {
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
