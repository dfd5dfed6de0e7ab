import type { Estimate, Surface } from '../../inspection.ts'
import type { ShapeRecipe } from '../../recipe.ts'
import { domeVolume, outlineOf } from '../dome.ts'
import { at, normalCdf } from '../numbers.ts'
import type { TrayPlan } from '../tray.ts'
import { besideBody } from './beside.ts'
import type { ScanDefect } from './defects.ts'
import type { ScanFit } from './fit.ts'
import type { Located } from './locate.ts'
import type { ReliefField } from './relief.ts'
import { roughnessOf } from './roughness.ts'
import type { ScanSight } from './sight.ts'

/** Share of part from which a zone sees nothing else. */
const PART_ALONE = 0.99
/** What the optics' model leaves of a volume, relative, standard deviation: noiseless simulated parts, 0.1 to 0.7 %. */
const MODEL_STD = 0.005
/**
 * By how much more than the distance of the belt a volume is off: all three axes grow with it, the one along the belt as
 * far as the belt's speed is not known better (simulated stations 1 to 4: 2.4 to 2.7).
 */
const BY_DISTANCE = 2.5
/**
 * Uncertainty of a stray's height, relative: it is narrower than a footprint, which lowers what is seen of its top
 * (simulated crumbs 50 to 70 mm wide read 0.7 to 0.96 of their height).
 */
const STRAY_STD = 0.3

/** A surface from many looks. Its outline's place is the part's at belt travel 0, that is at the trigger. */
export interface ScannedSurface extends Surface {
  readonly defects: readonly ScanDefect[]
  /** Mean squared residual of all looks over its variance: 1 where they agree, more where belt or part did not. */
  readonly misfit: number
  /** What the belt ran over what it was told to have run, by the looks themselves. */
  readonly travelScale: Estimate
  readonly looks: number
}

/** Looks at one part, worked out. */
export interface Scanned {
  readonly sight: ScanSight
  readonly located: Located
  readonly fit: ScanFit
  readonly field: ReliefField
  readonly defects: readonly ScanDefect[]
}

/** What field, body and looks together say of the part. */
export function scannedSurface(scanned: Scanned, recipe: ShapeRecipe, travelScale: Estimate): ScannedSurface {
  const { sight, located, fit, field, defects } = scanned
  const { dome } = field.state
  const volumeMm3 = volumeOf(field, sight.tray)
  const baseAreaMm2 = baseAreaOf(field)
  const roughness = roughnessOf(field)
  const reflectancePercent = reflectanceOf(fit, sight)
  const beside = besideBody(sight, located.ours, fit, recipe.presenceMm)
  const strays = [...located.strays, ...beside].map(({ xMm, yMm, heightMm, sizeMm }) =>
    strayOf([xMm, yMm], heightMm, sizeMm, recipe),
  )
  return {
    volumeMm3,
    baseAreaMm2,
    avgHeightMm: volumeMm3.estimate / baseAreaMm2.estimate,
    maxHeightMm: highestOf(field),
    heightVariationMm: roughness.estimate,
    uniformity: {
      estimate: Math.max(0, 1 - roughness.estimate / recipe.uniformityScaleMm),
      std: roughness.std / recipe.uniformityScaleMm,
    },
    outline: outlineOf(dome),
    zones: fit.share.reduce((count, share) => (share > 0.5 ? count + 1 : count), 0),
    ...(reflectancePercent === undefined ? {} : { reflectancePercent }),
    defects: [...defects, ...strays].sort((a, b) => b.severity - a.severity),
    misfit: field.misfit,
    travelScale,
    looks: sight.looks,
  }
}

/** The body's volume and what the relief adds, with the field's own covariance, and the belt's distance. */
function volumeOf(field: ReliefField, { distanceMm, distanceStdMm }: TrayPlan): Estimate {
  const { grid, heightMm, state } = field
  const body = domeVolume(state.dome)
  const functional = field.functional()
  const area = grid.pitchMm ** 2
  let relief = 0
  for (let node = 0; node < grid.nodes; node += 1) {
    functional.nodes[node] = area
    relief += area * at(heightMm, node)
  }
  functional.parameters.fill(body, 3, 6)
  const scale = (BY_DISTANCE * distanceStdMm) / distanceMm
  const variance = field.variance(functional) * Math.max(1, field.misfit)
  return {
    estimate: Math.max(0, body + relief),
    std: Math.hypot(Math.sqrt(variance), body * scale, body * MODEL_STD),
  }
}

function baseAreaOf(field: ReliefField): Estimate {
  const { rx, ry } = field.state.dome
  const estimate = Math.PI * rx * ry
  const functional = field.functional()
  functional.parameters.fill(estimate, 3, 5)
  return { estimate, std: Math.sqrt(field.variance(functional)) }
}

function highestOf({ grid, heightMm, state: { dome } }: ReliefField): number {
  let highest = 0
  for (let node = 0; node < grid.nodes; node += 1) {
    const rest = 1 - (at(grid.u, node) / dome.rx) ** 2 - (at(grid.v, node) / dome.ry) ** 2
    if (rest > 0) highest = Math.max(highest, dome.rz * Math.sqrt(rest) + at(heightMm, node))
  }
  return highest
}

function strayOf(
  placeMm: readonly [number, number],
  heightMm: number,
  sizeMm: number,
  recipe: ShapeRecipe,
): ScanDefect {
  const { criticalMm } = recipe.defects.foreignBody
  const std = STRAY_STD * heightMm
  return {
    type: 'foreign_body',
    severity: Math.min(1, heightMm / criticalMm),
    deviationMm: heightMm,
    criticalProbability: normalCdf((heightMm - criticalMm) / std),
    deviationStdMm: std,
    xMm: placeMm[0],
    yMm: placeMm[1],
    radiusMm: sizeMm / 2,
    placeMm,
    sizeMm,
    depthMm: { estimate: heightMm, std },
  }
}

function reflectanceOf({ share }: ScanFit, { tray, brightness }: ScanSight): Surface['reflectancePercent'] {
  const values: number[] = []
  for (let i = 0; i < share.length; i += 1) {
    if (!(at(share, i) > PART_ALONE)) continue
    const value = at(brightness, i) * at(tray.reflectancePercent, i % tray.zones)
    if (!Number.isNaN(value)) values.push(value)
  }
  if (values.length < 2) return undefined
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, std: Math.sqrt(squares / (values.length - 1)) }
}
