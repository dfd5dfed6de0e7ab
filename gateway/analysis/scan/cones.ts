import { at } from '../numbers.ts'
import type { Grid } from './grid.ts'

/** Radii that are tried, mm: a dent or bump falls off linearly from its middle to there. */
export const RADII_MM = [8, 13, 21] as const
/** 1 - ρ² below which a place is no part. */
const OUTSIDE = -0.1
/** Samples along each side of a node's cell when a shape is laid on the grid. */
const SAMPLES = 3

/** A cone of height 1 around one node, laid on the grid. */
export interface LocalShape {
  readonly nodes: Int32Array
  readonly heights: Float64Array
}

/** Per size and node, the cone around it; none where the node is no part of the body. */
export type Shapes = readonly (readonly (LocalShape | undefined)[])[]

/** All that is tried on one grid. */
export function shapesOn(grid: Grid): Shapes {
  return RADII_MM.map((radiusMm) => {
    const kernel = kernelOf(grid.pitchMm, radiusMm)
    return Array.from({ length: grid.nodes }, (_, node) =>
      at(grid.inside, node) < OUTSIDE ? undefined : shapeAt(grid, node, kernel),
    )
  })
}

interface Kernel {
  readonly reach: number
  /** Square of 2·reach + 1 nodes, along the part first. */
  readonly heights: Float64Array
}

function kernelOf(pitchMm: number, radiusMm: number): Kernel {
  const reach = Math.ceil(radiusMm / pitchMm)
  const side = 2 * reach + 1
  const heights = Float64Array.from({ length: side * side }, (_, cell) =>
    coneMean(
      (Math.floor(cell / side) - reach) * pitchMm,
      ((cell % side) - reach) * pitchMm,
      pitchMm,
      radiusMm,
    ),
  )
  return { reach, heights }
}

function shapeAt(grid: Grid, node: number, { reach, heights }: Kernel): LocalShape | undefined {
  const side = 2 * reach + 1
  const i = Math.round((at(grid.u, node) - grid.firstU) / grid.pitchMm) - reach
  const k = Math.round((at(grid.v, node) - grid.firstV) / grid.pitchMm) - reach
  const nodes = new Int32Array(heights.length)
  const values = new Float64Array(heights.length)
  let count = 0
  for (let cell = 0; cell < heights.length; cell += 1) {
    const row = i + Math.floor(cell / side)
    const column = k + (cell % side)
    if (row < 0 || column < 0 || row >= grid.countU || column >= grid.countV) continue
    const other = grid.nodeAt[row * grid.countV + column] ?? -1
    if (at(heights, cell) === 0 || other < 0 || at(grid.inside, other) < 0) continue
    nodes[count] = other
    values[count] = at(heights, cell)
    count += 1
  }
  return count === 0 ? undefined : { nodes: nodes.subarray(0, count), heights: values.subarray(0, count) }
}

/** A round change that falls linearly from 1 at its middle to 0 at its rim, as far as it lies on the part. */
export function coneAt(grid: Grid, u: number, v: number, radiusMm: number): LocalShape | undefined {
  const { pitchMm, countU, countV } = grid
  const nodes: number[] = []
  const heights: number[] = []
  const first = (from: number, origin: number): number =>
    Math.max(0, Math.floor((from - radiusMm - origin) / pitchMm))
  const last = (to: number, origin: number, count: number): number =>
    Math.min(count - 1, Math.ceil((to + radiusMm - origin) / pitchMm))
  for (let i = first(u, grid.firstU); i <= last(u, grid.firstU, countU); i += 1) {
    for (let k = first(v, grid.firstV); k <= last(v, grid.firstV, countV); k += 1) {
      const node = grid.nodeAt[i * countV + k] ?? -1
      if (node < 0 || at(grid.inside, node) < 0) continue
      const height = coneMean(at(grid.u, node) - u, at(grid.v, node) - v, pitchMm, radiusMm)
      if (height <= 0) continue
      nodes.push(node)
      heights.push(height)
    }
  }
  if (nodes.length === 0) return undefined
  return { nodes: Int32Array.from(nodes), heights: Float64Array.from(heights) }
}

function coneMean(u: number, v: number, pitch: number, radius: number): number {
  let sum = 0
  for (let sample = 0; sample < SAMPLES ** 2; sample += 1) {
    const du = ((sample % SAMPLES) + 0.5) / SAMPLES - 0.5
    const dv = (Math.floor(sample / SAMPLES) + 0.5) / SAMPLES - 0.5
    sum += Math.max(0, 1 - Math.hypot(u + du * pitch, v + dv * pitch) / radius)
  }
  return sum / SAMPLES ** 2
}
