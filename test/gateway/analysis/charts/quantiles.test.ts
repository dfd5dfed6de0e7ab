import { test } from 'tap'
import {
  chiSquareProbability,
  chiSquareQuantile,
  logGamma,
  normalProbability,
  normalQuantile,
} from '../../../../gateway/analysis/charts/quantiles.ts'

test('normal quantiles are those of the tables', (t) => {
  for (const [p, z] of [
    [0.5, 0],
    [0.9, 1.2815515655],
    [0.95, 1.644853627],
    [0.975, 1.9599639845],
    [0.99, 2.326347874],
    [0.995, 2.5758293035],
    [0.9986501, 3],
    [1e-9, -5.997807015],
  ] as const) {
    t.ok(Math.abs(normalQuantile(p) - z) < 1e-6, `${p}: ${normalQuantile(p)}`)
  }
  t.ok(Math.abs(normalProbability(-10) / 7.61985302416e-24 - 1) < 1e-9, 'far tail')
  t.end()
})

test('χ² quantiles are those of the tables (NIST e-Handbook 1.3.6.7.4)', (t) => {
  for (const [p, freedom, x] of [
    [0.95, 1, 3.841],
    [0.975, 19, 32.852],
    [0.025, 19, 8.907],
    [0.05, 5, 1.145],
    [0.999, 10, 29.588],
    [0.01, 100, 70.065],
    [0.99, 100, 135.807],
  ] as const) {
    t.equal(chiSquareQuantile(p, freedom).toFixed(3), x.toFixed(3), `${p}, ${freedom}`)
  }
  t.end()
})

test('a quantile is where the probability is, for few and for millions of degrees of freedom', (t) => {
  for (const freedom of [0.605, 3, 47.3, 1e4, 1e7]) {
    for (const p of [0.001, 0.025, 0.5, 0.975, 0.999]) {
      const x = chiSquareQuantile(p, freedom)
      t.ok(Math.abs(chiSquareProbability(x, freedom) - p) < 1e-7, `${p}, ${freedom}: ${x}`)
    }
  }
  t.end()
})

test('the gamma function is the factorial', (t) => {
  t.ok(Math.abs(logGamma(11) - Math.log(3628800)) < 1e-12)
  t.ok(Math.abs(logGamma(0.5) - Math.log(Math.sqrt(Math.PI))) < 1e-13)
  t.end()
})

test('what is no probability is refused', (t) => {
  t.throws(() => normalQuantile(0), { message: 'probability 0: expected between 0 and 1' })
  t.throws(() => chiSquareQuantile(1, 4), { message: 'probability 1: expected between 0 and 1' })
  t.throws(() => chiSquareQuantile(0.5, 0), { message: 'degrees of freedom 0: expected more than 0' })
  t.throws(() => normalQuantile(Number.NaN), RangeError)
  t.end()
})
