import type { RangeFrame } from '../../drivers/vl53l8ch/ranges.ts'
import type { Estimate, Surface, UngradedReason } from '../inspection.ts'
import type { ShapeRecipe } from '../recipe.ts'
import { type Dome, type DomeFit, type DomeSight, domeVolume, fitDome, outlineOf } from './dome.ts'
import { type Heights, heightsOf } from './heights.ts'
import { type Arrays, Memory } from './memory.ts'
import { at } from './numbers.ts'
import type { Open } from './open.ts'
import { findPart, type Presence } from './presence.ts'
import { type Relief, reliefOf } from './relief.ts'
import { bodyField, standsOut } from './shape-body.ts'
import { type ShapeDefect, shapeDefects } from './shape-defects.ts'
import type { TrayPlan } from './tray.ts'

/** Fewer zones than this share with a valid range, of all or of the part's, are no look at a part. */
const LEAST_VALID = 0.6
/** A zone on the field's border may show this share of the part's height: more, and the part goes on outside. */
const BORDER_SHARE = 0.3
/** How much wider than its moments say the fit starts. */
const START_WIDTH = 1.1
/** Share of part from which a zone sees nothing else. */
const PART_ALONE = 0.99
/**
 * Where relief pulls the body off, the residuals that are summed onto it bring most of that back: of the fit's variance
 * so much is left in the volume. Chosen so that errors are as large as stated (simulated seeds 41 to 44).
 */
const BODY_LEFT = 0.7
/** A part of less than this share of the recipe's volume is crumbs. */
const LEAST_VOLUME = 0.05

/** A surface whose defects have a place and an uncertainty. */
export interface MeasuredSurface extends Surface {
  readonly defects: readonly ShapeDefect[]
}

/** Either a surface, or why there is none; the heights in both cases, where there are any. */
export interface SurfaceFinding {
  readonly surface?: MeasuredSurface
  readonly reason?: UngradedReason
  readonly heightsMm?: readonly (number | null)[]
  /** Of a surface, the zones that see nothing but the part. */
  readonly alone?: readonly number[]
}

/**
 * What one frame, or several of a still part combined (`combineLooks`), says about the shape of the part on the tray.
 * @param tray undefined: the head has no calibration for this frame
 * @param memory for what is worked out on the way; absent: its own
 */
export function measureSurface(
  frame: RangeFrame & { readonly stdMm?: Float64Array },
  tray: TrayPlan | undefined,
  recipe: ShapeRecipe,
  memory?: Arrays,
): SurfaceFinding {
  const heights = tray === undefined ? undefined : heightsOf(frame, tray, memory)
  if (tray === undefined || heights === undefined) return { reason: 'not-calibrated' }
  if (heights.valid < LEAST_VALID * tray.zones) {
    return { reason: 2 * heights.dark > tray.zones - heights.valid ? 'starved' : 'sensor-corrupt' }
  }
  const presence = findPart(heights, tray, recipe.presenceMm)
  const heightsMm: (number | null)[] = []
  for (const depth of heights.depthMm) heightsMm.push(Number.isNaN(depth) ? null : tray.distanceMm - depth)
  if (presence.moved) return { reason: 'not-calibrated', heightsMm }
  const { lengthMm, widthMm, heightMm } = recipe.product
  const expected = domeVolume({ rx: lengthMm / 2, ry: widthMm / 2, rz: heightMm })
  if (presence.volumeMm3 < LEAST_VOLUME * expected) return { reason: 'no-product', heightsMm }
  return { ...measurePart({ frame, heights, presence, tray, recipe, memory }), heightsMm }
}

interface PartSight {
  readonly frame: RangeFrame
  readonly heights: Heights
  readonly presence: Presence
  readonly tray: TrayPlan
  readonly recipe: ShapeRecipe
  readonly memory: Arrays | undefined
}

