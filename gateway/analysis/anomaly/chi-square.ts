/** Lanczos' coefficients for g = 7, n = 9 (Godfrey): relative error below 1e-14. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]
const ITERATIONS = 500
const PRECISION = 1e-15
const TINY = 1e-300

/** ln Γ(x) for x > 0. */
export function lnGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - lnGamma(1 - x)
  const [first = 0, ...others] = LANCZOS
  const sum = others.reduce((total, factor, index) => total + factor / (x + index), first)
  const t = x + 6.5
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum)
}

/**
 * Probability that a χ² variable of `df` degrees of freedom exceeds `x`: the regularised upper incomplete gamma
 * function Q(df/2, x/2), by its series below df/2 + 1 and Lentz' continued fraction above (Abramowitz and Stegun 6.5.29
 * and 6.5.31).
 * @param df above 0, not necessarily whole
 */
export function chiSquareTail(x: number, df: number): number {
  if (!(x > 0)) return 1
  const [a, half] = [df / 2, x / 2]
  const weight = Math.exp(a * Math.log(half) - half - lnGamma(a))
  return half < a + 1 ? 1 - weight * lowerSeries(a, half) : weight * upperFraction(a, half)
}

function lowerSeries(a: number, x: number): number {
  let term = 1 / a
  let sum = term
  for (let n = 1; n < ITERATIONS && term > sum * PRECISION; n += 1) {
    term *= x / (a + n)
    sum += term
  }
  return sum
}

function upperFraction(a: number, x: number): number {
  let b = x + 1 - a
  let c = 1 / TINY
  let d = 1 / b
  let fraction = d
  for (let n = 1; n < ITERATIONS; n += 1) {
    const factor = -n * (n - a)
    b += 2
    d = 1 / (Math.abs(factor * d + b) < TINY ? TINY : factor * d + b)
    c = Math.abs(b + factor / c) < TINY ? TINY : b + factor / c
    fraction *= d * c
    if (Math.abs(d * c - 1) < PRECISION) break
  }
  return fraction
}

/** The value that a χ² variable exceeds with probability `tail`, 0 < tail < 1. By bisection, to 1e-12 relative. */
export function chiSquareQuantile(tail: number, df: number): number {
  let low = 0
  let high = df + 10
  while (chiSquareTail(high, df) > tail) high *= 2
  while (high - low > 1e-12 * high) {
    const middle = (low + high) / 2
    if (chiSquareTail(middle, df) > tail) low = middle
    else high = middle
  }
  return (low + high) / 2
}
