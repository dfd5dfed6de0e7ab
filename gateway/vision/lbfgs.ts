/** Value and gradient of a smooth function; the gradient is written into the second argument. */
export type Smooth = (x: Float64Array, gradient: Float64Array) => number

export interface DescentLimits {
  /** At most so many steps. */
  readonly steps: number
  /** It ends where no part of the gradient is larger. */
  readonly flat: number
}

/** Steps that are remembered: 3 to 20 serve (Nocedal and Wright 2006, 7.2). */
const MEMORY = 8
/** Of the decrease that the slope promises, the part that a step has to keep (Armijo 1966). */
const KEPT = 1e-4
/** A step is halved at most so often; then nothing is to be had. */
const HALVINGS = 30

interface Step {
  readonly moved: Float64Array
  readonly turned: Float64Array
  /** One over their product. */
  readonly rho: number
}

/**
 * The minimum of a smooth function by L-BFGS with backtracking (Nocedal and Wright 2006, algorithms 3.1, 7.4 and 7.5): for
 * convex functions the minimum, for others one near by. The same numbers in give the same numbers out.
 * @param start stays as it is
 */
export function minimised(smooth: Smooth, start: Float64Array, limits: DescentLimits): Float64Array {
  let x = start.slice()
  let gradient = new Float64Array(x.length)
  let value = smooth(x, gradient)
  const memory: Step[] = []
  for (let step = 0; step < limits.steps && largest(gradient) > limits.flat; step++) {
    const direction = directionOf(gradient, memory)
    const slope = dot(direction, gradient)
    let length = step === 0 ? 1 / Math.max(1, Math.sqrt(dot(gradient, gradient))) : 1
    let taken:
      | { x: Float64Array<ArrayBuffer>; gradient: Float64Array<ArrayBuffer>; value: number }
      | undefined
    for (let halving = 0; halving < HALVINGS && taken === undefined; halving++, length /= 2) {
      const there = x.map((part, index) => part + length * (direction[index] ?? 0))
      const gradientThere = new Float64Array(x.length)
      const valueThere = smooth(there, gradientThere)
      if (valueThere <= value + KEPT * length * slope) {
        taken = { x: there, gradient: gradientThere, value: valueThere }
      }
    }
    if (taken === undefined) return x
    remember(memory, difference(taken.x, x), difference(taken.gradient, gradient))
    ;({ x, gradient, value } = taken)
  }
  return x
}

/** Downhill, as the remembered steps say how the slope changes. */
function directionOf(gradient: Float64Array, memory: readonly Step[]): Float64Array {
  const direction = gradient.map((part) => -part)
  const shares: number[] = []
  for (const { moved, turned, rho } of memory.toReversed()) {
    const share = rho * dot(moved, direction)
    shares.push(share)
    add(direction, turned, -share)
  }
  const newest = memory.at(-1)
  if (newest !== undefined) {
    const scale = 1 / (newest.rho * dot(newest.turned, newest.turned))
    for (let index = 0; index < direction.length; index++) direction[index] = (direction[index] ?? 0) * scale
  }
  for (const { moved, turned, rho } of memory) {
    add(direction, moved, (shares.pop() ?? 0) - rho * dot(turned, direction))
  }
  return direction
}

/** One along which the slope does not rise says nothing of the curvature, and is left out. */
function remember(memory: Step[], moved: Float64Array, turned: Float64Array): void {
  const product = dot(moved, turned)
  if (!(product > 1e-14)) return
  memory.push({ moved, turned, rho: 1 / product })
  if (memory.length > MEMORY) memory.shift()
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0)
  return sum
}

function add(to: Float64Array, what: Float64Array, times: number): void {
  for (let index = 0; index < to.length; index++) to[index] = (to[index] ?? 0) + times * (what[index] ?? 0)
}

function difference(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((part, index) => part - (b[index] ?? 0))
}

function largest(parts: Float64Array): number {
  return parts.reduce((most, part) => Math.max(most, Math.abs(part)), 0)
}