function measurePart(part: PartSight): SurfaceFinding {
  const { frame, heights, presence, tray, recipe, memory } = part
  const { lengthMm, widthMm, heightMm } = recipe.product
  const prior = { rx: lengthMm / 2, ry: widthMm / 2, rz: heightMm, spread: recipe.sizeSpread }
  const { stdMm, brightness } = weighed(part)
  const sight = { tray, zones: presence.around, depthMm: heights.depthMm, stdMm, brightness, memory }
  const fit = fitDome(sight, startDome(heights, presence, tray), prior)
  if (fit === undefined || !reasonable(fit.dome, tray)) return { reason: 'out-of-view' }
  if (leavesField(fit, tray) || fillsBorder(heights, presence, tray)) return { reason: 'out-of-view' }
  const body = standsOut(fit, heights, presence, recipe)
    ? bodyField(fit, heights, presence, tray, recipe)
    : undefined
  const relief = reliefOf(heights, presence, fit, { tray, textureMm: recipe.textureMm, memory })
  const uniformity = Math.max(0, 1 - relief.roughnessMm.estimate / recipe.uniformityScaleMm)
  const volumeMm3 = volumeOf(fit, relief, tray)
  const baseAreaMm2 = baseArea(fit)
  const alone = aloneOf(fit)
  const reflectancePercent = reflectanceOf(frame, alone)
  const surface: Open<MeasuredSurface> = {
    volumeMm3,
    baseAreaMm2,
    avgHeightMm: volumeMm3.estimate / baseAreaMm2.estimate,
    maxHeightMm: Math.max(fit.dome.rz, relief.highestMm),
    heightVariationMm: relief.roughnessMm.estimate,
    uniformity: { estimate: uniformity, std: relief.roughnessMm.std / recipe.uniformityScaleMm },
    outline: outlineOf(fit.dome),
    zones: presence.part.length,
    defects: shapeDefects(body, presence, heights, tray, recipe),
  }
  if (reflectancePercent !== undefined) surface.reflectancePercent = reflectancePercent
  return { alone, surface }
}

/**
 * Centre, axes and height from the moments of the part's zones: of half an ellipsoid, the variance is r²/5. Rather too
 * wide than too narrow: a zone that the start does not touch could not pull the edge out to itself.
 */
function startDome(heights: Heights, { part }: Presence, tray: TrayPlan): Dome {
  let sum = 0
  let sumX = 0
  let sumY = 0
  let sumXX = 0
  let sumYY = 0
  let sumXY = 0
  let top = 1
  let area = 0
  for (const zone of part) {
    const depth = at(heights.depthMm, zone)
    const height = Math.max(0, tray.distanceMm - depth)
    const x = at(tray.p, zone) * depth
    const y = at(tray.q, zone) * depth
    area = at(tray.slopeArea, zone) * depth * depth
    const weight = height * area
    sum += weight
    sumX += weight * x
    sumY += weight * y
    sumXX += weight * x * x
    sumYY += weight * y * y
    sumXY += weight * x * y
    top = Math.max(top, height)
  }
  const x = sumX / sum
  const y = sumY / sum
  const xx = sumXX / sum - x * x
  const yy = sumYY / sum - y * y
  const xy = sumXY / sum - x * y
  const spread = Math.hypot((xx - yy) / 2, xy)
  const radius = (variance: number): number => START_WIDTH * Math.sqrt(5 * Math.max(area / 20, variance))
  return {
    x,
    y,
    rotation: 0.5 * Math.atan2(2 * xy, xx - yy),
    rx: radius((xx + yy) / 2 + spread),
    ry: radius((xx + yy) / 2 - spread),
    rz: top,
  }
}

function reasonable({ x, y, rx, ry, rz }: Dome, { distanceMm }: TrayPlan): boolean {
  const largest = Math.max(Math.abs(x), Math.abs(y), rx, ry)
  return Number.isFinite(largest) && largest < 2 * distanceMm && rz < 0.95 * distanceMm
}

