import { normalProbability } from './quantiles.ts'

/** Count, mean and sums of powers of deviations: all that skewness and kurtosis need, in constant memory. */
export interface Moments {
  count: number
  mean: number
  /** Sums of the second, third and fourth powers of the deviations from the mean. */
  m2: number
  m3: number
  m4: number
}

export function noMoments(): Moments {
  return { count: 0, mean: 0, m2: 0, m3: 0, m4: 0 }
}

/** Takes one value in: Pébay, Sandia report SAND2008-6212, for a single point. */
export function addMoment(moments: Moments, value: number): void {
  const before = moments.count
  const count = before + 1
  const delta = value - moments.mean
  const step = delta / count
  const square = step * step
  const term = delta * step * before
  moments.count = count
  moments.mean += step
  moments.m4 +=
    term * square * (count * count - 3 * count + 3) + 6 * square * moments.m2 - 4 * step * moments.m3
  moments.m3 += term * step * (count - 2) - 3 * step * moments.m2
  moments.m2 += term
}

/** Sample standard deviation, n - 1; undefined of fewer than two values. */
export function deviationOf({ count, m2 }: Moments): number | undefined {
  return count < 2 ? undefined : Math.sqrt(m2 / (count - 1))
}

/** How a sample departs from the normal shape. */
export interface Shape {
  /** G1 of Joanes and Gill (1998): 0 is symmetric. */
  readonly skewness: number
  /** G2 of the same: 0 is normal, more has heavier tails. */
  readonly excessKurtosis: number
  /** The departure is certain (three standard errors) and large enough that Cp and Cpk mislead. */
  readonly notNormal: boolean
}

const LEAST_FOR_SHAPE = 20
// Beyond these the fraction outside ±3σ, which Cpk stands for, is wrong by a factor of two and more.
const LARGE_SKEWNESS = 0.5
const LARGE_EXCESS = 1

/** Skewness and kurtosis; undefined of fewer than 20 values, or where all are the same. */
export function shapeOf({ count: n, m2, m3, m4 }: Moments): Shape | undefined {
  if (n < LEAST_FOR_SHAPE || !(m2 > 0)) return undefined
  const g1 = (Math.sqrt(n) * m3) / m2 ** 1.5
  const g2 = (n * m4) / (m2 * m2) - 3
  const skewness = (g1 * Math.sqrt(n * (n - 1))) / (n - 2)
  const excessKurtosis = ((n - 1) / ((n - 2) * (n - 3))) * ((n + 1) * g2 + 6)
  const skewError = Math.sqrt((6 * n * (n - 1)) / ((n - 2) * (n + 1) * (n + 3)))
  const kurtosisError = 2 * skewError * Math.sqrt((n * n - 1) / ((n - 3) * (n + 5)))
  const notNormal =
    Math.abs(skewness) > Math.max(LARGE_SKEWNESS, 3 * skewError) ||
    Math.abs(excessKurtosis) > Math.max(LARGE_EXCESS, 3 * kurtosisError)
  return { skewness, excessKurtosis, notNormal }
}

/** The Anderson–Darling test for a normal distribution of unknown mean and deviation. */
export interface AndersonDarling {
  /** A²(1 + 0.75/n + 2.25/n²). */
  readonly statistic: number
  /** Probability of a statistic as large as this in a normal sample. */
  readonly p: number
}

/**
 * D'Agostino and Stephens, Goodness-of-Fit Techniques (1986), table 4.7 and the p of table 4.9.
 * @returns undefined of fewer than eight values, or where all are the same
 */
export function andersonDarling(values: readonly number[]): AndersonDarling | undefined {
  const n = values.length
  if (n < 8) return undefined
  const sorted = Float64Array.from(values).sort()
  const mean = sorted.reduce((sum, value) => sum + value, 0) / n
  const deviation = Math.sqrt(sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1))
  if (!(deviation > 0)) return undefined
  let sum = 0
  for (let i = 0; i < n; i += 1) {
    const low = ((sorted[i] ?? 0) - mean) / deviation
    const high = ((sorted[n - 1 - i] ?? 0) - mean) / deviation
    sum += (2 * i + 1) * (Math.log(normalProbability(low)) + Math.log(normalProbability(-high)))
  }
  const statistic = (-n - sum / n) * (1 + 0.75 / n + 2.25 / (n * n))
  return { statistic, p: tailOf(statistic) }
}

function tailOf(a: number): number {
  if (a >= 10) return 0
  if (a >= 0.6) return Math.exp(1.2937 - 5.709 * a + 0.0186 * a * a)
  if (a >= 0.34) return Math.exp(0.9177 - 4.279 * a - 1.38 * a * a)
  if (a >= 0.2) return 1 - Math.exp(-8.318 + 42.796 * a - 59.938 * a * a)
  return 1 - Math.exp(-13.436 + 101.14 * a - 223.73 * a * a)
}
