import type { Defect, DefectType, Estimate } from '../../inspection.ts'
import type { ShapeRecipe } from '../../recipe.ts'
import { at, median, normalCdf } from '../numbers.ts'
import { severityOf } from '../shape-severity.ts'
import { type LocalShape, RADII_MM, type Shapes } from './cones.ts'
import type { ReliefField } from './relief.ts'

/** A defect stands out of relief and noise by this many standard deviations: some 500 places are looked at. */
const DEFECT_STDS = 4.5
/** Where a change is as likely a defect as relief: sound parts reach 4 in 3 of 100 cases (simulated seeds 1 to 4). */
const SURE_STDS = 5.5
/** Each found is taken out of the looks before the next is sought. */
const MOST_DEFECTS = 8
/** Between places where the filter's variance is worked out, in nodes. */
const SITE_STRIDE = 6
/** 1 - ρ² below which a place is the part's edge. */
const EDGE = 0.36
/** What an edge shows too much may be the body's own outline: the limit of a foreign body counts so many times. */
const EDGE_DOUBT = 2

/** A defect of shape with its place. */
export interface ScanDefect extends Defect {
  /** Middle, in the frame of the part's outline, mm. */
  readonly placeMm: readonly [x: number, y: number]
  /** Diameter, mm; one of few that are tried. */
  readonly sizeMm: number
  /** Depth at its middle over its standard deviation, the size not being known. */
  readonly depthMm: Estimate
}

/** How deep defects are before anything is seen, standard deviation, mm: what would have to be deeper is none. */
const DEPTH_STD_MM = 15
/** Median of the size of normal deviates. */
const MEDIAN_OF_NORMAL = 0.6745

/** What a search for defects came to. */
export interface Search {
  readonly found: readonly ScanDefect[]
  /** Variance of the relief over what the field expects of it, as the places without a defect show it; at least 1. */
  readonly widening: number
}

/** Where the surface leaves the smooth body and its usual relief, worst first. */
export function searchDefects(field: ReliefField, shapes: Shapes, recipe: ShapeRecipe): Search {
  const filters = RADII_MM.map((radiusMm, size) => filterOf(field, radiusMm, shapes[size] ?? []))
  const found: ScanDefect[] = []
  let widening = wideningOf(field, filters)
  const taken: number[] = []
  for (let round = 0; round < MOST_DEFECTS; round += 1) {
    const node = strongest(field, filters, taken)
    if (node === undefined) break
    taken.push(node)
    const tried = tryAt(field, filters, node)
    const defect = foundOf(tried, 1)
    if (defect === undefined) continue
    field.explain(defect.shape, defect.amplitude)
    // A relief other than expected widens all scores alike: what is left of them shows by how much.
    widening = wideningOf(field, filters)
    const sure = foundOf(tried, widening)
    if (sure === undefined) break
    const told = tell(field, node, sure, recipe)
    if (told !== undefined) found.push(told)
  }
  return { found: found.sort((a, b) => b.severity - a.severity), widening }
}

/** A defect of one size at every node: none where the node is no part of the body. */
interface Filter {
  readonly radiusMm: number
  readonly shapes: readonly (LocalShape | undefined)[]
  /** Per node, 1 over the variance of the depth there, mm⁻². */
  readonly precision: Float64Array
}

function filterOf(field: ReliefField, radiusMm: number, shapes: Filter['shapes']): Filter {
  return { radiusMm, shapes, precision: precisionsOf(field, shapes) }
}

/** By how much the variance of scores exceeds what was expected, by the size that exceeds it most; at least 1. */
function wideningOf(field: ReliefField, filters: readonly Filter[]): number {
  let most = MEDIAN_OF_NORMAL
  for (const { shapes, precision } of filters) {
    const scores: number[] = []
    shapes.forEach((shape, node) => {
      if (shape === undefined || at(field.grid.inside, node) < EDGE) return
      scores.push(Math.abs(field.score(shape)) / Math.sqrt(at(precision, node)))
    })
    if (scores.length > 0) most = Math.max(most, median(scores))
  }
  return (most / MEDIAN_OF_NORMAL) ** 2
}

/** Per node, 1 over the variance of a defect's amplitude there: worked out on a few nodes, the nearest of them counts. */
function precisionsOf(field: ReliefField, shapes: readonly (LocalShape | undefined)[]): Float64Array {
  const { grid } = field
  const sites: { readonly u: number; readonly v: number; readonly precision: number }[] = []
  const out = new Float64Array(grid.nodes)
  shapes.forEach((shape, node) => {
    const i = Math.round((at(grid.u, node) - grid.firstU) / grid.pitchMm)
    const k = Math.round((at(grid.v, node) - grid.firstV) / grid.pitchMm)
    if (shape === undefined || (i + 2 * (Math.floor(k / SITE_STRIDE) % 2)) % SITE_STRIDE !== 0) return
    if (k % SITE_STRIDE !== 0) return
    sites.push({ u: at(grid.u, node), v: at(grid.v, node), precision: field.precision(shape) })
  })
  shapes.forEach((shape, node) => {
    if (shape === undefined) return
    let weights = 0
    let sum = 0
    for (const { u, v, precision } of sites) {
      const distance = (u - at(grid.u, node)) ** 2 + (v - at(grid.v, node)) ** 2
      const weight = 1 / (distance + 1) ** 2
      weights += weight
      sum += weight * precision
    }
    out[node] = sum / weights
  })
  return out
}

