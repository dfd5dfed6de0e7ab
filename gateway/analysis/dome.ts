import type { Outline } from '../inspection.ts'
import { type Arrays, Memory } from './memory.ts'
import { at, invertPositive } from './numbers.ts'
import { RunningMedian } from './running-median.ts'
import { Shape, SIZE, ZoneSums } from './shape-quadric.ts'
import { COARSE, FINE, type TrayPlan } from './tray.ts'

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
  /** To keep the fit in; absent: its own. */
  readonly memory?: Arrays | undefined
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
  /** Per zone, change of the depth by (x, y, rotation, ln rx, ln ry, ln rz); index zone × 6 + parameter. */
  readonly slopes: Float64Array
  /** Brightness of the part over the tray's. */
  readonly contrast: number
}

/** Passes with few rays a zone, which find the place, and so many with many rays on the part's edge. */
const COARSE_PASSES = 2
const FINE_PASSES = 1
/** Passes after which the part is as bright as it was found to be. */
const CONTRAST_PASSES = 2
/** A zone whose middle is this far inside or outside the silhouette holds none of it. */
const INNER = 0.7
const OUTER = -0.9
/** Deviations, in standard deviations, beyond which a zone's say grows no more: a defect shall not bend the body. */
const BEND = 1.5
/** The same in the coarse passes, which are far off everywhere. */
const COARSE_BEND = 6
/** What the optics of a zone half on the part add to its depth's uncertainty, mm. */
const EDGE_STD_MM = 3
/** Rotation is free, except that a round body has none. */
const ROTATION_STD = 0.7
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
    dome = movedDome(dome, fit.step)
  }
  return {
    dome,
    covariance: fit.normal,
    modelMm: fit.modelMm,
    share: fit.share,
    slopes: fit.slopes,
    contrast: fit.contrast,
  }
}

/** What the zones of `sight` would show of a dome, without fitting it: the depths in `sight` do not matter. */
export function seeDome(
  sight: DomeSight,
  dome: Dome,
): Pick<DomeFit, 'modelMm' | 'share' | 'slopes' | 'contrast'> {
  const fit = new Fit(sight)
  fit.look(dome, COARSE_PASSES)
  return fit
}

/** A zone on the part's edge is known less well: its footprint has no sharp border. */
export function edgeStd(std: number, share: number): number {
  return Math.sqrt(std * std + 4 * share * (1 - share) * EDGE_STD_MM ** 2)
}

/** The body as a person measures it: the longer axis is its length, and says how it lies. */
export function outlineOf({ x, y, rotation, rx, ry, rz }: Dome): Outline {
  const turn = rx >= ry ? rotation : rotation + Math.PI / 2
  return {
    xMm: x,
    yMm: y,
    lengthMm: 2 * Math.max(rx, ry),
    widthMm: 2 * Math.min(rx, ry),
    heightMm: rz,
    rotationRad: turn - Math.PI * Math.round(turn / Math.PI),
  }
}

/** Half the volume of the ellipsoid, mm³. */
export function domeVolume({ rx, ry, rz }: Pick<Dome, 'rx' | 'ry' | 'rz'>): number {
  return (2 / 3) * Math.PI * rx * ry * rz
}

/** One step of a fit: place in mm, the turn in radians, the radii by their logarithms; its first six parameters. */
export function movedDome(dome: Dome, step: Float64Array): Dome {
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
  readonly #slope: Float64Array
  readonly #gradient: Float64Array
  readonly #ratios: RunningMedian
  contrast = 1
  /** Normal matrix; after `solve` its inverse, the covariance. */
  readonly normal: Float64Array
  readonly step: Float64Array
  readonly modelMm: Float64Array
  readonly share: Float64Array
  readonly slopes: Float64Array

  constructor(sight: DomeSight) {
    const { zones } = sight.tray
    this.#sight = sight
    const memory = sight.memory ?? new Memory((SIZE + 3) * zones + (SIZE + 3) * SIZE)
    this.#ratios = new RunningMedian(zones, memory)
    this.#slope = memory.take(SIZE)
    this.#gradient = memory.take(SIZE)
    this.normal = memory.take(SIZE * SIZE)
    this.step = memory.take(SIZE)
    this.slopes = memory.take(SIZE * zones)
    this.modelMm = memory.take(zones)
    this.share = memory.take(zones)
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
    const shape = new Shape(dome, tray.distanceMm, this.contrast)
    const sums = this.#sums
    const coarse = pass < COARSE_PASSES
    const bend = coarse ? COARSE_BEND : BEND
    this.#ratios.clear()
    for (const zone of zones) {
      const middle = shape.inside(at(tray.p, zone), at(tray.q, zone))
      if (middle < OUTER) {
        this.#miss(zone)
        continue
      }
      const rays = tray.rays[coarse || middle > INNER ? COARSE : FINE]
      shape.sum(rays, zone, at(depthMm, zone), sums)
      const depth = sums.n / sums.w
      const share = sums.hits / rays.perZone
      this.modelMm[zone] = depth
      this.share[zone] = share
      if (share > 0) {
        shape.slopes(sums, this.#slope)
        for (let i = 0; i < SIZE; i += 1) this.slopes[SIZE * zone + i] = at(this.#slope, i)
        this.#compare(at(depthMm, zone) - depth, edgeStd(at(stdMm, zone), share), bend)
      } else this.#miss(zone)
      if (share > BRIGHT_SHARE) {
        const expected = (sums.w * depth * depth) / (at(rays.zoneEmptyW, zone) * tray.distanceMm ** 2)
        this.#ratios.add(at(brightness, zone) / expected)
      }
    }
    if (pass > CONTRAST_PASSES) return
    const ratio = this.#ratios.value
    if (Number.isFinite(ratio)) this.contrast = Math.min(5, Math.max(0.2, this.contrast * ratio))
  }

  /** A zone that no ray of leads to the part. */
  #miss(zone: number): void {
    this.modelMm[zone] = this.#sight.tray.distanceMm
    this.share[zone] = 0
    for (let i = SIZE * zone; i < SIZE * (zone + 1); i += 1) this.slopes[i] = 0
  }

  #compare(residual: number, std: number, bend: number): void {
    const { normal } = this
    const slope = this.#slope
    const gradient = this.#gradient
    const weight = Math.min(1, (bend * std) / Math.abs(residual)) / (std * std)
    for (let i = 0; i < SIZE; i += 1) {
      const scaled = weight * at(slope, i)
      gradient[i] = at(gradient, i) + scaled * residual
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
}
