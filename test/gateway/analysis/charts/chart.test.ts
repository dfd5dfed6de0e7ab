import { test } from 'tap'
import { Random } from '../../../../drivers/simulated/random.ts'
import { type ChartPlan, ControlChart, type Violation } from '../../../../gateway/analysis/charts/chart.ts'
import { WESTERN_ELECTRIC } from '../../../../gateway/analysis/charts/rules.ts'
import { EWMA_DATA, EWMA_MEANS, FLOW_RATES, LOAN_COSTS, PISTON_RINGS } from './published.ts'

const PLAN: ChartPlan = {
  kind: 'i_mr',
  subgroup: 1,
  rules: WESTERN_ELECTRIC,
  firstPoints: 20,
  estimate: 'mean',
  exclude: false,
  lambda: 0.2,
  width: 2.962,
  steadyLimits: false,
}

function feed(chart: ControlChart, values: readonly number[]): Violation[] {
  return values.flatMap((value, index) => chart.see(value, index + 1))
}

function learntOf(values: readonly number[], plan: Partial<ChartPlan> = {}): ControlChart {
  const chart = new ControlChart({ ...PLAN, firstPoints: values.length, ...plan })
  feed(chart, values)
  return chart
}

test('single values: the limits of Montgomery’s example 6.5 (loan costs)', (t) => {
  const { limits } = learntOf(LOAN_COSTS)
  t.equal(limits?.location.centre, 300.5)
  // Published with d2 = 1.128: 279.78, 321.22; moving range 7.79, 25.45.
  t.ok(Math.abs((limits?.location.lower ?? 0) - 279.78) < 0.02)
  t.ok(Math.abs((limits?.location.upper ?? 0) - 321.22) < 0.02)
  t.ok(Math.abs((limits?.spread?.centre ?? 0) - 7.79) < 0.005)
  t.ok(Math.abs((limits?.spread?.upper ?? 0) - 25.45) < 0.02)
  t.equal(limits?.spread?.lower, 0)
  t.end()
})

test('single values: the limits of the NIST e-Handbook 6.3.2.2 (flow rates)', (t) => {
  const { limits } = learntOf(FLOW_RATES)
  t.ok(Math.abs((limits?.location.centre ?? 0) - 50.81) < 1e-9)
  t.ok(Math.abs((limits?.location.upper ?? 0) - 55.8041) < 0.003)
  t.ok(Math.abs((limits?.location.lower ?? 0) - 45.8159) < 0.003)
  t.end()
})

test('means and ranges: the limits of Montgomery’s piston rings', (t) => {
  const chart = learntOf(PISTON_RINGS.flat(), { kind: 'xbar_r', subgroup: 5, firstPoints: 25 })
  const { limits, learnt } = chart
  t.equal(learnt?.centre.toFixed(5), '74.00118')
  // Montgomery's older editions: mean range 0.581/25; limits 73.988 and 74.014, range up to 0.049.
  t.equal(limits?.spread?.centre.toFixed(5), (0.581 / 25).toFixed(5))
  t.equal(limits?.location.lower.toFixed(3), '73.988')
  t.ok(Math.abs((limits?.location.upper ?? 0) - 74.0146) < 0.0001, '74.00118 + 0.577 × 0.02324')
  t.equal(limits?.spread?.lower, 0)
  t.equal(limits?.spread?.upper.toFixed(3), '0.049')
  t.equal(chart.figures.points, 25)
  t.end()
})

test('means and standard deviations: the limits of Montgomery’s example 6.3', (t) => {
  const { limits } = learntOf(PISTON_RINGS.flat(), { kind: 'xbar_s', subgroup: 5, firstPoints: 25 })
  // Published 74.014 and 73.988, computed from the centre rounded to 74.001.
  t.ok(Math.abs((limits?.location.upper ?? 0) - 74.014) < 0.0007)
  t.ok(Math.abs((limits?.location.lower ?? 0) - 73.988) < 0.0007)
  t.equal(limits?.spread?.centre.toFixed(4), '0.0094')
  t.ok(Math.abs((limits?.spread?.upper ?? 0) - 0.0196) < 0.0001)
  t.equal(limits?.spread?.lower, 0)
  t.end()
})

const EWMA: ChartPlan = { ...PLAN, kind: 'ewma', lambda: 0.3, width: 3, known: { centre: 50, sigma: 2.0539 } }

test('weighted means: those of the NIST e-Handbook 6.3.2.4, and its limits', (t) => {
  const chart = new ControlChart(EWMA)
  const means = EWMA_DATA.map((value, index) => {
    t.same(chart.see(value, index + 1), [], 'within the limits')
    return chart.ewma
  })
  means.forEach((mean, index) => {
    t.ok(Math.abs(mean - (EWMA_MEANS[index] ?? 0)) < 0.0101, `${index}: ${mean}`)
  })
  // After 20 points the exact limits are those after many: 47.4115 and 52.5884.
  t.ok(Math.abs((chart.limits?.location.upper ?? 0) - 52.5884) < 0.001)
  t.ok(Math.abs((chart.limits?.location.lower ?? 0) - 47.4115) < 0.001)
  t.end()
})

