import type { Defect, DefectType } from '../inspection.ts'
import type { ShapeRecipe } from '../recipe.ts'
import type { Heights } from './heights.ts'
import { at, normalCdf } from './numbers.ts'
import type { Presence } from './presence.ts'
import type { BodyField } from './shape-body.ts'
import { mayHold } from './shape-bound.ts'
import { energy, type Field } from './shape-field.ts'
import { type Dent, DentSearch, withOwnRelief, withoutDent } from './shape-search.ts'
import { severityOf } from './shape-severity.ts'
import type { TrayPlan } from './tray.ts'

/** A defect of shape with its place on the tray, its size and how well both are known. Lengths in mm. */
export interface ShapeDefect extends Defect {
  readonly xMm: number
  readonly yMm: number
  /** Standard uncertainty of the place, along either axis. */
  readonly placeStdMm: number
  /** Radius at which the change has faded; absent for what lies beside the part. */
  readonly radiusMm?: number
  /** Standard uncertainty of `deviationMm`. */
  readonly deviationStdMm: number
}

/**
 * Scores from which a change of the surface is a defect and not relief. Some 40 independent places and sizes are
 * compared on a part; relief is a few waves and not quite Gaussian. Fewer than 1 good part in 100 reaches it.
 */
export const DEFECT_SCORE = 4.5
/**
 * Score at which a change counts as likely a defect as relief that is rougher than a Gaussian one. Chosen so that of 4444
 * sound parts (simulated seeds 1 to 5, three recipes) 3 are rejected for their relief.
 */
const SURE_SCORE = 5.5
/** A scan with one radius on a coarse grid sees at least this much of such a score. */
const SCAN_SCORE = 3
/** More defects than this on one part are one bad part. */
const MOST_DEFECTS = 4
/** From this share of the base's radius on, what is missing is missing from the edge. */
const EDGE_RHO = 0.72
/**
 * How deep defects are before anything is seen, standard deviation, mm; both ways alike. What a zone sees of a small
 * dent is its volume: without this, a dent of the least radius as deep as the part is high would explain any relief.
 */
export const DEPTH_STD_MM = 10
/** Dents that compete with the strongest for where and how large it is lie within, mm. */
const RIVAL_MM = 28

/** Defects of shape, worst first: where the surface leaves the smooth body, and what lies beside the part. */
export function shapeDefects(
  body: BodyField | undefined,
  presence: Presence,
  heights: Heights,
  tray: TrayPlan,
  recipe: ShapeRecipe,
): readonly ShapeDefect[] {
  const found = body === undefined ? [] : onBody(body, tray, recipe)
  const beside = presence.strays.map(([zone = 0]) => strayOf(zone, heights, tray, recipe))
  return [...found, ...beside].sort((a, b) => b.severity - a.severity)
}

function onBody({ field, dome }: BodyField, tray: TrayPlan, recipe: ShapeRecipe): readonly ShapeDefect[] {
  const defects: ShapeDefect[] = []
  if (!mayHold(field, DEFECT_SCORE ** 2)) return defects
  const search = new DentSearch(field, dome)
  let left = withOwnRelief(field, search)
  // One change explains no more than there is to explain.
  while (left !== undefined && defects.length < MOST_DEFECTS && energy(left) >= DEFECT_SCORE ** 2) {
    const tried: Dent[] = []
    if (search.strongest(left, SCAN_SCORE, tried) === undefined) break
    const dent = likeliest(tried)
    if (dent === undefined || evidenceOf(dent) < DEFECT_SCORE ** 2) break
    const defect = defectOf(dent, tried, { field: left, dome }, tray, recipe)
    if (defect !== undefined) defects.push(defect)
    left = withoutDent(left, dent)
  }
  return defects
}

/** Twice the logarithm of how much likelier the dent is than none, for a depth of the expected size. */
function evidenceOf({ score, std }: Dent): number {
  return score ** 2 / (1 + (std / DEPTH_STD_MM) ** 2)
}

function likeliest(tried: readonly Dent[]): Dent | undefined {
  let best: Dent | undefined
  for (const dent of tried) if (best === undefined || evidenceOf(dent) > evidenceOf(best)) best = dent
  return best
}

type Kind = Extract<DefectType, 'foreign_body' | 'deformation' | 'edge_damage'>

const LIMITS = {
  foreign_body: 'foreignBody',
  deformation: 'deformation',
  edge_damage: 'edgeDamage',
} as const satisfies Record<Kind, keyof ShapeRecipe['defects']>

