import { test } from 'tap'
import { Random } from '../../../../drivers/simulated/random.ts'
import { type ChartKey, ChartSet } from '../../../../gateway/analysis/charts/chart-set.ts'
import { measureOf } from '../../../../gateway/analysis/charts/measures.ts'
import { chartPlan, chartsOptions } from '../../../../gateway/analysis/charts/options.ts'
import type { Judgement } from '../../../../gateway/inspection.ts'

const CHARTS = chartsOptions.parse([
  { name: 'mass', value: 'mass_g', specification: { lower: 300 } },
  { name: 'score', value: 'score', kind: 'xbar_s', subgroup: 4, rules: 'nelson', first_points: 10 },
])
const LOT: ChartKey = { recipe: 'bloc', revision: 1, lot: 'L1' }

function graded(massG: number, score = 0.9): Judgement {
  return {
    massG: { estimate: massG, std: 4 },
    fusion: { score: { estimate: score, std: 0.01 }, grade: 'A', confidence: 0.9, defects: [] },
    verdict: { kind: 'graded', grade: 'A', score, action: 'accept', findings: [] },
  }
}

const UNGRADED: Judgement = {
  massG: { estimate: 480, std: 4 },
  verdict: { kind: 'ungraded', action: 'reject', reasons: ['starved:spectral'] },
}

function fill(set: ChartSet, key: ChartKey, parts: number, seed = 1): void {
  const random = new Random(seed)
  for (let part = 1; part <= parts; part += 1) {
    set.see(key, graded(450 + 10 * random.normal(), 0.9 + 0.02 * random.normal()), part)
  }
}

test('charts learn from the first parts of a lot, then judge', (t) => {
  const set = new ChartSet({ charts: CHARTS, maxKeys: 4 })
  fill(set, LOT, 50)
  t.equal(set.chart(LOT, 'mass')?.phase, 2)
  const points = set.see(LOT, graded(650), 51)
  t.same(
    points.map(({ chart, violations }) => [chart, violations.map(({ rule, at }) => [rule, at])]),
    [
      [
        'mass',
        [
          ['we1', 51],
          ['limits', 51],
        ],
      ],
    ],
  )
  t.same(set.see({ ...LOT, lot: 'L2' }, graded(650), 52), [], 'another lot has limits of its own')
  t.end()
})

test('a point that broke nothing is told as well: that is how an alarm ends', (t) => {
  const set = new ChartSet({ charts: CHARTS, maxKeys: 4 })
  fill(set, LOT, 60)
  t.same(set.see(LOT, graded(450), 61), [{ chart: 'mass', violations: [] }], 'the subgroup is not full')
  t.end()
})

test('ungraded parts are no points, whatever was measured of them', (t) => {
  const set = new ChartSet({ charts: CHARTS, maxKeys: 4 })
  fill(set, LOT, 60)
  t.equal(measureOf('mass_g', UNGRADED), undefined)
  t.same(set.see(LOT, UNGRADED, 61), [])
  t.equal(set.chart(LOT, 'mass')?.figures.points, 60)
  t.equal(measureOf('freshness_index', graded(450)), undefined, 'not measured: no value')
  t.equal(measureOf('mass_g', graded(450)), 450)
  t.end()
})

test('capability against the chart’s limits, or the recipe’s', (t) => {
  const set = new ChartSet({ charts: CHARTS, maxKeys: 4 })
  fill(set, LOT, 400)
  t.ok(Math.abs((set.capability(LOT, 'mass')?.cpk.value ?? 0) - 5) < 0.5)
  t.ok(Math.abs((set.capability(LOT, 'mass', { lower: 420 })?.cpk.value ?? 0) - 1) < 0.15)
  t.equal(set.capability(LOT, 'score'), undefined, 'no limits are known')
  t.equal(set.capability({ ...LOT, revision: 2 }, 'mass'), undefined)
  t.end()
})

test('the recipe and lot longest without a part goes first', (t) => {
  const set = new ChartSet({ charts: CHARTS, maxKeys: 3 })
  for (const lot of ['a', 'b', 'c', 'a', 'd', 'a', 'e']) set.see({ ...LOT, lot }, graded(450), 1)
  t.same(
    set.keys().map(({ lot }) => lot),
    ['a', 'd', 'e'],
  )
  t.same(set.size, { keys: 3, retired: 2 })
  for (let lot = 0; lot < 1000; lot += 1) set.see({ ...LOT, lot: `${lot}` }, graded(450), 1)
  t.equal(set.size.keys, 3)
  t.end()
})