test('weighted means: the first limits are those of one point, λ L σ wide', (t) => {
  const chart = new ControlChart(EWMA)
  t.ok(Math.abs((chart.limits?.location.upper ?? 0) - (50 + 0.3 * 3 * 2.0539)) < 1e-9)
  const [violation] = chart.see(57, 1)
  t.same(
    [violation?.plotted, violation?.rule, violation?.at, violation?.value.toFixed(2)],
    ['ewma', 'limits', 1, '52.10'],
  )
  t.end()
})

/** Mean number of points until the first alarm. */
function runLength(plan: ChartPlan, shift: number, runs: number): number {
  const random = new Random(11, shift * 100)
  let points = 0
  for (let run = 0; run < runs; run += 1) {
    const chart = new ControlChart(plan)
    do points += 1
    while (chart.see(shift + random.normal(), points).length === 0)
  }
  return points / runs
}

test('weighted means: run lengths are those of Lucas and Saccucci (1990)', (t) => {
  const standard = { ...EWMA, known: { centre: 0, sigma: 1 }, steadyLimits: true }
  for (const { lambda, width, shift, published, runs } of [
    { lambda: 0.1, width: 2.814, shift: 0, published: 500, runs: 1000 },
    { lambda: 0.1, width: 2.814, shift: 0.5, published: 31.3, runs: 2000 },
    { lambda: 0.1, width: 2.814, shift: 1, published: 10.3, runs: 3000 },
    { lambda: 0.25, width: 2.998, shift: 1, published: 11.1, runs: 3000 },
    { lambda: 0.4, width: 3.054, shift: 2, published: 3.5, runs: 3000 },
  ]) {
    const found = runLength({ ...standard, lambda, width }, shift, runs)
    // Run lengths scatter as much as they are long: four standard errors, and the table's rounding.
    const tolerance = (4 * published) / Math.sqrt(runs) + 0.06
    t.ok(
      Math.abs(found - published) < tolerance,
      `λ ${lambda}, shift ${shift}: ${found}, published ${published}`,
    )
  }
  const exact = runLength({ ...standard, lambda: 0.1, width: 2.814, steadyLimits: false }, 2, 3000)
  const steady = runLength({ ...standard, lambda: 0.1, width: 2.814 }, 2, 3000)
  t.ok(exact < steady, `exact limits see a shift at the start sooner: ${exact}, ${steady}`)
  t.end()
})

test('a violation tells chart, rule, part, value and limits', (t) => {
  const chart = learntOf(LOAN_COSTS)
  t.same(chart.see(300, 21), [], 'in control')
  const violations = chart.see(340, 22)
  t.same(
    violations.map(({ plotted, rule, at, value }) => ({ plotted, rule, at, value })),
    [
      { plotted: 'i', rule: 'we1', at: 22, value: 340 },
      { plotted: 'mr', rule: 'limits', at: 22, value: 40 },
    ],
  )
  t.equal(violations[0]?.limits.upper.toFixed(0), '321')
  t.equal(violations[1]?.limits.upper.toFixed(1), '25.4')
  t.end()
})

test('a subgroup whose parts scatter too much breaks the limits of its spread, not of its mean', (t) => {
  for (const [kind, plotted] of [
    ['xbar_r', 'r'],
    ['xbar_s', 's'],
  ] as const) {
    const chart = learntOf(PISTON_RINGS.flat(), { kind, subgroup: 5, firstPoints: 25 })
    const violations = feed(chart, [73.96, 74.04, 73.96, 74.04, 74.0])
    t.same(
      violations.map((one) => [one.plotted, one.rule, one.at]),
      [[plotted, 'limits', 5]],
    )
  }
  t.end()
})

test('limits are learnt once, and anew only when told', (t) => {
  const chart = learntOf(LOAN_COSTS)
  const { limits } = chart
  const moved = LOAN_COSTS.map((cost) => cost + 100)
  t.ok(feed(chart, moved).length >= 20, 'every point of another process is a violation')
  t.same(chart.limits, limits)
  chart.relearn()
  t.equal(chart.phase, 1)
  t.same(feed(chart, moved), [])
  t.equal(chart.phase, 2)
  t.ok(Math.abs((chart.limits?.location.centre ?? 0) - 400.5) < 1e-9)
  t.equal(chart.figures.moments.count, 60, 'what all values say is kept')
  t.end()
})

