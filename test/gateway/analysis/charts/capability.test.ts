import { test } from 'tap'
import { Random } from '../../../../drivers/simulated/random.ts'
import { capabilityOf, centredIndex, potentialIndex } from '../../../../gateway/analysis/charts/capability.ts'
import { type ChartPlan, ControlChart } from '../../../../gateway/analysis/charts/chart.ts'
import {
  addMoment,
  andersonDarling,
  noMoments,
  shapeOf,
} from '../../../../gateway/analysis/charts/moments.ts'

const PLAN: ChartPlan = {
  kind: 'i_mr',
  subgroup: 1,
  rules: ['we1'],
  firstPoints: 20,
  estimate: 'mean',
  exclude: false,
  lambda: 0.2,
  width: 2.962,
  steadyLimits: false,
}

function chartOf(values: Iterable<number>, plan: Partial<ChartPlan> = {}): ControlChart {
  const chart = new ControlChart({ ...PLAN, ...plan })
  let at = 0
  for (const value of values) {
    at += 1
    chart.see(value, at)
  }
  return chart
}

function* normals(count: number, seed: number, { mean = 0, sigma = 1 } = {}): Generator<number> {
  const random = new Random(seed)
  for (let i = 0; i < count; i += 1) yield mean + sigma * random.normal()
}

test('Cp and its interval: Montgomery, example 8.4', (t) => {
  // n = 20, s = 1.75, limits 38 and 62: 2.29, from 1.57 to 3.01.
  const { value, low, high } = potentialIndex(62 - 38, 1.75, 19)
  t.same([value.toFixed(2), low.toFixed(2), high.toFixed(2)], ['2.29', '1.56', '3.01'])
  t.ok(Math.abs(low - 1.57) < 0.01)
  t.end()
})

test('Cpk and its interval: Bissell’s, as in Montgomery, example 8.5', (t) => {
  // n = 20, Cpk = 1.33: from 0.88 to 1.78.
  const { value, low, high } = centredIndex(
    { lower: 0, upper: 2 * 3.99 },
    { mean: 3.99, sigma: 1, count: 20, freedom: 19 },
  )
  t.same([value.toFixed(2), low.toFixed(2), high.toFixed(2)], ['1.33', '0.88', '1.78'])
  t.end()
})

test('with one limit there is a Cpk to that side, and no Cp', (t) => {
  const chart = chartOf(normals(5000, 1, { mean: 10, sigma: 2 }))
  const upper = capabilityOf(chart, { upper: 16 })
  const lower = capabilityOf(chart, { lower: 1 })
  t.equal(upper?.cp, undefined)
  t.equal(upper?.pp, undefined)
  t.ok(Math.abs((upper?.cpk.value ?? 0) - 1) < 0.04, `${upper?.cpk.value}`)
  t.ok(Math.abs((lower?.ppk.value ?? 0) - 1.5) < 0.06, `${lower?.ppk.value}`)
  t.throws(() => capabilityOf(chart, {}), { message: 'specification: expected lower, upper or both' })
  t.end()
})

test('a drifting process keeps its short-time index and loses the long-time one', (t) => {
  const random = new Random(4)
  const drifting = Array.from({ length: 2000 }, (_, i) => random.normal() + i / 400)
  for (const plan of [{}, { kind: 'xbar_s', subgroup: 5 }, { kind: 'xbar_r', subgroup: 5 }] as const) {
    const capability = capabilityOf(chartOf(drifting, plan), { lower: -6, upper: 11 })
    t.ok(Math.abs((capability?.sigmaWithin ?? 0) - 1) < 0.06, `within ${capability?.sigmaWithin}`)
    t.ok((capability?.sigmaOverall ?? 0) > 1.6, `overall ${capability?.sigmaOverall}`)
    t.ok((capability?.cpk.low ?? 0) > (capability?.ppk.high ?? 9), 'the intervals do not even touch')
  }
  t.end()
})

test('the 95 % intervals hold the truth about 95 times in 100', (t) => {
  for (const plan of [{}, { kind: 'xbar_r', subgroup: 5 }] as const) {
    const held = { cp: 0, cpk: 0, pp: 0, ppk: 0 }
    const runs = 600
    for (let run = 0; run < runs; run += 1) {
      const chart = chartOf(normals(60, 7000 + run, { mean: 0.5, sigma: 1 }), plan)
      const capability = capabilityOf(chart, { lower: -4, upper: 4 })
      for (const [name, truth] of [
        ['cp', 4 / 3],
        ['cpk', 3.5 / 3],
        ['pp', 4 / 3],
        ['ppk', 3.5 / 3],
      ] as const) {
        const index = capability?.[name]
        if (index !== undefined && index.low <= truth && truth <= index.high) held[name] += 1
      }
    }
    for (const [name, times] of Object.entries(held)) {
      // Four standard errors of 95 % in 600, and 1 % for Bissell's normal approximation.
      t.ok(Math.abs(times / runs - 0.95) < 0.046, `${name}: ${times} of ${runs}`)
    }
  }
  t.end()
})

