/** Natural logarithm of Γ(x), x > 0; relative error of Γ below 1e-13 (Lanczos, g = 7, nine terms). */
export function logGamma(x: number): number {
  const [first = 0, ...rest] = LANCZOS
  const shifted = x - 1
  const sum = rest.reduce((total, term, index) => total + term / (shifted + index + 1), first)
  const base = shifted + 7.5
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(base) - base + Math.log(sum)
}

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]

const LARGEST_STEPS = 100_000

/**
 * Regularised incomplete gamma function P(a, x): series below a + 1, continued fraction (Lentz) above, as in
 * Abramowitz and Stegun 6.5.29 and 6.5.31. a > 0, x ≥ 0.
 */
export function gammaP(a: number, x: number): number {
  if (x <= 0) return 0
  return x < a + 1 ? lowerSeries(a, x) : 1 - upperFraction(a, x)
}

function lowerSeries(a: number, x: number): number {
  let term = 1 / a
  let sum = term
  for (let n = 1; n < LARGEST_STEPS && term > sum * 1e-17; n += 1) {
    term *= x / (a + n)
    sum += term
  }
  return sum * Math.exp(a * Math.log(x) - x - logGamma(a))
}

function upperFraction(a: number, x: number): number {
  let b = x + 1 - a
  let c = 1e300
  let d = 1 / b
  let product = d
  for (let n = 1; n < LARGEST_STEPS; n += 1) {
    const numerator = -n * (n - a)
    b += 2
    d = 1 / (numerator * d + b)
    c = b + numerator / c
    const factor = c * d
    product *= factor
    if (Math.abs(factor - 1) < 1e-16) break
  }
  return product * Math.exp(a * Math.log(x) - x - logGamma(a))
}

/** Standard normal distribution function, relative error of the tails below 1e-12 down to z = -37. */
export function normalProbability(z: number): number {
  const half = z * z * 0.5
  if (z >= 0) return 0.5 + 0.5 * gammaP(0.5, half)
  return half < 1.5 ? 0.5 - 0.5 * gammaP(0.5, half) : 0.5 * upperFraction(0.5, half)
}

/**
 * z with P(Z ≤ z) = p, 0 < p < 1: a rational start and three Newton steps on `normalProbability`.
 * @throws RangeError
 */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`probability ${p}: expected between 0 and 1`)
  if (p > 0.5) return -normalQuantile(1 - p)
  let z = quantileStart(p)
  for (let step = 0; step < 3; step += 1) {
    const density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI)
    z -= (normalProbability(z) - p) / density
  }
  return z
}

/** Abramowitz and Stegun 26.2.23, |error| < 4.5e-4. p ≤ 0.5. */
function quantileStart(p: number): number {
  const t = Math.sqrt(-2 * Math.log(p))
  const numerator = 2.515517 + t * (0.802853 + t * 0.010328)
  const denominator = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308))
  return numerator / denominator - t
}

/** P(χ² ≤ x) with `freedom` > 0 degrees of freedom, which need not be whole. */
export function chiSquareProbability(x: number, freedom: number): number {
  return gammaP(freedom / 2, x / 2)
}

/**
 * x with P(χ² ≤ x) = p: bisection from the Wilson–Hilferty approximation outwards, to 1e-12 relative.
 * @throws RangeError
 */
export function chiSquareQuantile(p: number, freedom: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`probability ${p}: expected between 0 and 1`)
  if (!(freedom > 0)) throw new RangeError(`degrees of freedom ${freedom}: expected more than 0`)
  const scale = 2 / (9 * freedom)
  const guess = freedom * Math.max(1e-6, 1 - scale + normalQuantile(p) * Math.sqrt(scale)) ** 3
  let low = guess
  let high = guess
  while (low > 1e-300 && chiSquareProbability(low, freedom) > p) low /= 2
  while (chiSquareProbability(high, freedom) < p) high = high * 2 + 1e-12
  for (let step = 0; step < 200 && high - low > 1e-12 * high; step += 1) {
    const middle = (low + high) / 2
    if (chiSquareProbability(middle, freedom) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}
