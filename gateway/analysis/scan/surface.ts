import type { Estimate, Surface } from '../../inspection.ts'
import type { ShapeRecipe } from '../../recipe.ts'
import { domeVolume, outlineOf } from '../dome.ts'
import { at } from '../numbers.ts'
import type { TrayPlan } from '../tray.ts'
import { besideBody } from './beside.ts'
import type { ScanDefect } from './defects.ts'
import type { ScanFit } from './fit.ts'
import type { Located } from './locate.ts'
import type { ReliefField } from './relief.ts'
import type { ScanSight } from './sight.ts'

/** Share of part from which a zone sees nothing else. */
const PART_ALONE = 0.99
/** What the optics' model leaves of a volume, relative, standard deviation: noiseless simulated parts, 0.1 to 0.7 %. */
const MODEL_STD = 0.005
/** Of the expected variance, at least this share is taken to show. */
const LEAST_SHOWN = 0.1
/** Nodes of the grid for each free height of a relief of the expected length. */
const OPEN_STRIDE = 14

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
  const scale = (2 * distanceStdMm) / distanceMm
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

/**
 * The relief's rms over the outline: what was found, and what the looks leave open of it. That is as large as the relief
 * which was expected; a part that shows less than was expected is taken to hide less, in proportion.
 */
function roughnessOf(field: ReliefField): Estimate {
  const { grid, heightMm } = field
  let squares = 0
  let open = 0
  let nodes = 0
  let sampled = 0
  for (let node = 0; node < grid.nodes; node += 1) {
    if (at(grid.inside, node) <= 0) continue
    nodes += 1
    squares += at(heightMm, node) ** 2
    if (nodes % OPEN_STRIDE !== 0) continue
    const functional = field.functional()
    functional.nodes[node] = 1
    open += field.variance(functional)
    sampled += 1
  }
  const found = squares / Math.max(1, nodes)
  const hidden = open / Math.max(1, sampled)
  const shown = Math.max(LEAST_SHOWN * field.expectedMm ** 2, field.expectedMm ** 2 - hidden)
  const variance = found + Math.min(1, found / shown) * hidden
  const estimate = Math.sqrt(variance)
  // A relief of this wavelength has about one free height for each OPEN_STRIDE nodes: the variance of a variance.
  return { estimate, std: estimate / Math.sqrt(2 * Math.max(1, nodes / OPEN_STRIDE)) }
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
  return {
    type: 'foreign_body',
    severity: Math.min(1, heightMm / criticalMm),
    deviationMm: heightMm,
    criticalProbability: heightMm >= criticalMm ? 1 : 0,
    deviationStdMm: 1,
    xMm: placeMm[0],
    yMm: placeMm[1],
    radiusMm: sizeMm / 2,
    placeMm,
    sizeMm,
    depthMm: { estimate: heightMm, std: 1 },
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
