/** Lanczos coefficients for g = 7, n = 9 (Godfrey 2001): relative error below 1e-14 for x > 0. */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
] as const
const LANCZOS_G = 7

/** ln Γ(x) for x > 0. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const z = x - 1
  const sum = LANCZOS.reduce((total, value, k) => total + (k === 0 ? value : value / (z + k)), 0)
  const t = z + LANCZOS_G + 0.5
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum)
}

const TINY = 1e-300
const CLOSE = 1e-16
const MOST_TERMS = 10_000

/** Lentz's evaluation of b₀ + a₁/(b₁ + a₂/(b₂ + …)): `term(k)` gives aₖ, bₖ from k = 1 on. */
function continuedFraction(b0: number, term: (k: number) => readonly [a: number, b: number]): number {
  let f = b0 === 0 ? TINY : b0
  let c = f
  let d = 0
  for (let k = 1; k <= MOST_TERMS; k += 1) {
    const [a, b] = term(k)
    d = b + a * d
    d = 1 / (d === 0 ? TINY : d)
    c = b + a / c
    if (c === 0) c = TINY
    const step = c * d
    f *= step
    if (Math.abs(step - 1) < CLOSE) break
  }
  return f
}

/**
 * The regularised incomplete beta function Iₓ(a, b), by its continued fraction (DLMF 8.17.22).
 * @param x 0…1
 * @param a above 0
 * @param b above 0
 */
export function regularisedBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  // The fraction converges fast on this side only.
  if (x > (a + 1) / (a + b + 2)) return 1 - regularisedBeta(1 - x, b, a)
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x))
  const fraction = continuedFraction(1, (k) => {
    const m = k >> 1
    const numerator =
      k % 2 === 0
        ? (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
        : (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    return [numerator, 1]
  })
  return front / (a * fraction)
}

/** The regularised lower incomplete gamma function P(a, x): series (DLMF 8.7.1), beyond a + 1 its fraction (8.9.2). */
export function regularisedGamma(a: number, x: number): number {
  if (x <= 0) return 0
  const front = Math.exp(a * Math.log(x) - x - logGamma(a))
  if (x >= a + 1) {
    const fraction = continuedFraction(x + 1 - a, (k) => [-k * (k - a), x + 2 * k + 1 - a])
    return 1 - front / fraction
  }
  let term = 1 / a
  let sum = term
  for (let k = 1; k <= MOST_TERMS && term > sum * CLOSE; k += 1) {
    term *= x / (a + k)
    sum += term
  }
  return front * sum
}

/** Probability that F with `over` and `under` degrees of freedom is at least `f`: the p value of a variance ratio. */
export function fTail(f: number, over: number, under: number): number {
  if (f <= 0) return 1
  return regularisedBeta(under / (under + over * f), under / 2, over / 2)
}

/** The value that F stays below with `probability`, between 0 and 1. */
export function fQuantile(probability: number, over: number, under: number): number {
  return bisected((f) => 1 - fTail(f, over, under), probability)
}

/** The value that χ² with `freedom` degrees stays below with `probability`, between 0 and 1. */
export function chiSquareQuantile(probability: number, freedom: number): number {
  return bisected((value) => regularisedGamma(freedom / 2, value / 2), probability)
}

const LOWEST = 1e-12
const HIGHEST = 1e12
const HALVINGS = 120

/** Where a rising function of a positive number reaches `wanted`; halved on a logarithmic scale. */
function bisected(rising: (value: number) => number, wanted: number): number {
  let low = Math.log(LOWEST)
  let high = Math.log(HIGHEST)
  for (let turn = 0; turn < HALVINGS; turn += 1) {
    const middle = (low + high) / 2
    if (rising(Math.exp(middle)) < wanted) low = middle
    else high = middle
  }
  return Math.exp((low + high) / 2)
}
