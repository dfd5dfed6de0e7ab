import type { Estimate, UngradedReason } from '../../inspection.ts'
import type { Look } from '../../look.ts'
import type { ShapeRecipe } from '../../recipe.ts'
import { type Dome, domeVolume } from '../dome.ts'
import { at } from '../numbers.ts'
import type { TrayPlan } from '../tray.ts'
import { footprintMm, LEAST_LOOKS } from './cadence.ts'
import { shapesOn } from './cones.ts'
import { type ScanDefect, searchDefects } from './defects.ts'
import { type Equations, equationsOf } from './equations.ts'
import { fitScan, SCALE } from './fit.ts'
import { locate } from './locate.ts'
import { ReliefField } from './relief.ts'
import { type ScanSight, sightOf } from './sight.ts'
import { type Scanned, type ScannedSurface, scannedSurface } from './surface.ts'

/** Looks that were left out (no range, no place) may be this share. */
const MOST_DROPPED = 0.4
/** A belt that ran this much otherwise than it was told has another speed, or the looks are of another part. */
const SPEED_STDS = 4
/** A look that departs from what all looks say by more than this (mean squared residual over its variance) was misplaced. */
const MISPLACED = 4
/** More misplaced looks than this share, and than one, are a belt that stood or jumped; the ends see few zones of a part. */
const MOST_MISPLACED = 0.03
/** Of all looks together: beyond, the part is not what the model takes it for. */
const MOST_MISFIT = 3
/** Points of the outline that must have been in view, and by how many looks. */
const OUTLINE_POINTS = 24
const LEAST_SEEN = 2

/** Least and most relief that is believed, standard deviation, mm. */
const LEAST_RELIEF_MM = 0.4
const MOST_RELIEF_MM = 8
/** A relief of so many times the expected variance is worth a second solution. */
const ROUGHER = 1.4

/** Why looks at a moving part make no scan, beyond the reasons of a still one. */
export const SCAN_REASONS = ['too-few-looks', 'belt-uneven'] as const
export type ScanReason = (typeof SCAN_REASONS)[number]

/** How the looks were taken: recipe or station. */
export interface ScanPlan {
  /** From the X axis (zone columns) to the way the belt runs, degrees; turned heads see finer across the belt. */
  readonly directionDeg: number
  /** Relative standard deviation of the travel that looks say: 0.001 by an encoder, 0.02 by a nominal speed. */
  readonly speedSpread: number
}

/** Either a surface, or why there is none. */
export interface ScanFinding {
  readonly surface?: ScannedSurface
  readonly reason?: UngradedReason | ScanReason
  /** Where `reason` says that looks do not agree: the same figures as in a surface. */
  readonly misfit?: number
  readonly travelScale?: Estimate
}

/**
 * What several looks at a part that the belt carries under the head say about its shape.
 * @param looks in order, each with its belt travel; looks without one are left out
 * @param tray of the bare belt; undefined: the head has no calibration for these frames
 */
export function measureScan(
  looks: readonly Look[],
  tray: TrayPlan | undefined,
  recipe: ShapeRecipe,
  plan: ScanPlan,
): ScanFinding {
  const sight = tray === undefined ? undefined : sightOf(looks, tray, plan)
  if (sight === undefined) return { reason: 'not-calibrated' }
  if (sight.looks < LEAST_LOOKS || sight.dropped > MOST_DROPPED * looks.length) {
    return { reason: lackOf(looks, sight) }
  }
  const { lengthMm, widthMm, heightMm } = recipe.product
  // Where the part's top passes a zone between two looks, what lay between nobody saw.
  if (meanStepMm(looks) > footprintMm(sight.tray.zones, sight.tray.distanceMm - heightMm)) {
    return { reason: 'too-few-looks' }
  }
  const prior = {
    rx: lengthMm / 2,
    ry: widthMm / 2,
    rz: heightMm,
    spread: recipe.sizeSpread,
    speedSpread: plan.speedSpread,
    textureMm: Math.max(1, recipe.textureMm),
  }
  const located = locate(sight, recipe.presenceMm, domeVolume(prior))
  if (located.kind !== 'found') return { reason: located.kind }
  const fit = fitScan(sight, located.ours, located.start, prior)
  if (fit === undefined || !reasonable(fit.dome, sight)) return { reason: 'out-of-view' }
  if (!inView(fit.dome, sight)) return { reason: 'out-of-view' }
  const equations = equationsOf(sight, located.ours, fit, { start: located.start, prior })
  const searched = equations && search(equations, recipe)
  if (searched === undefined) return { reason: 'out-of-view' }
  return judged({ sight, located, fit, ...searched }, plan, recipe)
}

