import { at } from '../numbers.ts'
import { chiSquareQuantile, chiSquareTail } from './chi-square.ts'

/** How squared distances of good parts are distributed: `scale` times a χ² variable of `df` degrees of freedom. */
export interface Tail {
  readonly scale: number
  readonly df: number
}

/** Robust: up to a fifth of the distances may be anything. */
const BODY = [0.5, 0.8] as const
/** Once what is surely strange is left out, the tail itself is looked at. */
const REACH = [0.5, 0.98] as const
/** Part of the good ones that is left out as surely strange. */
const SURE = 1e-5
const LEAST_DF = 0.5
const MOST_DF = 1000

/** Probability that a good part is at least as far away. */
export function tailOf(distance: number, { scale, df }: Tail): number {
  return chiSquareTail(distance / scale, df)
}

/**
 * Fits the distribution to squared distances of parts that the shape was not learned from, most of which are good: by
 * two quantiles, first of the bulk, then further out of what is left when the surely strange ones are gone.
 */
export function fitTail(squares: Float64Array): Tail {
  const body = through(squares, BODY)
  return through(
    squares.filter((square) => tailOf(square, body) >= SURE),
    REACH,
  )
}

/** The same by the bulk alone: for distances of the points that the shape was learned from. */
export function fitBody(squares: Float64Array): Tail {
  return through(squares, BODY)
}

function through(squares: Float64Array, [middle, far]: readonly [number, number]): Tail {
  const sorted = Float64Array.from(squares).sort()
  const median = quantile(sorted, middle)
  const ratio = quantile(sorted, far) / median
  const wide = (df: number): number => chiSquareQuantile(1 - far, df) / chiSquareQuantile(1 - middle, df)
  let [low, high] = [LEAST_DF, MOST_DF]
  // The more degrees of freedom, the closer together the quantiles.
  for (let step = 0; step < 50; step += 1) {
    const df = Math.sqrt(low * high)
    if (wide(df) > ratio) low = df
    else high = df
  }
  const df = Math.sqrt(low * high)
  return { scale: Math.max(1e-9, median / chiSquareQuantile(1 - middle, df)), df }
}

/** Of sorted values, interpolated between neighbours. */
function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1)
  const below = at(sorted, Math.floor(place))
  const above = at(sorted, Math.ceil(place))
  return below + (above - below) * (place - Math.floor(place))
}