test('too few or equal values have no capability', (t) => {
  t.equal(capabilityOf(chartOf([]), { lower: 0 }), undefined)
  t.equal(capabilityOf(chartOf([1, 2]), { lower: 0 }), undefined)
  t.equal(capabilityOf(chartOf([5, 5, 5, 5, 5]), { lower: 0 }), undefined)
  t.equal(capabilityOf(chartOf([1, 2, 3], { kind: 'xbar_r', subgroup: 4 }), { lower: 0 }), undefined)
  t.end()
})

test('skewness and kurtosis in one pass are those of two passes', (t) => {
  const values = [...normals(500, 3, { mean: 1e6, sigma: 3 })].map((value, i) => value + (i % 7) ** 2)
  const moments = noMoments()
  for (const value of values) addMoment(moments, value)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const power = (n: number): number => values.reduce((sum, value) => sum + (value - mean) ** n, 0)
  t.ok(Math.abs(moments.mean / mean - 1) < 1e-14)
  t.ok(Math.abs(moments.m2 / power(2) - 1) < 1e-9)
  t.ok(Math.abs(moments.m3 / power(3) - 1) < 1e-7)
  t.ok(Math.abs(moments.m4 / power(4) - 1) < 1e-9)
  t.end()
})

test('a sample of 1 to 20 has the kurtosis of the uniform', (t) => {
  const moments = noMoments()
  for (let value = 1; value <= 20; value += 1) addMoment(moments, value)
  const shape = shapeOf(moments)
  t.ok(Math.abs(shape?.skewness ?? 1) < 1e-12)
  // G2 of consecutive integers is -6/5 exactly, whatever n.
  t.ok(Math.abs((shape?.excessKurtosis ?? 0) + 1.2) < 1e-12)
  t.end()
})

test('normal parts are not warned of, skewed and heavy-tailed ones are', (t) => {
  let warned = 0
  for (let seed = 0; seed < 100; seed += 1) {
    const moments = noMoments()
    for (const value of normals(300, 900 + seed)) addMoment(moments, value)
    if (shapeOf(moments)?.notNormal) warned += 1
  }
  t.ok(warned <= 2, `${warned} of 100 normal samples`)
  const skewed = noMoments()
  for (const value of normals(300, 1)) addMoment(skewed, Math.exp(value))
  t.equal(shapeOf(skewed)?.notNormal, true)
  const heavy = noMoments()
  for (const value of normals(300, 2)) addMoment(heavy, value ** 3)
  t.equal(shapeOf(heavy)?.notNormal, true)
  t.end()
})

test('Anderson and Darling: as often beyond the published limits as published', (t) => {
  const runs = 1500
  let [five, one] = [0, 0]
  for (let run = 0; run < runs; run += 1) {
    const { statistic = 0, p = 1 } = andersonDarling([...normals(40, 50_000 + run)]) ?? {}
    // D'Agostino and Stephens (1986), table 4.7: 0.752 at 5 %, 1.035 at 1 %.
    if (statistic > 0.752) five += 1
    if (statistic > 1.035) one += 1
    if (statistic > 0.752 !== p < 0.05 && Math.abs(statistic - 0.752) > 0.005) t.fail(`${statistic}: p ${p}`)
  }
  t.ok(Math.abs(five / runs - 0.05) < 4 * Math.sqrt((0.05 * 0.95) / runs), `${five} of ${runs}`)
  t.ok(Math.abs(one / runs - 0.01) < 4 * Math.sqrt((0.01 * 0.99) / runs), `${one} of ${runs}`)
  t.end()
})

test('Anderson and Darling: two heaps are not normal, and few or equal values cannot be told', (t) => {
  t.ok((andersonDarling([1, 1.1, 1.2, 1.3, 1.1, 9, 9.1, 9.2, 9.3, 9.1])?.p ?? 1) < 0.005)
  t.equal(andersonDarling([1, 2, 3, 4, 5, 6, 7]), undefined)
  t.equal(andersonDarling(Array.from({ length: 20 }, () => 4)), undefined)
  t.end()
})
