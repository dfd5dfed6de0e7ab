import { type Dome, type DomePrior, edgeStd, movedDome } from '../dome.ts'
import { at, invertPositive, median } from '../numbers.ts'
import type { Rays } from '../tray.ts'
import { BODY_PARAMETERS, BodyView } from './body.ts'
import type { ScanSight } from './sight.ts'

/** The body's six, the head's drift, and the belt's travel over what it was told to be, less 1. */
export const PARAMETERS = BODY_PARAMETERS + 2
export const DRIFT = BODY_PARAMETERS
export const SCALE = BODY_PARAMETERS + 1

/** What is known before anything is looked at. */
export interface ScanPrior extends DomePrior {
  /** Relative standard deviation of the belt's speed. */
  readonly speedSpread: number
}

export interface ScanFit extends State {
  readonly contrast: number
  /** Per sighting, the depth that was expected of it, without drift; NaN where it was not used. */
  readonly modelMm: Float64Array
  readonly share: Float64Array
  /** Of sightings of the bare belt, mean squared residual over the sensor's own variance; 1 of too few. */
  readonly noiseScale: number
}

/** Standard deviation of the head's drift between calibration and look, mm. */
const DRIFT_STD_MM = 1
/** Rotation is free, except that a round body has none. */
const ROTATION_STD = 0.7
/** Passes with few rays a zone and every third look, and passes with all. */
const COARSE_PASSES = 4
const FINE_PASSES = 2
const COARSE_STRIDE = 3
/** Deviations beyond which a sighting's say grows no more (Huber): far off in the first passes, then a defect. */
const COARSE_BEND = 6
const BEND = 1.5
/** A zone's footprint at most, from its middle, mm: what is farther from the silhouette sees none of the part. */
const REACH_MM = 26
/** A zone whose middle is this far inside sees nothing but part: few rays will do. */
export const INNER = 0.7
/** Bare belt that reads this far off is no bare belt. */
const BARE_MM = 6
const LEAST_BARE = 60
const BRIGHT_SHARE = 0.6
const LONGEST_STEP = 0.35

/**
 * Fits the half ellipsoid, the head's drift and the belt's true travel to all looks at once.
 * @param ours per sighting, 0: leave it out
 * @param textureMm what a good part departs from the ellipsoid
 * @returns undefined where the system has no solution
 */
export function fitScan(
  sight: ScanSight,
  ours: Uint8Array,
  start: Dome,
  prior: ScanPrior & { readonly textureMm: number },
): ScanFit | undefined {
  const fit = new Fit(sight, ours, prior)
  let state: State = { dome: start, driftMm: 0, scale: 1 }
  for (let pass = 0; pass < COARSE_PASSES + FINE_PASSES; pass += 1) {
    fit.look(state, start, pass < COARSE_PASSES)
    const step = fit.solve()
    if (step === undefined) return undefined
    state = moved(state, step)
  }
  return { ...state, ...fit.seen() }
}

export interface State {
  readonly dome: Dome
  /** What the head reads too far, mm. */
  readonly driftMm: number
  /** The belt's travel over what it was told to be. */
  readonly scale: number
}

export function moved({ dome, driftMm, scale }: State, step: Float64Array): State {
  return {
    dome: movedDome(dome, step),
    driftMm: driftMm + at(step, DRIFT),
    scale: scale + Math.max(-LONGEST_STEP, Math.min(LONGEST_STEP, at(step, SCALE))),
  }
}

/** Normal equations of the parameters, row-major; only the lower triangle of `normal` is read. */
export interface Normal {
  readonly normal: Float64Array
  readonly gradient: Float64Array
}

/** Starts normal equations with what is known beforehand. The place is free; 1e-8 keeps the matrix regular. */
export function expectInto({ normal, gradient }: Normal, state: State, start: Dome, prior: ScanPrior): void {
  const { dome, driftMm, scale } = state
  const { rx, ry, rz, spread, speedSpread } = prior
  normal.fill(0)
  const put = (parameter: number, stiffness: number, distance: number): void => {
    normal[parameter * (PARAMETERS + 1)] = stiffness
    gradient[parameter] = stiffness * distance
  }
  put(0, 1e-8, 0)
  put(1, 1e-8, 0)
  put(2, ROTATION_STD ** -2, start.rotation - dome.rotation)
  put(3, spread ** -2, Math.log(rx / dome.rx))
  put(4, spread ** -2, Math.log(ry / dome.ry))
  put(5, spread ** -2, Math.log(rz / dome.rz))
  put(DRIFT, DRIFT_STD_MM ** -2, -driftMm)
  put(SCALE, speedSpread ** -2, 1 - scale)
}

/** How far outside, as 1 - ρ², a zone's middle may lie and its footprint still touch a body (or its border, mm). */
export function outermost({ rx, ry }: Dome, borderMm: number): number {
  return 1 - (1 + (REACH_MM + borderMm) / Math.min(rx, ry)) ** 2
}

