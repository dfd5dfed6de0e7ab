import { logGamma } from './quantiles.ts'

/** Smallest and largest subgroup the constants are known for. */
export const LEAST_SUBGROUP = 2
export const LARGEST_SUBGROUP = 25

// Mean, standard deviation and median of the range of n standard normals, n = 2…25: Tippett (1925), integrated
// numerically to five decimals; they agree with Montgomery, Introduction to Statistical Quality Control, appendix VI.
const D2 = [
  1.12838, 1.69257, 2.05875, 2.32593, 2.53441, 2.70436, 2.8472, 2.97003, 3.07751, 3.17287, 3.25846, 3.33598,
  3.40676, 3.47183, 3.53198, 3.58788, 3.64006, 3.68896, 3.73495, 3.77834, 3.81938, 3.85832, 3.89535, 3.93063,
]
const D3 = [
  0.8525, 0.88837, 0.87981, 0.86408, 0.84804, 0.83321, 0.81983, 0.80783, 0.79705, 0.78731, 0.77848, 0.77042,
  0.76302, 0.75621, 0.74991, 0.74405, 0.73859, 0.73348, 0.72869, 0.72417, 0.71991, 0.71589, 0.71207, 0.70844,
]
const D4 = [
  0.95387, 1.58779, 1.97832, 2.25688, 2.47165, 2.64545, 2.79084, 2.91544, 3.0242, 3.12053, 3.20685, 3.28496,
  3.35621, 3.42165, 3.48212, 3.53828, 3.59068, 3.63977, 3.68591, 3.72944, 3.77061, 3.80966, 3.84678, 3.88214,
]

/** Mean range of n standard normals. @throws RangeError outside 2…25 */
export function d2(n: number): number {
  return tabled(D2, n)
}

/** Standard deviation of the range of n standard normals. @throws RangeError outside 2…25 */
export function d3(n: number): number {
  return tabled(D3, n)
}

/** Median range of n standard normals. @throws RangeError outside 2…25 */
export function d4(n: number): number {
  return tabled(D4, n)
}

/** Mean of the sample standard deviation of n standard normals: √(2/(n-1)) Γ(n/2) / Γ((n-1)/2). @throws RangeError */
export function c4(n: number): number {
  if (!Number.isInteger(n) || n < 2) throw new RangeError(`subgroup ${n}: expected an integer from 2 on`)
  return Math.sqrt(2 / (n - 1)) * Math.exp(logGamma(n / 2) - logGamma((n - 1) / 2))
}

function tabled(table: readonly number[], n: number): number {
  const value = table[n - LEAST_SUBGROUP]
  if (value === undefined) {
    throw new RangeError(`subgroup ${n}: expected an integer ${LEAST_SUBGROUP} to ${LARGEST_SUBGROUP}`)
  }
  return value
}
