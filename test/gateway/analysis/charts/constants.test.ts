import { test } from 'tap'
import { c4, d2, d3, d4 } from '../../../../gateway/analysis/charts/constants.ts'
import { normalProbability } from '../../../../gateway/analysis/charts/quantiles.ts'

// Montgomery, Introduction to Statistical Quality Control, appendix VI; d4: Wheeler and Chambers,
// Understanding Statistical Process Control.
const PUBLISHED = [
  { n: 2, c4: 0.7979, d2: 1.128, d3: 0.853 },
  { n: 3, c4: 0.8862, d2: 1.693, d3: 0.888 },
  { n: 4, c4: 0.9213, d2: 2.059, d3: 0.88 },
  { n: 5, c4: 0.94, d2: 2.326, d3: 0.864 },
  { n: 6, c4: 0.9515, d2: 2.534, d3: 0.848 },
  { n: 10, c4: 0.9727, d2: 3.078, d3: 0.797 },
  { n: 15, c4: 0.9823, d2: 3.472, d3: 0.756 },
  { n: 20, c4: 0.9869, d2: 3.735, d3: 0.729 },
  { n: 25, c4: 0.9896, d2: 3.931, d3: 0.708 },
]

test('the constants are those of the textbooks', (t) => {
  for (const { n, ...published } of PUBLISHED) {
    t.equal(c4(n).toFixed(4), published.c4.toFixed(4), `c4(${n})`)
    t.equal(d2(n).toFixed(3), published.d2.toFixed(3), `d2(${n})`)
    t.ok(Math.abs(d3(n) - published.d3) < 0.0006, `d3(${n}): ${d3(n)}`)
  }
  t.equal(d4(2).toFixed(3), '0.954')
  t.equal(d4(3).toFixed(3), '1.588')
  t.equal(d4(5).toFixed(3), '2.257')
  t.end()
})

test('d2 is the integral of 1 - (1-Φ)ⁿ - Φⁿ', (t) => {
  for (let n = 2; n <= 25; n += 1) {
    let sum = 0
    for (let x = -8; x <= 8; x += 0.05) {
      const p = normalProbability(x)
      sum += 0.05 * (1 - (1 - p) ** n - p ** n)
    }
    t.ok(Math.abs(sum - d2(n)) < 6e-6, `${n}: ${sum}`)
  }
  t.end()
})

test('the constants refuse what no subgroup is', (t) => {
  t.throws(() => d2(1), { message: 'subgroup 1: expected an integer 2 to 25' })
  t.throws(() => d3(26), { message: 'subgroup 26: expected an integer 2 to 25' })
  t.throws(() => d4(2.5), { message: 'subgroup 2.5: expected an integer 2 to 25' })
  t.throws(() => c4(1), { message: 'subgroup 1: expected an integer from 2 on' })
  t.end()
})