/** Whether the part's base reaches past what the field covers of the tray. */
function leavesField({ dome, covariance }: DomeFit, tray: TrayPlan): boolean {
  const { x, y, rotation, rx, ry } = dome
  const halfX = Math.hypot(rx * Math.cos(rotation), ry * Math.sin(rotation))
  const halfY = Math.hypot(rx * Math.sin(rotation), ry * Math.cos(rotation))
  const stdX = Math.sqrt(at(covariance, 0)) + halfX * Math.sqrt(at(covariance, 21))
  const stdY = Math.sqrt(at(covariance, 7)) + halfY * Math.sqrt(at(covariance, 28))
  const { minP, maxP, minQ, maxQ } = tray.edge
  return (
    x + halfX + stdX > maxP * tray.distanceMm ||
    x - halfX - stdX < minP * tray.distanceMm ||
    y + halfY + stdY > maxQ * tray.distanceMm ||
    y - halfY - stdY < minQ * tray.distanceMm
  )
}

/** Whether a zone of the field's border sees so much part that it must go on behind it. */
function fillsBorder(heights: Heights, { part }: Presence, { side, distanceMm }: TrayPlan): boolean {
  const height = (zone: number): number => distanceMm - at(heights.depthMm, zone)
  const most = BORDER_SHARE * height(part[0] ?? 0)
  return part.some((zone) => {
    const row = Math.floor(zone / side)
    const column = zone % side
    const onBorder = row === 0 || column === 0 || row === side - 1 || column === side - 1
    return onBorder && height(zone) > most
  })
}

/** The body's volume and what the relief adds; the three radii's covariance, the relief's, and the tray's distance. */
function volumeOf({ dome, covariance }: DomeFit, relief: Relief, tray: TrayPlan): Estimate {
  const body = domeVolume(dome)
  let spread = 0
  for (let i = 3; i < 6; i += 1) for (let j = 3; j < 6; j += 1) spread += at(covariance, 6 * i + j)
  const scale = (2 * tray.distanceStdMm) / tray.distanceMm
  return {
    estimate: Math.max(0, body + relief.volumeMm3),
    std: Math.hypot(body * Math.sqrt(BODY_LEFT * spread * relief.misfit), relief.volumeStdMm3, body * scale),
  }
}

function baseArea({ dome, covariance }: DomeFit): Estimate {
  const estimate = Math.PI * dome.rx * dome.ry
  const spread = at(covariance, 21) + at(covariance, 28) + 2 * at(covariance, 22)
  return { estimate, std: estimate * Math.sqrt(Math.max(0, spread)) }
}

/**
 * Per zone, what the fit may take for noise: the sensor's, and the relief that no smooth body has; and the chip's
 * reflectance with the part over that without, so that the lens and the zone's place cancel.
 */
function weighed({
  frame,
  heights,
  tray,
  recipe,
  memory = new Memory(2 * tray.zones),
}: PartSight): Pick<DomeSight, 'stdMm' | 'brightness'> {
  const stdMm = memory.take(tray.zones)
  const brightness = memory.take(tray.zones)
  for (let zone = 0; zone < tray.zones; zone += 1) {
    stdMm[zone] = Math.sqrt(at(heights.stdMm, zone) ** 2 + recipe.textureMm ** 2)
    brightness[zone] =
      at(frame.reflectancePercent, zone * frame.targetsPerZone) / at(tray.reflectancePercent, zone)
  }
  return { stdMm, brightness }
}

function aloneOf({ share }: DomeFit): readonly number[] {
  const alone: number[] = []
  for (let zone = 0; zone < share.length; zone += 1) if (at(share, zone) > PART_ALONE) alone.push(zone)
  return alone
}

function reflectanceOf(frame: RangeFrame, alone: readonly number[]): Surface['reflectancePercent'] {
  const values = alone.map((zone) => at(frame.reflectancePercent, zone * frame.targetsPerZone))
  if (values.length < 2) return undefined
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, std: Math.sqrt(squares / (values.length - 1)) }
}