/** Belt travel from one look to the next, mm; of those that have a place. */
function meanStepMm(looks: readonly Look[]): number {
  const places = looks.flatMap(({ beltMm }) =>
    beltMm === undefined || !Number.isFinite(beltMm) ? [] : [beltMm],
  )
  return Math.abs((places.at(-1) ?? 0) - (places[0] ?? 0)) / Math.max(1, places.length - 1)
}

/** Expects a good part's relief; a part that shows another is looked at again with what it showed. */
function search(
  equations: Equations,
  recipe: ShapeRecipe,
): { readonly field: ReliefField; readonly defects: readonly ScanDefect[] } | undefined {
  const expectedMm = Math.max(LEAST_RELIEF_MM, recipe.textureMm)
  const first = ReliefField.solve(equations, expectedMm)
  if (first === undefined) return undefined
  const shapes = shapesOn(equations.grid)
  const { found, widening } = searchDefects(first, shapes, recipe)
  if (widening < ROUGHER) return { field: first, defects: found }
  const second = ReliefField.solve(equations, Math.min(MOST_RELIEF_MM, expectedMm * Math.sqrt(widening)))
  return second && { field: second, defects: searchDefects(second, shapes, recipe).found }
}

/** Nothing but too few looks, unless it was the sensor that spoilt them. */
function lackOf(
  looks: readonly Look[],
  { looks: used, dropped, dark }: ScanSight,
): UngradedReason | ScanReason {
  const placed = looks.filter(({ beltMm }) => beltMm !== undefined && Number.isFinite(beltMm)).length
  if (placed < LEAST_LOOKS || dropped === 0 || placed - used === 0) return 'too-few-looks'
  return dark ? 'starved' : 'sensor-corrupt'
}

function judged(scanned: Scanned, plan: ScanPlan, recipe: ShapeRecipe): ScanFinding {
  const { field } = scanned
  const { misfit } = field
  const travelScale = { estimate: field.state.scale, std: field.parameterStd(SCALE) }
  const misplaced = field.lookMisfit.filter((square) => square > MISPLACED).length
  const off = Math.abs(travelScale.estimate - 1) / Math.hypot(plan.speedSpread, travelScale.std)
  if (
    misplaced > Math.max(1, MOST_MISPLACED * scanned.sight.looks) ||
    misfit > MOST_MISFIT ||
    off > SPEED_STDS
  ) {
    return { reason: 'belt-uneven', misfit, travelScale }
  }
  return { surface: scannedSurface(scanned, recipe, travelScale) }
}

function reasonable({ rx, ry, rz }: Dome, { tray }: ScanSight): boolean {
  const largest = Math.max(rx, ry)
  return Number.isFinite(largest + rz) && largest < 2 * tray.distanceMm && rz < 0.95 * tray.distanceMm
}

/** Whether every point of the outline was well within the field of some looks. */
function inView({ x, y, rotation, rx, ry }: Dome, { tray, looks, shiftX, shiftY }: ScanSight): boolean {
  const { minP, maxP, minQ, maxQ } = tray.edge
  const { distanceMm } = tray
  for (let point = 0; point < OUTLINE_POINTS; point += 1) {
    const angle = (2 * Math.PI * point) / OUTLINE_POINTS
    const u = rx * Math.cos(angle)
    const v = ry * Math.sin(angle)
    const px = x + u * Math.cos(rotation) - v * Math.sin(rotation)
    const py = y + u * Math.sin(rotation) + v * Math.cos(rotation)
    let seen = 0
    for (let look = 0; look < looks; look += 1) {
      const p = (px + at(shiftX, look)) / distanceMm
      const q = (py + at(shiftY, look)) / distanceMm
      if (p > minP && p < maxP && q > minQ && q < maxQ) seen += 1
    }
    if (seen < LEAST_SEEN) return false
  }
  return true
}