/** @returns undefined for a defect that the recipe takes no notice of */
function defectOf(
  dent: Dent,
  tried: readonly Dent[],
  { field, dome }: BodyField,
  tray: TrayPlan,
  recipe: ShapeRecipe,
): ShapeDefect | undefined {
  const rho = Math.hypot(dent.u / dome.rx, dent.v / dome.ry)
  const type: Kind = dent.change > 0 ? 'foreign_body' : rho > EDGE_RHO ? 'edge_damage' : 'deformation'
  const { limitMm, criticalMm } = recipe.defects[LIMITS[type]]
  const { change, std, u, v, placeStd, radius, critical } = averaged(dent, tried, criticalMm)
  if (Math.abs(change) < limitMm) return undefined
  const [cos, sin] = [Math.cos(dome.rotation), Math.sin(dome.rotation)]
  const zone = nearestZone(field, dent)
  return {
    type,
    zone: [Math.floor(zone / tray.side), zone % tray.side],
    ...severityOf({
      evidence: evidenceOf(dent),
      sureScore: SURE_SCORE,
      size: Math.abs(change) / criticalMm,
      criticalIfReal: critical,
    }),
    deviationMm: change,
    deviationStdMm: std,
    xMm: dome.x + cos * u - sin * v,
    yMm: dome.y + sin * u + cos * v,
    placeStdMm: placeStd,
    radiusMm: radius,
  }
}

interface Averaged {
  readonly change: number
  readonly std: number
  readonly u: number
  readonly v: number
  readonly placeStd: number
  readonly radius: number
  /** Probability that the change is larger than critical. */
  readonly critical: number
}

/**
 * Place, radius and change over all dents that could be this one, each with its likelihood: a flat prior of place and
 * radius and a normal one of depth make that exp(evidence/2) times the standard deviation that is left of the change.
 */
function averaged(dent: Dent, tried: readonly Dent[], criticalMm: number): Averaged {
  const sums = { weight: 0, change: 0, squares: 0, u: 0, v: 0, places: 0, radius: 0, critical: 0 }
  const most = evidenceOf(dent)
  for (const rival of tried) {
    const [du, dv] = [rival.u - dent.u, rival.v - dent.v]
    if (du * du + dv * dv > RIVAL_MM ** 2 || rival.change * dent.change < 0) continue
    const { change, std } = expected(rival)
    const weight = Math.exp((evidenceOf(rival) - most) / 2) * std
    sums.weight += weight
    sums.change += weight * change
    sums.squares += weight * (change ** 2 + std ** 2)
    sums.u += weight * du
    sums.v += weight * dv
    sums.places += weight * (du * du + dv * dv)
    sums.radius += weight * rival.radius
    sums.critical += weight * normalCdf((Math.abs(change) - criticalMm) / std)
  }
  const { weight } = sums
  const change = sums.change / weight
  const [du, dv] = [sums.u / weight, sums.v / weight]
  return {
    change,
    std: Math.sqrt(Math.max(expected(dent).std ** 2, sums.squares / weight - change ** 2)),
    u: dent.u + du,
    v: dent.v + dv,
    placeStd: Math.sqrt(Math.max(GRID_VARIANCE, (sums.places / weight - du * du - dv * dv) / 2)),
    radius: sums.radius / weight,
    critical: sums.critical / weight,
  }
}

/** Change of a dent after shrinking by what depths are expected, with the standard deviation that is left. */
function expected({ change, std }: Dent): { readonly change: number; readonly std: number } {
  const share = 1 / (1 + (std / DEPTH_STD_MM) ** 2)
  return { change: share * change, std: Math.sqrt(share) * std }
}

/** No place is known better than the grid that was searched, mm²: 6²/12. */
const GRID_VARIANCE = 3

function nearestZone({ hits }: Field, { u, v }: Dent): number {
  let nearest = 0
  let least = Number.POSITIVE_INFINITY
  hits.zones.forEach((zone, place) => {
    const square = (at(hits.meanU, place) - u) ** 2 + (at(hits.meanV, place) - v) ** 2
    if (square >= least) return
    least = square
    nearest = zone
  })
  return nearest
}

function strayOf(zone: number, heights: Heights, tray: TrayPlan, recipe: ShapeRecipe): ShapeDefect {
  const depth = at(heights.depthMm, zone)
  const std = at(heights.stdMm, zone)
  const height = tray.distanceMm - depth
  const { criticalMm } = recipe.defects.foreignBody
  return {
    type: 'foreign_body',
    zone: [Math.floor(zone / tray.side), zone % tray.side],
    severity: Math.min(1, Math.abs(height) / criticalMm),
    deviationMm: height,
    deviationStdMm: std,
    criticalProbability: normalCdf((Math.abs(height) - criticalMm) / std),
    xMm: at(tray.p, zone) * depth,
    yMm: at(tray.q, zone) * depth,
    // Anywhere in the zone: a uniform density over its width.
    placeStdMm: depth * Math.sqrt(at(tray.slopeArea, zone) / 12),
  }
}
