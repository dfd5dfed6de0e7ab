import type { Defect, DefectType, Estimate } from '../inspection.ts'
import type { ShapeRecipe } from '../recipe.ts'
import { type DomeFit, edgeStd } from './dome.ts'
import type { Heights } from './heights.ts'
import { at, normalCdf } from './numbers.ts'
import type { Presence } from './presence.ts'
import type { TrayPlan } from './tray.ts'

/** A zone that sees this share of part or more says something about its surface, less only about its edge. */
const SURFACE_SHARE = 0.9
/** Below this share a zone says nothing about a defect: dividing by the share would magnify its noise. */
const EDGE_SHARE = 0.4
/** A defect stands out of the noise by this many standard deviations. */
const DEFECT_STDS = 4
/** What an edge zone shows too much may be the body's own outline: the limit of a foreign body counts so many times. */
const EDGE_DOUBT = 2
/** The fit follows the surface with about four of its six parameters; the other two only place it. */
const SURFACE_PARAMETERS = 4

/** What is left of the surface when the smooth body is taken away. */
export interface Relief {
  /** Per zone, height above the body as the zone sees it, mm; NaN outside the part. */
  readonly residualMm: Float64Array
  readonly share: Float64Array
  /** Standard deviation of the surface about the body, the sensor's noise taken out. */
  readonly roughnessMm: Estimate
  /** What the relief adds to the body's volume: each residual as far as it is relief and not noise. */
  readonly volumeMm3: number
  readonly volumeStdMm3: number
  /** Mean squared score of the residuals, at least 1: how much wider than stated the fit's covariance is. */
  readonly misfit: number
  /** The highest zone that sees nothing but part. */
  readonly highestMm: number
}

export function reliefOf(
  heights: Heights,
  presence: Presence,
  fit: DomeFit,
  tray: TrayPlan,
  textureMm: number,
): Relief {
  const residualMm = new Float64Array(tray.zones).fill(Number.NaN)
  const sums = { zones: 0, squares: 0, noise: 0, scores: 0, highest: 0 }
  for (const zone of presence.around) {
    const share = at(fit.share, zone)
    if (share <= 0) continue
    const residual = at(fit.modelMm, zone) - at(heights.depthMm, zone)
    residualMm[zone] = residual
    const noise = at(heights.stdMm, zone) ** 2
    sums.scores += residual ** 2 / (noise + textureMm ** 2)
    if (share < SURFACE_SHARE) continue
    sums.zones += 1
    sums.squares += residual ** 2
    sums.noise += noise
    sums.highest = Math.max(sums.highest, tray.distanceMm - at(heights.depthMm, zone))
  }
  const roughnessMm = roughnessOf(sums)
  const relief = Math.max(textureMm, roughnessMm.estimate)
  return {
    residualMm,
    share: fit.share,
    roughnessMm,
    ...volumeOf(residualMm, heights, fit, tray, relief),
    misfit: Math.max(1, sums.scores / Math.max(1, presence.around.length - SURFACE_PARAMETERS)),
    highestMm: sums.highest,
  }
}

function roughnessOf(sums: { zones: number; squares: number; noise: number }): Estimate {
  const free = sums.zones - SURFACE_PARAMETERS
  if (free < 1) return { estimate: 0, std: Math.sqrt(sums.noise / Math.max(1, sums.zones)) }
  const noise = sums.noise / sums.zones
  const total = sums.squares / free
  const estimate = Math.sqrt(Math.max(0, total - noise))
  // The variance of a variance of n values is 2σ⁴/n; its root's by the derivative, blunted near zero.
  const std = (total * Math.sqrt(2 / free)) / (2 * Math.max(estimate, Math.sqrt(noise)))
  return { estimate, std }
}

