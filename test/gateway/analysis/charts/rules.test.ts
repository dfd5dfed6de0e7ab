import { test } from 'tap'
import { Random } from '../../../../drivers/simulated/random.ts'
import {
  addPoint,
  broken,
  NELSON,
  noRuns,
  type Rule,
  WESTERN_ELECTRIC,
} from '../../../../gateway/analysis/charts/rules.ts'

/** The points, from 1, at which the rule is broken. */
function brokenAt(rule: Rule, points: readonly number[]): number[] {
  const state = noRuns()
  return points.flatMap((z, index) => {
    addPoint(state, z)
    return broken(rule, state) ? [index + 1] : []
  })
}

const zigzag = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => (i % 2 === 0 ? 0.3 : -0.3))

/** One pattern for each rule of Nelson (1984) and of Western Electric (1956). */
const PATTERNS: readonly { rule: Rule; points: readonly number[]; at: number }[] = [
  { rule: 'nelson1', points: [0, 1, 3.1], at: 3 },
  { rule: 'nelson2', points: [-0.1, 0.2, 0.5, 0.1, 0.9, 1.2, 0.3, 0.2, 0.8, 0.4], at: 10 },
  { rule: 'nelson3', points: [0.5, -0.9, -0.5, -0.1, 0.1, 0.2, 0.9], at: 7 },
  { rule: 'nelson4', points: [...zigzag(14)], at: 14 },
  { rule: 'nelson5', points: [0, 2.2, 0.4, 2.1], at: 4 },
  { rule: 'nelson6', points: [0, -1.2, -1.5, 0.2, -1.1, -1.9], at: 6 },
  { rule: 'nelson7', points: [1.5, ...zigzag(15)], at: 16 },
  { rule: 'nelson8', points: [0.5, 1.2, -1.5, -1.1, 1.3, 1.9, -1.4, 2.2, -1.2], at: 9 },
  { rule: 'we1', points: [0, -3.1], at: 2 },
  { rule: 'we2', points: [0, -2.4, -2.1], at: 3 },
  { rule: 'we3', points: [1.1, 1.2, 0.5, 1.3, 1.4], at: 5 },
  { rule: 'we4', points: [-0.1, 0.1, 0.2, 0.1, 0.3, 0.1, 0.4, 0.1, 0.2], at: 9 },
]

for (const { rule, points, at } of PATTERNS) {
  test(`${rule} is broken by the last point of its pattern, and not before`, (t) => {
    t.same(brokenAt(rule, points), [at])
    t.end()
  })
}

test('a point that returns ends what was going on', (t) => {
  t.same(brokenAt('nelson2', [1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1]), [], 'on the centre is on no side')
  t.same(brokenAt('nelson3', [0, 0.1, 0.2, 0.3, 0.3, 0.4, 0.5]), [], 'two alike are no rise')
  t.same(brokenAt('nelson4', [...zigzag(12), 0.1, 0.2, 0.3]), [], 'no turn')
  t.same(brokenAt('nelson5', [2.1, -2.1, 0]), [], 'on both sides')
  t.same(brokenAt('nelson5', [2.1, 2.1, 0]), [2], 'not told once more by a point that is in')
  t.same(brokenAt('nelson5', [2.1, 0, 0, 2.1]), [], 'three points back is past')
  t.same(brokenAt('nelson7', [...zigzag(14), 1.01, ...zigzag(14)]), [])
  t.same(brokenAt('nelson8', [1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 1, 1.1]), [], '1 σ is within')
  t.end()
})

/** Probability that a point of an in-control process completes the pattern: independent standard normals. */
const THEORY: Readonly<Record<(typeof NELSON)[number] | 'we4', number>> = {
  nelson1: 0.0026998,
  nelson2: 2 * 0.5 ** 9,
  nelson3: 2 / 720,
  // Alternating permutations of 14: twice the zigzag number 199360981, of 14!.
  nelson4: (2 * 199_360_981) / 87_178_291_200,
  nelson5: 2 * 0.0227501 * (1 - (1 - 0.0227501) ** 2),
  nelson6: 2 * 0.1586553 * (4 * 0.1586553 ** 3 * 0.8413447 + 0.1586553 ** 4),
  nelson7: 0.6826895 ** 15,
  nelson8: 0.3173105 ** 8,
  we4: 2 * 0.5 ** 8,
}

test('false alarms of each rule come as often as theory says', (t) => {
  const count = 1_000_000
  const random = new Random(20261121)
  const state = noRuns()
  const rules = [...NELSON, 'we4'] as const
  const alarms = new Map<Rule, number>()
  for (let point = 0; point < count; point += 1) {
    addPoint(state, random.normal())
    for (const rule of rules) if (broken(rule, state)) alarms.set(rule, (alarms.get(rule) ?? 0) + 1)
  }
  for (const rule of rules) {
    const expected = count * THEORY[rule]
    const found = alarms.get(rule) ?? 0
    // Patterns that go on come in clumps: turning points go on with probability 0.64, inner ones with 0.68, which
    // makes the variance five times that of independent ones; the others at most three times.
    const clumps = rule === 'nelson4' || rule === 'nelson7' ? 5.5 : 3
    const tolerance = 4 * Math.sqrt(clumps * expected)
    t.ok(
      Math.abs(found - expected) < tolerance,
      `${rule}: ${found}, expected ${Math.round(expected)} ± ${Math.round(tolerance)}`,
    )
  }
  t.end()
})

test('the two books agree where their rules do', (t) => {
  const random = new Random(5)
  const state = noRuns()
  const pairs = [
    ['we1', 'nelson1'],
    ['we2', 'nelson5'],
    ['we3', 'nelson6'],
  ] as const
  let found = 0
  for (let point = 0; point < 20_000; point += 1) {
    addPoint(state, random.normal())
    for (const [one, other] of pairs) {
      if (broken(one, state)) found += 1
      if (broken(one, state) !== broken(other, state)) t.fail(`${one} and ${other} at ${point}`)
    }
  }
  t.ok(found > 100, `${found} patterns compared`)
  t.equal(WESTERN_ELECTRIC.length, 4)
  t.end()
})
