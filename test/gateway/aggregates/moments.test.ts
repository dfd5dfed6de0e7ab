import { test } from 'tap'
import { deviationOf, type Moments, mergeMoments, momentsOf } from '../../../gateway/aggregates/moments.ts'
import { randomFrom } from '../store/drafts.ts'

function of(values: readonly number[]): Moments {
  return values.map(momentsOf).reduce(mergeMoments)
}

test("NIST's certified values: NumAcc3, 1001 values around a million", (t) => {
  // itl.nist.gov/div898/strd/univ: 1000000.2, then 1000000.1 and 1000000.3 five hundred times each.
  const values = [1000000.2]
  for (let pair = 0; pair < 500; pair += 1) values.push(1000000.1, 1000000.3)
  const { mean, count } = of(values)
  t.equal(count, 1001)
  t.ok(Math.abs(mean - 1000000.2) < 1e-9 * 1000000)
  t.ok(Math.abs((deviationOf(of(values)) ?? 0) - 0.1) < 1e-7, `${deviationOf(of(values))}`)
  t.end()
})

test('merged in any parts they are those of all values', (t) => {
  const random = randomFrom(3)
  const values = Array.from({ length: 500 }, () => 120_000 + 9000 * (random() + random() - 1))
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  const whole = of(values)
  const parts = mergeMoments(
    mergeMoments(of(values.slice(0, 7)), of(values.slice(7, 300))),
    of(values.slice(300)),
  )
  for (const moments of [whole, parts]) {
    t.match(moments, { count: 500, min: Math.min(...values), max: Math.max(...values) })
    t.ok(Math.abs(moments.mean / mean - 1) < 1e-13)
    t.ok(Math.abs((deviationOf(moments) ?? 0) / Math.sqrt(variance) - 1) < 1e-12)
  }
  t.equal(deviationOf(momentsOf(4)), undefined)
  const none = { ...momentsOf(0), count: 0 }
  t.same(mergeMoments(none, whole), whole)
  t.same(mergeMoments(whole, none), whole)
  t.end()
})