test('wild first points are left out, with the reason, and do not widen the limits', (t) => {
  const spoilt = LOAN_COSTS.with(6, 450).with(13, 100)
  const plain = learntOf(spoilt)
  const robust = learntOf(spoilt, { exclude: true, estimate: 'median' })
  t.same(robust.learnt?.excluded, [
    { point: 7, value: 450, reason: 'value' },
    { point: 14, value: 100, reason: 'value' },
  ])
  t.equal(robust.learnt?.points, 18)
  t.equal(robust.learnt?.stable, true)
  t.ok((robust.learnt?.sigma ?? 99) < 9, `${robust.learnt?.sigma}`)
  t.ok((plain.learnt?.sigma ?? 0) > 25, `${plain.learnt?.sigma}`)
  t.end()
})

test('a wild subgroup is left out for its spread', (t) => {
  const rings = PISTON_RINGS.with(3, [73.9, 74.1, 74.0, 73.9, 74.1]).flat()
  const { learnt } = learntOf(rings, { kind: 'xbar_r', subgroup: 5, firstPoints: 25, exclude: true })
  t.same(
    learnt?.excluded.map(({ point, reason }) => [point, reason]),
    [[4, 'spread']],
  )
  t.ok(Math.abs((learnt?.sigma ?? 0) - 0.0098) < 0.0003)
  t.end()
})

test('first points of two processes are said to be unstable', (t) => {
  const steps = Array.from({ length: 20 }, (_, i) => (i < 10 ? 0 : 100) + (i % 3))
  t.equal(learntOf(steps, { exclude: true }).learnt?.stable, false)
  t.end()
})

test('the median range estimates what the mean range does', (t) => {
  const random = new Random(3)
  const values = Array.from({ length: 4000 }, () => 10 + 2 * random.normal())
  for (const plan of [
    { kind: 'i_mr', subgroup: 1, firstPoints: 4000 },
    { kind: 'xbar_r', subgroup: 4, firstPoints: 1000 },
    { kind: 'xbar_s', subgroup: 8, firstPoints: 500 },
  ] as const) {
    for (const estimate of ['mean', 'median'] as const) {
      const sigma = learntOf(values, { ...plan, estimate }).learnt?.sigma ?? 0
      t.ok(Math.abs(sigma - 2) < 0.12, `${plan.kind}, ${estimate}: ${sigma}`)
    }
  }
  t.end()
})

test('what was not measured is no point', (t) => {
  const chart = learntOf(LOAN_COSTS)
  const before = chart.snapshot()
  t.same(chart.see(Number.NaN, 21), [])
  t.same(chart.see(Number.POSITIVE_INFINITY, 22), [])
  t.equal(chart.figures.unmeasured, 2)
  t.equal(chart.figures.points, 20)
  t.same(chart.snapshot(), { ...Object(before), unmeasured: 2 })
  t.end()
})

test('a source that stands still gives no limits, and no alarms; it learns when it moves again', (t) => {
  const chart = new ControlChart({ ...PLAN, exclude: true })
  t.same(
    feed(
      chart,
      Array.from({ length: 55 }, () => 7),
    ),
    [],
  )
  t.equal(chart.phase, 1)
  feed(chart, LOAN_COSTS)
  t.equal(chart.phase, 2)
  t.end()
})

test('a chart goes on after a restart as if there had been none', (t) => {
  const plans: Partial<ChartPlan>[] = [
    {},
    { kind: 'xbar_r', subgroup: 3 },
    { kind: 'xbar_s', subgroup: 4 },
    { kind: 'ewma', exclude: true },
  ]
  for (const part of plans) {
    const plan = { ...PLAN, ...part }
    const random = new Random(8)
    const whole = new ControlChart(plan)
    let restarted = new ControlChart(plan)
    for (let part = 1; part <= 300; part += 1) {
      const value = random.normal() + (part > 200 ? 2 : 0)
      const expected = whole.see(value, part)
      t.same(restarted.see(value, part), expected)
      if (part % 37 === 0)
        restarted = new ControlChart(plan, JSON.parse(JSON.stringify(restarted.snapshot())))
    }
    t.same(restarted.snapshot(), whole.snapshot())
    t.equal(whole.phase, 2)
  }
  t.throws(() => new ControlChart(PLAN, { moments: 'none' }), { name: 'ZodError' })
  t.end()
})

test('the memory of a chart does not grow with the parts', (t) => {
  const random = new Random(9)
  const chart = new ControlChart(PLAN)
  const size = (): number => JSON.stringify(chart.snapshot()).length
  for (let part = 0; part < 1000; part += 1) chart.see(random.normal(), part)
  const early = size()
  for (let part = 0; part < 50_000; part += 1) chart.see(random.normal(), part)
  t.ok(size() < early + 60, `${early} and ${size()} characters: only the digits of the counts`)
  t.end()
})
