import { at, invertPositive } from '../numbers.ts'
import type { Banded } from './banded.ts'
import type { LocalShape } from './cones.ts'
import type { Equations } from './equations.ts'
import { moved, PARAMETERS, type State } from './fit.ts'
import { type Grid, reliefPrecision } from './grid.ts'

/** Relief of a part keeps its direction for about this far (`reliefPrecision`), mm. */
const LENGTH_MM = 28
/** Outside the body's outline nothing is expected: standard deviation of what stands there, mm. */
const BESIDE_MM = 1.5

/** A linear functional of the field: weights per node, and per parameter. */
export interface Functional {
  readonly nodes: Float64Array
  readonly parameters: Float64Array
}

/**
 * The part's surface over the smooth body: the most probable relief given all looks, on a grid, together with what
 * that still moves of the body's parameters, and the precision of both.
 */
export class ReliefField {
  readonly grid: Grid
  /** What is expected of the relief, standard deviation, mm. */
  readonly expectedMm: number
  /** Per node, the most probable relief. */
  readonly heightMm: Float64Array
  /** The body after the solution. */
  readonly state: State
  /** Mean squared residual over its variance, per look and of all; about 1. */
  readonly lookMisfit: Float64Array
  readonly misfit: number
  readonly #equations: Equations
  readonly #factor: Banded
  /** The equations' `cross`, solved by the factor. */
  readonly #solved: readonly Float64Array[]
  /** Inverse of the parameters' Schur complement. */
  readonly #schur: Float64Array
  readonly #scratch: Float64Array
  readonly #score: Float64Array
  readonly #response: Functional

  private constructor(equations: Equations, expectedMm: number, factored: Factored) {
    const { grid, fit, sight } = equations
    this.grid = grid
    this.expectedMm = expectedMm
    this.#equations = equations
    this.#factor = factored.factor
    this.#solved = factored.solved
    this.#schur = factored.schur
    this.#scratch = new Float64Array(grid.nodes)
    this.#score = new Float64Array(grid.nodes)
    this.#response = this.functional()
    this.heightMm = new Float64Array(grid.nodes)
    this.lookMisfit = new Float64Array(sight.looks)
    const step = this.#settle()
    this.state = moved(fit, step)
    this.misfit = this.#check(step)
  }

  /**
   * @param expectedMm standard deviation of the relief before anything is seen, mm
   * @returns undefined where the system has no solution
   */
  static solve(equations: Equations, expectedMm: number): ReliefField | undefined {
    const factored = factorise(equations, expectedMm)
    return factored && new ReliefField(equations, expectedMm, factored)
  }

