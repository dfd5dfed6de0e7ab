import { test } from 'tap'
import { Random } from '../../../drivers/simulated/random.ts'
import { deltaE00, differenceToTarget } from '../../../gateway/analysis/delta-e.ts'
import type { Lab } from '../../../gateway/inspection.ts'

/** Table 1 of Sharma, Wu and Dalal, Color Research and Application 30 (2005) 21–30: two colours, their ΔE00. */
const SHARMA: readonly (readonly [number, number, number, number, number, number, number])[] = [
  [50.0, 2.6772, -79.7751, 50.0, 0.0, -82.7485, 2.0425],
  [50.0, 3.1571, -77.2803, 50.0, 0.0, -82.7485, 2.8615],
  [50.0, 2.8361, -74.02, 50.0, 0.0, -82.7485, 3.4412],
  [50.0, -1.3802, -84.2814, 50.0, 0.0, -82.7485, 1.0],
  [50.0, -1.1848, -84.8006, 50.0, 0.0, -82.7485, 1.0],
  [50.0, -0.9009, -85.5211, 50.0, 0.0, -82.7485, 1.0],
  [50.0, 0.0, 0.0, 50.0, -1.0, 2.0, 2.3669],
  [50.0, -1.0, 2.0, 50.0, 0.0, 0.0, 2.3669],
  [50.0, 2.49, -0.001, 50.0, -2.49, 0.0009, 7.1792],
  [50.0, 2.49, -0.001, 50.0, -2.49, 0.001, 7.1792],
  [50.0, 2.49, -0.001, 50.0, -2.49, 0.0011, 7.2195],
  [50.0, 2.49, -0.001, 50.0, -2.49, 0.0012, 7.2195],
  [50.0, -0.001, 2.49, 50.0, 0.0009, -2.49, 4.8045],
  [50.0, -0.001, 2.49, 50.0, 0.001, -2.49, 4.8045],
  [50.0, -0.001, 2.49, 50.0, 0.0011, -2.49, 4.7461],
  [50.0, 2.5, 0.0, 50.0, 0.0, -2.5, 4.3065],
  [50.0, 2.5, 0.0, 73.0, 25.0, -18.0, 27.1492],
  [50.0, 2.5, 0.0, 61.0, -5.0, 29.0, 22.8977],
  [50.0, 2.5, 0.0, 56.0, -27.0, -3.0, 31.903],
  [50.0, 2.5, 0.0, 58.0, 24.0, 15.0, 19.4535],
  [50.0, 2.5, 0.0, 50.0, 3.1736, 0.5854, 1.0],
  [50.0, 2.5, 0.0, 50.0, 3.2972, 0.0, 1.0],
  [50.0, 2.5, 0.0, 50.0, 1.8634, 0.5757, 1.0],
  [50.0, 2.5, 0.0, 50.0, 3.2592, 0.335, 1.0],
  [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
  [63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.263],
  [61.2901, 3.7196, -5.3901, 61.4292, 2.248, -4.962, 1.8731],
  [35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645],
  [22.7233, 20.0904, -46.694, 23.0331, 14.973, -42.5619, 2.0373],
  [36.4612, 47.858, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146],
  [90.8027, -2.0831, 1.441, 91.1528, -1.6435, 0.0447, 1.4441],
  [90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381],
  [6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377],
  [2.0776, 0.0795, -1.135, 0.9033, -0.0636, -0.5514, 0.9082],
]

test('CIEDE2000: the 34 pairs of Sharma, Wu and Dalal (2005)', (t) => {
  t.equal(SHARMA.length, 34)
  for (const [l1, a1, b1, l2, a2, b2, expected] of SHARMA) {
    const [one, other] = [
      { l: l1, a: a1, b: b1 },
      { l: l2, a: a2, b: b2 },
    ]
    const found = deltaE00(one, other)
    t.ok(Math.abs(found - expected) < 0.5e-4 + 1e-9, `${expected}: ${found}`)
    t.ok(Math.abs(deltaE00(other, one) - found) < 1e-12, 'the same both ways')
  }
  t.equal(deltaE00({ l: 50, a: 0, b: 0 }, { l: 50, a: 0, b: 0 }), 0)
  t.end()
})

/** Lower triangle that makes correlated deviations of standard normal ones. */
const ROOT: readonly (readonly [number, number, number])[] = [
  [0.5, 0, 0],
  [-0.2, 0.4, 0],
  [0.3, 0.25, 0.6],
]

function scattered({ l, a, b }: Lab, random: Random, scale: number): Lab {
  const [x, y, z] = [random.normal(), random.normal(), random.normal()]
  const [dl, da, db] = ROOT.map(([p, q, r]) => scale * (p * x + q * y + r * z))
  return { l: l + (dl ?? 0), a: a + (da ?? 0), b: b + (db ?? 0) }
}

function covarianceOf(scale: number): Float64Array {
  const entries = ROOT.flatMap((row) =>
    ROOT.map((column) => scale * scale * row.reduce((sum, value, k) => sum + value * (column[k] ?? 0), 0)),
  )
  return Float64Array.from(entries)
}

test('the stated uncertainty of a difference is its scatter, and doubles with that of the colour', (t) => {
  const random = new Random(41)
  const target = { l: 70, a: 5, b: 20 }
  for (const lab of [
    { l: 74, a: 6, b: 19 },
    { l: 70, a: 9, b: 26 },
    { l: 66, a: 2, b: 14 },
  ]) {
    const stated = differenceToTarget(lab, target, covarianceOf(1), 5).deltaE00
    const seen = Array.from({ length: 2000 }, () => deltaE00(scattered(lab, random, 1), target))
    const mean = seen.reduce((sum, value) => sum + value, 0) / seen.length
    const std = Math.sqrt(seen.reduce((sum, value) => sum + (value - mean) ** 2, 0) / seen.length)
    t.ok(Math.abs(std / stated.std - 1) < 0.08, `${std} against ${stated.std}`)
    const doubled = differenceToTarget(lab, target, covarianceOf(2), 5).deltaE00
    t.ok(Math.abs(doubled.std / stated.std - 2) < 1e-9 && doubled.estimate === stated.estimate)
  }
  t.end()
})

test('the probability of being within a limit is how often it is so', (t) => {
  const random = new Random(42)
  const target = { l: 70, a: 5, b: 20 }
  for (const [limit, scale] of [
    [2, 1],
    [2, 3],
    [5, 2],
    [1, 0.4],
  ] as const) {
    for (const lab of [target, { l: 72, a: 5.5, b: 21 }, { l: 70, a: 7, b: 24 }]) {
      const { withinProbability } = differenceToTarget(lab, target, covarianceOf(scale), limit)
      const draws = 3000
      let within = 0
      for (let draw = 0; draw < draws; draw += 1) {
        if (deltaE00(scattered(lab, random, scale), target) <= limit) within += 1
      }
      t.ok(Math.abs(within / draws - withinProbability) < 0.04, `${within / draws}, ${withinProbability}`)
    }
  }
  t.end()
})

test('without uncertainty a colour is within the limit, or not', (t) => {
  const target = { l: 70, a: 5, b: 20 }
  const none = new Float64Array(9)
  t.equal(differenceToTarget({ l: 71, a: 5, b: 20 }, target, none, 2).withinProbability, 1)
  t.equal(differenceToTarget({ l: 79, a: 5, b: 20 }, target, none, 2).withinProbability, 0)
  const exact = differenceToTarget(target, target, covarianceOf(1), 2)
  t.equal(exact.deltaE00.estimate, 0)
  t.ok(exact.deltaE00.std > 0 && exact.withinProbability > 0.9)
  t.end()
})