function volumeOf(
  residualMm: Float64Array,
  heights: Heights,
  fit: DomeFit,
  tray: TrayPlan,
  relief: number,
): Pick<Relief, 'volumeMm3' | 'volumeStdMm3'> {
  let volume = 0
  let variance = 0
  for (let zone = 0; zone < tray.zones; zone += 1) {
    const residual = at(residualMm, zone)
    if (Number.isNaN(residual)) continue
    const area = at(tray.slopeArea, zone) * at(fit.modelMm, zone) ** 2
    const noise = at(heights.stdMm, zone) ** 2
    const believed = relief ** 2 / (relief ** 2 + noise)
    volume += believed * residual * area
    variance += believed * noise * area * area * at(fit.share, zone)
  }
  return { volumeMm3: volume, volumeStdMm3: Math.sqrt(variance) }
}

/** Defects of shape, worst first: where the surface leaves the smooth body, and what lies beside the part. */
export function surfaceDefects(
  relief: Relief,
  presence: Presence,
  heights: Heights,
  tray: TrayPlan,
  recipe: ShapeRecipe,
): readonly Defect[] {
  const marks = new Map<number, Mark>()
  for (const zone of presence.around) {
    const mark = markOf(zone, relief, heights, recipe)
    if (mark !== undefined) marks.set(zone, mark)
  }
  const defects = [...marks]
    .filter(([zone, mark]) => isWorst(zone, mark, marks, tray))
    .map(([zone, mark]) => defectOf(mark, zone, tray.side, recipe))
  const strays = presence.strays.map(([zone = 0]) => {
    const height = { estimate: tray.distanceMm - at(heights.depthMm, zone), std: at(heights.stdMm, zone) }
    return defectOf({ type: 'foreign_body', deviationMm: height, doubt: 1 }, zone, tray.side, recipe)
  })
  return [...defects, ...strays].sort((a, b) => b.severity - a.severity)
}

type ShapeDefect = Extract<DefectType, 'foreign_body' | 'deformation' | 'edge_damage'>

interface Mark {
  readonly type: ShapeDefect
  readonly deviationMm: Estimate
  /** Limits count so many times here. */
  readonly doubt: number
}

const LIMITS = {
  foreign_body: 'foreignBody',
  deformation: 'deformation',
  edge_damage: 'edgeDamage',
} as const satisfies Record<ShapeDefect, keyof ShapeRecipe['defects']>

function markOf(zone: number, relief: Relief, heights: Heights, recipe: ShapeRecipe): Mark | undefined {
  const share = at(relief.share, zone)
  const residual = at(relief.residualMm, zone)
  if (share < EDGE_SHARE || Number.isNaN(residual)) return undefined
  const onEdge = share < SURFACE_SHARE
  const estimate = residual / share
  const std = edgeStd(at(heights.stdMm, zone), share) / share
  const type = estimate > 0 ? 'foreign_body' : onEdge ? 'edge_damage' : 'deformation'
  const doubt = onEdge && estimate > 0 ? EDGE_DOUBT : 1
  const least = Math.max(recipe.defects[LIMITS[type]].limitMm * doubt, DEFECT_STDS * std)
  return Math.abs(estimate) > least ? { type, deviationMm: { estimate, std }, doubt } : undefined
}

/** Zones side by side are one defect, told by the one that deviates most. */
function isWorst(zone: number, mark: Mark, marks: ReadonlyMap<number, Mark>, tray: TrayPlan): boolean {
  return (tray.neighbours[zone] ?? []).every((next) => {
    const other = marks.get(next)
    if (other === undefined || other.type !== mark.type) return true
    const difference = Math.abs(other.deviationMm.estimate) - Math.abs(mark.deviationMm.estimate)
    return difference < 0 || (difference === 0 && zone < next)
  })
}

function defectOf(
  { type, deviationMm, doubt }: Mark,
  zone: number,
  side: number,
  recipe: ShapeRecipe,
): Defect {
  const criticalMm = doubt * recipe.defects[LIMITS[type]].criticalMm
  const size = Math.abs(deviationMm.estimate)
  return {
    type,
    zone: [Math.floor(zone / side), zone % side],
    severity: Math.min(1, size / criticalMm),
    deviationMm: deviationMm.estimate,
    criticalProbability: normalCdf((size - criticalMm) / deviationMm.std),
  }
}
