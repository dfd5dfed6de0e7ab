import { test } from 'tap'
import { breachOf, normalQuantile, outsideProbability } from '../../../gateway/analysis/limits.ts'

test('normal quantiles are those of the tables', (t) => {
  // Abramowitz and Stegun, table 26.5.
  const table = [
    [0.5, 0],
    [0.9, 1.28155],
    [0.95, 1.64485],
    [0.975, 1.95996],
    [0.99, 2.32635],
  ] as const
  for (const [p, z] of table) t.ok(Math.abs(normalQuantile(p) - z) < 1e-5, `${p}`)
  t.ok(Math.abs(normalQuantile(0.05) + 1.64485) < 1e-5)
  t.end()
})

test('probability of conformity: JCGM 106:2012, 7.4', (t) => {
  // The annex's own shape: a value 2 standard uncertainties inside a single limit conforms with 97.7 %.
  t.ok(Math.abs(outsideProbability({ estimate: 104, std: 2 }, { min: 100 }) - 0.02275) < 1e-5)
  t.ok(Math.abs(outsideProbability({ estimate: 100, std: 2 }, { min: 98, max: 102 }) - 0.31731) < 1e-5)
  t.equal(outsideProbability({ estimate: 100, std: 0 }, { min: 99 }), 0)
  t.equal(outsideProbability({ estimate: 98, std: 0 }, { min: 99 }), 1)
  t.equal(outsideProbability({ estimate: 98, std: 5 }, {}), 0)
  t.end()
})

test('by the estimate a value on its limit keeps it; with a guard band it must show it', (t) => {
  const value = { estimate: 300, std: 6 }
  t.equal(breachOf(value, { min: 300 }), undefined)
  t.match(breachOf({ ...value, estimate: 299 }, { min: 300 }), { side: 'low', limit: 300, by: 1 })
  const guarded = breachOf(value, { min: 300, conformity: 0.95 })
  t.ok(Math.abs((guarded?.by ?? 0) - 6 * 1.64485) < 1e-4)
  t.match(breachOf(value, { max: 305, conformity: 0.95 }), { side: 'high', limit: 305 })
  t.equal(breachOf(value, { max: 310, conformity: 0.95 }), undefined)
  t.end()
})