/** The node where a defect is most likely, by the interpolated variances. */
function strongest(
  field: ReliefField,
  filters: readonly Filter[],
  taken: readonly number[],
): number | undefined {
  let best: number | undefined
  let most = DEFECT_STDS ** 2
  for (const { shapes, precision } of filters) {
    shapes.forEach((shape, node) => {
      if (shape === undefined || taken.includes(node)) return
      const square = evidence(field.score(shape), at(precision, node), 1)
      if (square <= most) return
      most = square
      best = node
    })
  }
  return best
}

/** Squared depth over its variance, both as far as the looks and not the expectation tell. */
function evidence(score: number, precision: number, widening: number): number {
  return (score / widening) ** 2 / (precision / widening + DEPTH_STD_MM ** -2)
}

/** One size tried at a node. */
interface Tried {
  readonly radiusMm: number
  readonly shape: LocalShape
  readonly score: number
  readonly precision: number
}

function tryAt(field: ReliefField, filters: readonly Filter[], node: number): readonly Tried[] {
  return filters.flatMap(({ radiusMm, shapes }) => {
    const shape = shapes[node]
    if (shape === undefined) return []
    return [{ radiusMm, shape, score: field.score(shape), precision: field.precision(shape) }]
  })
}

interface Found {
  readonly shape: LocalShape
  readonly amplitude: number
  readonly radiusMm: number
  readonly depthMm: Estimate
  /** Square of its deviations from none. */
  readonly evidence: number
}

/**
 * Depth and size of a defect. The looks tell its volume well, its size badly: the depth is the mean over all sizes that
 * are tried, each with its likelihood, and its uncertainty holds what they differ by.
 * @returns undefined where none of them stands out
 */
function foundOf(tried: readonly Tried[], widening: number): Found | undefined {
  const most = Math.max(0, ...tried.map(({ score, precision }) => evidence(score, precision, widening)))
  if (most < DEFECT_STDS ** 2) return undefined
  let [total, sum, squares] = [0, 0, 0]
  let found: Found | undefined
  for (const { shape, radiusMm, score, precision } of tried) {
    const variance = 1 / (precision / widening + DEPTH_STD_MM ** -2)
    const amplitude = (score / widening) * variance
    const square = evidence(score, precision, widening)
    const weight = Math.exp((square - most) / 2) * Math.sqrt(variance)
    total += weight
    sum += weight * amplitude
    squares += weight * (variance + amplitude ** 2)
    if (square === most)
      found = { shape, radiusMm, amplitude, depthMm: { estimate: 0, std: 0 }, evidence: most }
  }
  const estimate = sum / total
  return found && { ...found, depthMm: { estimate, std: Math.sqrt(squares / total - estimate ** 2) } }
}

type ShapeDefect = Extract<DefectType, 'foreign_body' | 'deformation' | 'edge_damage'>
const LIMITS = {
  foreign_body: 'foreignBody',
  deformation: 'deformation',
  edge_damage: 'edgeDamage',
} as const satisfies Record<ShapeDefect, keyof ShapeRecipe['defects']>

function tell(
  field: ReliefField,
  node: number,
  { depthMm, radiusMm, evidence }: Found,
  recipe: ShapeRecipe,
): ScanDefect | undefined {
  const { grid } = field
  const onEdge = at(grid.inside, node) < EDGE
  const type = depthMm.estimate > 0 ? 'foreign_body' : onEdge ? 'edge_damage' : 'deformation'
  const doubt = onEdge && depthMm.estimate > 0 ? EDGE_DOUBT : 1
  const { limitMm, criticalMm } = recipe.defects[LIMITS[type]]
  const size = Math.abs(depthMm.estimate)
  if (size < doubt * limitMm) return undefined
  const { x, y, rotation } = field.state.dome
  const u = at(grid.u, node)
  const v = at(grid.v, node)
  const placeMm = [
    x + u * Math.cos(rotation) - v * Math.sin(rotation),
    y + u * Math.sin(rotation) + v * Math.cos(rotation),
  ] as const
  return {
    type,
    ...severityOf({
      evidence,
      sureScore: SURE_STDS,
      size: size / (doubt * criticalMm),
      criticalIfReal: normalCdf((size - doubt * criticalMm) / depthMm.std),
    }),
    deviationMm: depthMm.estimate,
    deviationStdMm: depthMm.std,
    xMm: placeMm[0],
    yMm: placeMm[1],
    radiusMm,
    placeMm,
    sizeMm: 2 * radiusMm,
    depthMm,
  }
}
