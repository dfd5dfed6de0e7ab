import type { Dome } from '../dome.ts'
import { at } from '../numbers.ts'
import { Banded } from './banded.ts'

/** Distance between nodes, mm, and the nodes that are enough however large the part is. */
const PITCH_MM = 7
const MOST_NODES = 420
/** How far the field goes on beyond the body's outline, mm. */
export const BORDER_MM = 14

/**
 * Nodes over the part, in the body's own axes: u along its length, v across, both from its centre. What lies between
 * four nodes is bilinear in them. Nodes are numbered across the part first, which keeps the matrices' band narrow.
 */
export interface Grid {
  readonly pitchMm: number
  readonly nodes: number
  readonly countU: number
  readonly countV: number
  readonly firstU: number
  readonly firstV: number
  /** Node of each place of the rectangle, i·countV + k; -1 where it has none. */
  readonly nodeAt: Int32Array
  readonly u: Float64Array
  readonly v: Float64Array
  /** 1 - (u/rx)² - (v/ry)²: above 0 within the outline. */
  readonly inside: Float64Array
}

export function gridOver({ rx, ry }: Pick<Dome, 'rx' | 'ry'>): Grid {
  const reachU = rx + BORDER_MM
  const reachV = ry + BORDER_MM
  const pitchMm = Math.max(PITCH_MM, Math.sqrt((Math.PI * reachU * reachV) / MOST_NODES))
  const halfU = Math.ceil(reachU / pitchMm)
  const halfV = Math.ceil(reachV / pitchMm)
  const countU = 2 * halfU + 1
  const countV = 2 * halfV + 1
  const nodeAt = new Int32Array(countU * countV).fill(-1)
  const u: number[] = []
  const v: number[] = []
  const inside: number[] = []
  for (let place = 0; place < nodeAt.length; place += 1) {
    const placeU = (Math.floor(place / countV) - halfU) * pitchMm
    const placeV = ((place % countV) - halfV) * pitchMm
    if ((placeU / reachU) ** 2 + (placeV / reachV) ** 2 > 1) continue
    nodeAt[place] = u.length
    u.push(placeU)
    v.push(placeV)
    inside.push(1 - (placeU / rx) ** 2 - (placeV / ry) ** 2)
  }
  return {
    pitchMm,
    nodes: u.length,
    countU,
    countV,
    firstU: -halfU * pitchMm,
    firstV: -halfV * pitchMm,
    nodeAt,
    u: Float64Array.from(u),
    v: Float64Array.from(v),
    inside: Float64Array.from(inside),
  }
}

/** What a sighting changes by a millimetre of relief at a place, and by a slope of 1 of it. */
export interface Gains {
  readonly height: number
  readonly slopeU: number
  readonly slopeV: number
}

/** A row of a sparse matrix: nodes that were touched, and their values in a vector that is 0 elsewhere. */
export class SparseRow {
  readonly values: Float64Array
  readonly touched: number[] = []
  readonly #marks: Uint8Array

  constructor(size: number) {
    this.values = new Float64Array(size)
    this.#marks = new Uint8Array(size)
  }

  add(node: number, value: number): void {
    if (this.#marks[node] === 0) {
      this.#marks[node] = 1
      this.touched.push(node)
    }
    this.values[node] = at(this.values, node) + value
  }

  clear(): void {
    for (const node of this.touched) {
      this.values[node] = 0
      this.#marks[node] = 0
    }
    this.touched.length = 0
  }

  /** Adds what a place's height and slopes are worth, shared among the up to four nodes around it. */
  addAt(grid: Grid, u: number, v: number, { height, slopeU, slopeV }: Gains): void {
    const across = (u - grid.firstU) / grid.pitchMm
    const along = (v - grid.firstV) / grid.pitchMm
    const i = Math.floor(across)
    const k = Math.floor(along)
    if (i < 0 || k < 0 || i >= grid.countU - 1 || k >= grid.countV - 1) return
    const s = across - i
    const t = along - k
    const place = i * grid.countV + k
    const byU = slopeU / grid.pitchMm
    const byV = slopeV / grid.pitchMm
    this.#share(grid, place, height * (1 - s) * (1 - t) - byU * (1 - t) - byV * (1 - s))
    this.#share(grid, place + 1, height * (1 - s) * t - byU * t + byV * (1 - s))
    this.#share(grid, place + grid.countV, height * s * (1 - t) + byU * (1 - t) - byV * s)
    this.#share(grid, place + grid.countV + 1, height * s * t + byU * t + byV * s)
  }

  #share({ nodeAt }: Grid, place: number, gain: number): void {
    const node = nodeAt[place] ?? -1
    if (node >= 0) this.add(node, gain)
  }
}

/** Order of the prior's operator: (κ² - Δ)³, a Matérn field of smoothness 2. */
const ORDER = 3

/**
 * Precision of relief of unit variance as a Gaussian Markov field on the grid: the stochastic differential equation of
 * Lindgren, Rue and Lindström (J. R. Stat. Soc. B 73, 2011, 423), τ²(κ² - Δ)³ with τ² = 1/(8πκ⁴) in two dimensions.
 * @param lengthMm √(8·2)/κ: where its correlation has fallen to 0.14
 */
export function reliefPrecision(grid: Grid, lengthMm: number, band: number): Banded {
  const { pitchMm, nodes } = grid
  const kappa = Math.sqrt(16) / lengthMm
  const own = (kappa * pitchMm) ** 2
  // Q = τ² h² (κ² - Δ)³ with -Δ = G/h²: per node the integral over its cell.
  const scale = pitchMm ** (2 - 2 * ORDER) / (8 * Math.PI * kappa ** 4)
  const neighbours = Array.from({ length: nodes }, (_, node) => neighboursOf(grid, node))
  const precision = new Banded(nodes, band)
  let row = new SparseRow(nodes)
  let next = new SparseRow(nodes)
  for (let node = 0; node < nodes; node += 1) {
    row.clear()
    row.add(node, scale)
    for (let power = 0; power < ORDER; power += 1) {
      next.clear()
      for (const from of row.touched) {
        const value = at(row.values, from)
        const beside = neighbours[from] ?? []
        next.add(from, value * (own + beside.length))
        for (const to of beside) next.add(to, -value)
      }
      const spent = row
      row = next
      next = spent
    }
    for (const other of row.touched) if (other <= node) precision.add(node, other, at(row.values, other))
  }
  return precision
}

function neighboursOf(
  { nodeAt, countU, countV, firstU, firstV, pitchMm, u, v }: Grid,
  node: number,
): number[] {
  const i = Math.round((at(u, node) - firstU) / pitchMm)
  const k = Math.round((at(v, node) - firstV) / pitchMm)
  const found: number[] = []
  const look = (di: number, dk: number): void => {
    if (i + di < 0 || i + di >= countU || k + dk < 0 || k + dk >= countV) return
    const other = nodeAt[(i + di) * countV + k + dk] ?? -1
    if (other >= 0) found.push(other)
  }
  look(-1, 0)
  look(1, 0)
  look(0, -1)
  look(0, 1)
  return found
}

/** The widest distance in numbers that ORDER steps of neighbours span. */
export function precisionBand({ countV }: Grid): number {
  return ORDER * countV
}
