import { z } from 'zod'

/**
 * Quantiles in bounded room: DDSketch (Masson, Rim, Lee, PVLDB 12(12), 2019). Values are counted in buckets whose bounds
 * grow by a constant factor, so that any quantile is right to `RELATIVE_ERROR` of its value; merging two sketches gives
 * exactly the sketch of all their values, in whatever order.
 */
export const RELATIVE_ERROR = 0.005

/**
 * Buckets of either sign. Values over a factor of 28,000 (γ^1024) fit; of more the smallest share one bucket, and
 * quantiles that fall there are too large in magnitude.
 */
export const MOST_BUCKETS = 1024

const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
const LOG_GAMMA = Math.log(GAMMA)
/** Smaller magnitudes count as 0: far below the rounding of every measure. */
const LEAST = 1e-9

/** Buckets by index, ascending: the first index, its count, then for each further one the step to it and its count. */
const buckets = z.array(z.int()).max(2 * MOST_BUCKETS)

/** A sketch as it is stored. */
export const storedSketch = z.object({ zero: z.int().min(0), positive: buckets, negative: buckets })
export type StoredSketch = Readonly<z.infer<typeof storedSketch>>

/** Counts of values in buckets; filled in place. */
export interface Sketch {
  zero: number
  readonly positive: Map<number, number>
  readonly negative: Map<number, number>
}

export function emptySketch(): Sketch {
  return { zero: 0, positive: new Map(), negative: new Map() }
}

/** @param value finite */
export function addValue(sketch: Sketch, value: number): void {
  const magnitude = Math.abs(value)
  if (magnitude < LEAST) {
    sketch.zero += 1
    return
  }
  const side = value > 0 ? sketch.positive : sketch.negative
  put(side, Math.ceil(Math.log(magnitude) / LOG_GAMMA), 1)
  collapse(side)
}

/** Adds the values of `other`. */
export function mergeSketch(sketch: Sketch, other: Sketch): void {
  sketch.zero += other.zero
  for (const [index, count] of other.positive) put(sketch.positive, index, count)
  for (const [index, count] of other.negative) put(sketch.negative, index, count)
  collapse(sketch.positive)
  collapse(sketch.negative)
}

export function countOf({ zero, positive, negative }: Sketch): number {
  return zero + total(positive) + total(negative)
}

/**
 * The value with `share` of all values at or below it (rank ⌊share·(n - 1)⌋), to `RELATIVE_ERROR`; undefined of none.
 * @param share 0 to 1
 */
export function quantile(sketch: Sketch, share: number): number | undefined {
  const count = countOf(sketch)
  if (count === 0) return undefined
  let rank = Math.floor(share * (count - 1))
  for (const [index, held] of sorted(sketch.negative).reverse()) {
    if (rank < held) return -middleOf(index)
    rank -= held
  }
  if (rank < sketch.zero) return 0
  rank -= sketch.zero
  for (const [index, held] of sorted(sketch.positive)) {
    if (rank < held) return middleOf(index)
    rank -= held
  }
  return undefined
}

export function sketchToStore({ zero, positive, negative }: Sketch): StoredSketch {
  return { zero, positive: steps(positive), negative: steps(negative) }
}

export function sketchFromStore({ zero, positive, negative }: StoredSketch): Sketch {
  return { zero, positive: fromSteps(positive), negative: fromSteps(negative) }
}

/** Middle of a bucket in the sense that both its bounds are `RELATIVE_ERROR` away. */
function middleOf(index: number): number {
  return (2 * GAMMA ** index) / (GAMMA + 1)
}

function put(side: Map<number, number>, index: number, count: number): void {
  side.set(index, (side.get(index) ?? 0) + count)
}

function collapse(side: Map<number, number>): void {
  if (side.size <= MOST_BUCKETS) return
  const ascending = sorted(side)
  const surplus = ascending.slice(0, side.size - MOST_BUCKETS)
  const [target] = ascending[surplus.length] ?? [0]
  for (const [index, count] of surplus) {
    side.delete(index)
    put(side, target, count)
  }
}

function sorted(side: ReadonlyMap<number, number>): [number, number][] {
  return [...side].sort(([a], [b]) => a - b)
}

function total(side: ReadonlyMap<number, number>): number {
  let sum = 0
  for (const count of side.values()) sum += count
  return sum
}

function steps(side: ReadonlyMap<number, number>): number[] {
  let before = 0
  return sorted(side).flatMap(([index, count]) => {
    const step = index - before
    before = index
    return [step, count]
  })
}

function fromSteps(stored: readonly number[]): Map<number, number> {
  const side = new Map<number, number>()
  let index = 0
  for (let at = 0; at + 1 < stored.length; at += 2) {
    index += stored[at] ?? 0
    put(side, index, stored[at + 1] ?? 0)
  }
  return side
}