class Fit {
  readonly #sight: ScanSight
  readonly #ours: Uint8Array
  readonly #prior: ScanPrior & { readonly textureMm: number }
  readonly #normal = new Float64Array(PARAMETERS * PARAMETERS)
  readonly #gradient = new Float64Array(PARAMETERS)
  readonly #slope = new Float64Array(PARAMETERS)
  readonly #ratios: number[] = []
  readonly #modelMm: Float64Array
  readonly #share: Float64Array
  #contrast = 1
  #bare = 0
  #bareSquares = 0

  constructor(sight: ScanSight, ours: Uint8Array, prior: ScanPrior & { readonly textureMm: number }) {
    this.#sight = sight
    this.#ours = ours
    this.#prior = prior
    this.#modelMm = Float64Array.from(sight.depthMm)
    this.#share = new Float64Array(sight.depthMm.length)
  }

  look(state: State, start: Dome, coarse: boolean): void {
    const { tray, footprints, looks, shiftX, shiftY } = this.#sight
    expectInto({ normal: this.#normal, gradient: this.#gradient }, state, start, this.#prior)
    this.#ratios.length = 0
    this.#bare = 0
    this.#bareSquares = 0
    const view = new BodyView(state.dome, tray, this.#contrast)
    const outer = outermost(state.dome, 0)
    for (let look = 0; look < looks; look += coarse ? COARSE_STRIDE : 1) {
      view.aim(state.scale * at(shiftX, look), state.scale * at(shiftY, look))
      for (let zone = 0; zone < tray.zones; zone += 1) {
        const i = look * tray.zones + zone
        if (this.#ours[i] === 0) continue
        const middle = view.inside(at(tray.p, zone), at(tray.q, zone))
        if (middle < outer) this.#belt(i, state)
        else
          this.#part(i, view, state, coarse || middle > INNER ? footprints.coarse : footprints.fine, coarse)
      }
    }
    const ratio = median(this.#ratios)
    if (Number.isFinite(ratio)) this.#contrast = Math.min(5, Math.max(0.2, this.#contrast * ratio))
  }

  #belt(i: number, { driftMm }: State): void {
    const { tray, depthMm, stdMm } = this.#sight
    this.#modelMm[i] = tray.distanceMm
    this.#share[i] = 0
    const residual = at(depthMm, i) - tray.distanceMm - driftMm
    if (Math.abs(residual) > BARE_MM) return
    const weight = at(stdMm, i) ** -2
    this.#gradient[DRIFT] = at(this.#gradient, DRIFT) + weight * residual
    this.#normal[DRIFT * (PARAMETERS + 1)] = at(this.#normal, DRIFT * (PARAMETERS + 1)) + weight
    this.#bare += 1
    this.#bareSquares += weight * residual * residual
  }

  #part(i: number, view: BodyView, state: State, rays: Rays, coarse: boolean): void {
    const { tray, depthMm, stdMm, brightness, shiftX, shiftY } = this.#sight
    const zone = i % tray.zones
    const look = Math.floor(i / tray.zones)
    const about = at(this.#modelMm, i)
    view.see(rays, zone, about, false)
    const { depth, share, light } = view
    this.#modelMm[i] = depth
    this.#share[i] = share
    if (share > BRIGHT_SHARE) {
      const expected = (light * depth * depth) / (at(rays.zoneEmptyW, zone) * tray.distanceMm ** 2)
      this.#ratios.push(at(brightness, i) / expected)
    }
    const slope = this.#slope
    slope.set(view.slopes)
    slope[DRIFT] = 1
    slope[SCALE] = at(slope, 0) * at(shiftX, look) + at(slope, 1) * at(shiftY, look)
    const residual = at(depthMm, i) - depth - state.driftMm
    const texture = share * this.#prior.textureMm
    const std = edgeStd(Math.hypot(at(stdMm, i), texture), share)
    const bend = coarse ? COARSE_BEND : BEND
    const weight = Math.min(1, (bend * std) / Math.abs(residual)) / (std * std)
    for (let row = 0; row < PARAMETERS; row += 1) {
      const scaled = weight * at(slope, row)
      this.#gradient[row] = at(this.#gradient, row) + scaled * residual
      for (let column = 0; column <= row; column += 1) {
        const cell = row * PARAMETERS + column
        this.#normal[cell] = at(this.#normal, cell) + scaled * at(slope, column)
      }
    }
  }

  solve(): Float64Array | undefined {
    if (!invertPositive(this.#normal, PARAMETERS)) return undefined
    const step = new Float64Array(PARAMETERS)
    for (let row = 0; row < PARAMETERS; row += 1) {
      let sum = 0
      for (let k = 0; k < PARAMETERS; k += 1)
        sum += at(this.#normal, row * PARAMETERS + k) * at(this.#gradient, k)
      step[row] = sum
    }
    return step
  }

  seen(): Pick<ScanFit, 'contrast' | 'modelMm' | 'share' | 'noiseScale'> {
    return {
      contrast: this.#contrast,
      modelMm: this.#modelMm,
      share: this.#share,
      noiseScale: this.#bare < LEAST_BARE ? 1 : Math.max(0.25, this.#bareSquares / this.#bare),
    }
  }
}