  /** Finds relief and parameters, and what neither explains. */
  #settle(): Float64Array {
    const { nodes, gradient, data, cross: columns } = this.#equations
    const { heightMm } = this
    const step = this.#solve(nodes, gradient, heightMm)
    // What the looks say of each node beyond what field and body explain: AᵀR⁻¹(y - A·relief - B·step).
    data.multiply(heightMm, this.#score)
    for (let node = 0; node < heightMm.length; node += 1) {
      let sum = at(nodes, node) - at(this.#score, node)
      columns.forEach((cross, k) => {
        sum -= at(cross, node) * at(step, k)
      })
      this.#score[node] = sum
    }
    return step
  }

  /** The parameters, and in `out` the heights, that the looks' normal equations have for a right side. */
  #solve(nodes: Float64Array, parameters: Float64Array, out: Float64Array): Float64Array {
    const left = parameters.map((value, k) => value - dot(this.#solved[k], nodes))
    const step = new Float64Array(PARAMETERS)
    for (let i = 0; i < PARAMETERS; i += 1) {
      for (let k = 0; k < PARAMETERS; k += 1)
        step[i] = at(step, i) + at(this.#schur, i * PARAMETERS + k) * at(left, k)
    }
    out.set(nodes)
    this.#factor.forward(out)
    this.#factor.backward(out)
    this.#solved.forEach((solved, k) => {
      for (let node = 0; node < out.length; node += 1) {
        out[node] = at(out, node) - at(step, k) * at(solved, node)
      }
    })
    return step
  }

  /** In `out` the relief that noiseless looks at a part with this relief would be taken to show. */
  shown(reliefMm: Float64Array, out: Float64Array): void {
    const { data, cross } = this.#equations
    data.multiply(reliefMm, this.#scratch)
    const parameters = Float64Array.from(cross, (column) => dot(column, reliefMm))
    this.#solve(Float64Array.from(this.#scratch), parameters, out)
  }

  /** Variance of what is found at a node that comes of the sensor's noise. */
  noise(node: number): number {
    const { data, cross, normal } = this.#equations
    const one = new Float64Array(this.grid.nodes)
    one[node] = 1
    const heights = new Float64Array(this.grid.nodes)
    const step = this.#solve(one, new Float64Array(PARAMETERS), heights)
    data.multiply(heights, this.#scratch)
    let sum = dot(heights, this.#scratch)
    for (let i = 0; i < PARAMETERS; i += 1) {
      sum += 2 * at(step, i) * dot(cross[i], heights)
      for (let j = 0; j < PARAMETERS; j += 1) {
        const cell = Math.max(i, j) * PARAMETERS + Math.min(i, j)
        sum += at(step, i) * at(step, j) * at(normal, cell)
      }
    }
    return sum
  }

  /** How well the looks agree with each other. */
  #check(step: Float64Array): number {
    const { starts, node, gain, slopes, residual, weight, sighting, count } = this.#equations.rows
    const counts = new Float64Array(this.lookMisfit.length)
    let total = 0
    for (let row = 0; row < count; row += 1) {
      let rest = at(residual, row)
      const end = starts[row + 1] ?? 0
      for (let a = starts[row] ?? 0; a < end; a += 1) rest -= at(gain, a) * at(this.heightMm, node[a] ?? 0)
      for (let k = 0; k < PARAMETERS; k += 1) rest -= at(slopes, row * PARAMETERS + k) * at(step, k)
      const square = rest * rest * at(weight, row)
      const look = Math.floor((sighting[row] ?? 0) / this.#equations.sight.tray.zones)
      this.lookMisfit[look] = at(this.lookMisfit, look) + square
      counts[look] = at(counts, look) + 1
      total += square
    }
    for (let look = 0; look < counts.length; look += 1) {
      this.lookMisfit[look] = at(this.lookMisfit, look) / Math.max(1, at(counts, look))
    }
    return total / count
  }

  functional(): Functional {
    return { nodes: new Float64Array(this.grid.nodes), parameters: new Float64Array(PARAMETERS) }
  }

  /** Variance of a functional of field and parameters. */
  variance({ nodes, parameters }: Functional): number {
    const scratch = this.#scratch
    const left = parameters.map((value, k) => value - dot(this.#solved[k], nodes))
    scratch.set(nodes)
    this.#factor.forward(scratch)
    let sum = dot(scratch, scratch)
    for (let i = 0; i < PARAMETERS; i += 1) {
      for (let j = 0; j < PARAMETERS; j += 1)
        sum += at(left, i) * at(left, j) * at(this.#schur, i * PARAMETERS + j)
    }
    return sum
  }

  /** Standard deviation of one parameter. */
  parameterStd(parameter: number): number {
    return Math.sqrt(at(this.#schur, parameter * (PARAMETERS + 1)))
  }

  /**
   * What the looks say of a shape beyond body and expected relief; over `precision` it is the generalised least squares
   * estimate of its amplitude: the matched filter in noise of the looks' and the relief's covariance.
   */
  score({ nodes, heights }: LocalShape): number {
    let sum = 0
    for (let i = 0; i < heights.length; i += 1) sum += at(heights, i) * at(this.#score, nodes[i] ?? 0)
    return sum
  }

  /** 1 over the variance of a shape's amplitude; its root is the detectability d' of a defect 1 mm deep. */
  precision(shape: LocalShape): number {
    const response = this.#respond(shape)
    let own = 0
    for (let i = 0; i < shape.heights.length; i += 1) {
      own += at(shape.heights, i) * at(response.nodes, shape.nodes[i] ?? 0)
    }
    return own - this.variance(response)
  }

  /** Takes a shape that was found out of what is left to be explained. */
  explain(shape: LocalShape, amplitude: number): void {
    const { nodes, parameters } = this.#respond(shape)
    const solved = new Float64Array(nodes.length)
    const moves = this.#solve(nodes, parameters, solved)
    const absorbed = new Float64Array(solved.length)
    this.#equations.data.multiply(solved, absorbed)
    this.#equations.cross.forEach((column, k) => {
      for (let node = 0; node < absorbed.length; node += 1) {
        absorbed[node] = at(absorbed, node) + at(moves, k) * at(column, node)
      }
    })
    for (let node = 0; node < absorbed.length; node += 1) {
      this.#score[node] = at(this.#score, node) - amplitude * (at(nodes, node) - at(absorbed, node))
    }
  }

  /** How the looks see a shape: by node and by parameter. */
  #respond(shape: LocalShape): Functional {
    const { nodes, parameters } = this.#response
    this.#equations.data.multiplyFew(shape.nodes, shape.heights, nodes)
    this.#equations.cross.forEach((cross, k) => {
      let sum = 0
      for (let i = 0; i < shape.heights.length; i += 1)
        sum += at(shape.heights, i) * at(cross, shape.nodes[i] ?? 0)
      parameters[k] = sum
    })
    return this.#response
  }
}

function dot(one: Float64Array | undefined, other: Float64Array | undefined): number {
  if (one === undefined || other === undefined) return 0
  let sum = 0
  for (let i = 0; i < one.length; i += 1) sum += at(one, i) * at(other, i)
  return sum
}

interface Factored {
  readonly factor: Banded
  readonly solved: readonly Float64Array[]
  readonly schur: Float64Array
}

function factorise({ grid, rows, data, cross, normal }: Equations, expectedMm: number): Factored | undefined {
  const factor = reliefPrecision(grid, LENGTH_MM, rows.band)
  factor.scale(expectedMm ** -2)
  factor.addScaled(data, 1)
  for (let node = 0; node < grid.nodes; node += 1) {
    if (at(grid.inside, node) < 0) factor.add(node, node, BESIDE_MM ** -2)
  }
  if (!factor.factorise()) return undefined
  const solved = cross.map((column) => {
    const out = Float64Array.from(column)
    factor.forward(out)
    factor.backward(out)
    return out
  })
  const schur = new Float64Array(PARAMETERS * PARAMETERS)
  for (let row = 0; row < PARAMETERS; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      const cell = row * PARAMETERS + column
      schur[cell] = at(normal, cell) - dot(cross[row], solved[column])
    }
  }
  return invertPositive(schur, PARAMETERS) ? { factor, solved, schur } : undefined
}
