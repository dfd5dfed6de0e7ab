import { test } from 'tap'
import { chiSquareQuantile, chiSquareTail, lnGamma } from '../../../../gateway/analysis/anomaly/chi-square.ts'

test('upper critical values of the χ² distribution (NIST/SEMATECH e-Handbook, 1.3.6.7.4)', (t) => {
  const table = [
    [1, 0.05, 3.841],
    [1, 0.01, 6.635],
    [2, 0.1, 4.605],
    [5, 0.001, 20.515],
    [10, 0.05, 18.307],
    [10, 0.01, 23.209],
    [20, 0.05, 31.41],
    [20, 0.001, 45.315],
    [100, 0.05, 124.342],
  ] as const
  for (const [df, tail, value] of table) {
    t.ok(Math.abs(chiSquareQuantile(tail, df) - value) < 6e-4, `df ${df}, ${tail}`)
    t.ok(Math.abs(chiSquareTail(value, df) - tail) < 1e-4, `${value}`)
  }
  t.end()
})

test('closed forms: two degrees of freedom are exponential, the far tail does not vanish', (t) => {
  for (const x of [0.01, 1, 7, 60, 400]) {
    t.ok(Math.abs(chiSquareTail(x, 2) / Math.exp(-x / 2) - 1) < 1e-12, `${x}`)
  }
  t.equal(chiSquareTail(0, 3), 1)
  t.equal(chiSquareTail(-1, 3), 1)
  t.ok(Math.abs(lnGamma(0.5) - Math.log(Math.PI) / 2) < 1e-13)
  t.ok(Math.abs(lnGamma(10) - Math.log(362_880)) < 1e-12)
  t.end()
})
