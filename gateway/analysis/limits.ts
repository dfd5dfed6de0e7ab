import type { Estimate } from '../inspection.ts'
import { normalCdf } from './numbers.ts'

/** What a value may be; `conformity`: the probability of keeping to it that the measurement must show. */
export interface Bounds {
  readonly min?: number | undefined
  readonly max?: number | undefined
  readonly conformity?: number | undefined
}

/** A bound that a value does not keep. */
export interface Breach {
  readonly side: 'low' | 'high'
  /** The bound itself. */
  readonly limit: number
  /** How far the value is outside the bound, or outside its guard band where it has one; > 0. */
  readonly by: number
}

/** A standard uncertainty of 0 is none that was stated; the probabilities then are 0 and 1. */
const LEAST_STD = 1e-12

/**
 * The bound that a value breaks. By the estimate alone; with `conformity` within the acceptance limits of JCGM 106:2012,
 * 8.3.2: the bound moved inwards by a guard band of z(conformity) standard uncertainties.
 */
export function breachOf({ estimate, std }: Estimate, { min, max, conformity }: Bounds): Breach | undefined {
  const guard = conformity === undefined ? 0 : normalQuantile(conformity) * std
  if (min !== undefined && estimate < min + guard) {
    return { side: 'low', limit: min, by: min + guard - estimate }
  }
  if (max !== undefined && estimate > max - guard) {
    return { side: 'high', limit: max, by: estimate - (max - guard) }
  }
  return undefined
}

/** Probability that the true value is outside its bounds, the measurement's error being normal (JCGM 106:2012, 7.2). */
export function outsideProbability({ estimate, std }: Estimate, { min, max }: Bounds): number {
  const spread = Math.max(LEAST_STD, std)
  const below = min === undefined ? 0 : normalCdf((min - estimate) / spread)
  const above = max === undefined ? 0 : normalCdf((estimate - max) / spread)
  return Math.min(1, below + above)
}

/**
 * Standard normal quantile, by halving: `normalCdf` has its own error of 1.5e-7, so this has no better.
 * @param probability 0 < p < 1
 */
export function normalQuantile(probability: number): number {
  let [low, high] = [-8, 8]
  for (let round = 0; round < 60; round += 1) {
    const middle = (low + high) / 2
    if (normalCdf(middle) < probability) low = middle
    else high = middle
  }
  return (low + high) / 2
}