test('a set goes on after a restart; other charts begin anew', (t) => {
  const before = new ChartSet({ charts: CHARTS, maxKeys: 3 })
  fill(before, LOT, 77)
  fill(before, { ...LOT, lot: 'L2' }, 5)
  const text = JSON.stringify(before.snapshot())
  const after = new ChartSet({ charts: CHARTS, maxKeys: 3 })
  t.equal(after.restore(JSON.parse(text)), true)
  t.equal(JSON.stringify(after.snapshot()), text)
  t.same(after.see(LOT, graded(700), 78), before.see(LOT, graded(700), 78))

  const fewer = new ChartSet({ charts: CHARTS, maxKeys: 1 })
  t.equal(fewer.restore(JSON.parse(text)), true)
  t.same(fewer.keys(), [{ ...LOT, lot: 'L2' }])

  const others = new ChartSet({ charts: CHARTS.slice(1), maxKeys: 3 })
  t.equal(others.restore(JSON.parse(text)), false)
  t.equal(others.restore('torn'), false)
  t.equal(after.restore(JSON.parse(text.replace('"unmeasured":0', '"unmeasured":-1'))), false)
  t.end()
})

test('limits are learnt anew when told, and where parts are measured with something else', (t) => {
  const set = new ChartSet({ charts: CHARTS, maxKeys: 3 })
  t.equal(set.latest, undefined)
  t.same(set.measuredWith(LOT, 'tray-1'), [], 'there is nothing to forget')
  fill(set, LOT, 77)
  t.same(set.latest, LOT)
  t.equal(set.chart(LOT, 'mass')?.phase, 2)
  t.same(set.measuredWith(LOT, 'tray-1'), [])
  t.same(set.relearn({ ...LOT, lot: 'L2' }), [], 'of another lot')
  t.same(set.relearn(LOT, 'mass'), ['mass'])
  t.equal(set.chart(LOT, 'mass')?.phase, 1)
  t.equal(set.chart(LOT, 'score')?.phase, 2)

  fill(set, LOT, 77)
  const after = new ChartSet({ charts: CHARTS, maxKeys: 3 })
  after.restore(JSON.parse(JSON.stringify(set.snapshot())))
  t.same(after.measuredWith(LOT, 'tray-2'), ['mass', 'score'], 'what was before a restart is known')
  t.equal(after.chart(LOT, 'mass')?.phase, 1)

  const [mass] = CHARTS
  if (mass === undefined) throw new Error('a chart')
  const known = new ChartSet({ charts: [{ ...mass, known: { centre: 500, sigma: 5 } }], maxKeys: 1 })
  fill(known, LOT, 3)
  t.same(known.relearn(LOT), [], 'limits that are configured stay')
  t.end()
})

test('options name what is wrong', (t) => {
  const wrong = (chart: unknown): string | undefined => {
    const { error } = chartsOptions.safeParse([chart])
    return error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)[0]
  }
  t.match(wrong({ name: 'a', value: 'weight' }), /^0\.value: .*mass_g/)
  t.match(wrong({ name: 'A', value: 'mass_g' }), '0.name: expected 1 to 64 of a-z, 0-9, _ and -')
  t.match(wrong({ name: 'a', value: 'mass_g', subgroup: 26 }), /^0\.subgroup/)
  t.match(
    wrong({ name: 'a', value: 'mass_g', specification: {} }),
    '0.specification: expected lower, upper or both',
  )
  t.match(
    wrong({ name: 'a', value: 'mass_g', specification: { lower: 2, upper: 2 } }),
    '0.specification.upper: expected more than lower',
  )
  t.match(wrong({ name: 'a', value: 'mass_g', known: { centre: 1, sigma: 0 } }), /^0\.known\.sigma/)
  const twice = chartsOptions.safeParse([
    { name: 'a', value: 'mass_g' },
    { name: 'a', value: 'score' },
  ])
  t.match(twice.error?.issues[0]?.message, 'expected different names')
  t.throws(() => new ChartSet({ charts: CHARTS, maxKeys: 0 }), {
    message: 'maxKeys 0: expected an integer from 1 on',
  })
  t.end()
})

test('single values are not grouped, whatever `subgroup` says', (t) => {
  const [mass, score] = CHARTS
  if (mass === undefined || score === undefined) throw new Error('two charts')
  t.equal(chartPlan(mass).subgroup, 1)
  t.equal(chartPlan(score).subgroup, 4)
  t.equal(chartPlan(score).rules.length, 8)
  t.equal(chartPlan({ ...mass, rules: ['we1', 'nelson3'] }).rules.length, 2)
  t.end()
})
