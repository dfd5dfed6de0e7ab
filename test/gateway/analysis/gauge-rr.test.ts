import { test } from 'tap'
import { Random } from '../../../drivers/simulated/random.ts'
import {
  chiSquareQuantile,
  fQuantile,
  fTail,
  logGamma,
  regularisedBeta,
  regularisedGamma,
} from '../../../gateway/analysis/gauge-distributions.ts'
import { type GaugeReading, gaugeStudy } from '../../../gateway/analysis/gauge-rr.ts'

/** The worked example of AIAG, Measurement Systems Analysis, 4th edition (2010), figure III-B 15: trials of ten parts. */
const AIAG: Readonly<Record<string, readonly (readonly number[])[]>> = {
  A: [
    [0.29, -0.56, 1.34, 0.47, -0.8, 0.02, 0.59, -0.31, 2.26, -1.36],
    [0.41, -0.68, 1.17, 0.5, -0.92, -0.11, 0.75, -0.2, 1.99, -1.25],
    [0.64, -0.58, 1.27, 0.64, -0.84, -0.21, 0.66, -0.17, 2.01, -1.31],
  ],
  B: [
    [0.08, -0.47, 1.19, 0.01, -0.56, -0.2, 0.47, -0.63, 1.8, -1.68],
    [0.25, -1.22, 0.94, 1.03, -1.2, 0.22, 0.55, 0.08, 2.12, -1.62],
    [0.07, -0.68, 1.34, 0.2, -1.28, 0.06, 0.83, -0.34, 2.19, -1.5],
  ],
  C: [
    [0.04, -1.38, 0.88, 0.14, -1.46, -0.29, 0.02, -0.46, 1.77, -1.49],
    [-0.11, -1.13, 1.09, 0.2, -1.07, -0.67, 0.01, -0.56, 1.45, -1.77],
    [-0.15, -0.96, 0.67, 0.11, -1.45, -0.49, 0.21, -0.49, 1.87, -2.16],
  ],
}

function readings(table: typeof AIAG): GaugeReading[] {
  return Object.entries(table).flatMap(([operator, trials]) =>
    trials.flatMap((row) => row.map((value, part) => ({ part: `${part + 1}`, operator, value }))),
  )
}

const near = (value: number | undefined, expected: number, within: number): boolean =>
  Math.abs((value ?? Number.NaN) - expected) <= within

test('the example of the AIAG manual comes out as the manual prints it (tables III-B 7 and III-B 8)', (t) => {
  const study = gaugeStudy(readings(AIAG))
  const { repeatability, operator, interaction, grr, part, total } = study.components
  t.ok(near(repeatability.std, 0.199933, 5e-7), 'EV')
  t.ok(near(operator.std, 0.226838, 5e-7), 'AV')
  t.equal(interaction.std, 0, 'pooled, p is above 0.25')
  t.ok(near(grr.std, 0.302373, 2e-6), 'GRR, from variances that the manual rounds first')
  t.ok(near(part.std, 1.042327, 5e-7), 'PV')
  t.ok(near(total.std, 1.0853, 5e-6), 'TV')
  t.ok(near(grr.studyPercent, 27.86, 0.005), '%GRR')
  t.equal(study.distinctCategories, 4)
  t.equal(study.verdict, 'conditional')
  const squares = Object.fromEntries(study.anova.map((row) => [row.source, row]))
  t.ok(near(squares.part?.squares, 88.3619, 5e-5))
  t.ok(near(squares.operator?.squares, 3.1673, 5e-5))
  t.ok(near(squares.interaction?.squares, 0.359, 5e-5))
  t.ok(near(squares.repeatability?.squares, 2.7589, 5e-5))
  t.ok(near(squares.total?.squares, 94.6471, 5e-5))
  t.ok(near(1000 * (squares.interaction?.f ?? 0), 434, 0.5))
  t.strictSame(
    study.anova.map(({ freedom }) => freedom),
    [9, 2, 18, 60, 89],
  )
  const [pooledPart, pooledOperator, pooledError] = study.pooled ?? []
  t.ok(near(pooledPart?.f, 245.614, 5e-4))
  t.ok(near(pooledOperator?.f, 39.617, 5e-4))
  t.equal(pooledError?.freedom, 78)
  t.end()
})

test('shares of variance add up, and the tolerance is what six deviations are compared with', (t) => {
  const { components } = gaugeStudy(readings(AIAG), { tolerance: 8 })
  const { grr, part, total } = components
  t.ok(near(grr.contributionPercent + part.contributionPercent, 100, 1e-9))
  t.ok(near(grr.tolerancePercent, (100 * 6 * grr.std) / 8, 1e-12))
  t.equal(total.studyPercent, 100)
  t.end()
})

test('operators that disagree from part to part are an interaction, and it is kept', (t) => {
  const crossed = ['A', 'B'].flatMap((operator, o) =>
    ['1', '2', '3', '4'].flatMap((part, p) =>
      [0, 0.1].map((noise) => ({ part, operator, value: 10 * p + 5 * ((p + o) % 2) + noise })),
    ),
  )
  const study = gaugeStudy(crossed)
  t.equal(study.pooled, undefined)
  const { interaction, repeatability, operator, grr } = study.components
  // Two alternating means 5 apart: mean square 2·8·2.5²/3; its expectation is 2σ² over the repeatability's.
  t.ok(near(repeatability.variance, 0.005, 1e-12))
  t.ok(near(interaction.variance, ((2 * 8 * 2.5 ** 2) / 3 - 0.005) / 2, 1e-9))
  t.equal(operator.variance, 0, 'below 0 counts as 0')
  t.ok(near(grr.variance, interaction.variance + repeatability.variance, 1e-12))
  t.equal(study.verdict, 'unacceptable')
  t.end()
})

test('a gauge that always says the same of a part has no categories to count', (t) => {
  const perfect = ['A', 'B'].flatMap((operator) =>
    [1, 1, 2, 2].map((value) => ({ part: `${value}`, operator, value })),
  )
  const study = gaugeStudy(perfect)
  t.equal(study.components.grr.std, 0)
  t.equal(study.distinctCategories, undefined)
  t.equal(study.verdict, 'acceptable')
  t.equal(study.anova[0]?.f, undefined, 'nothing to compare with')
  t.end()
})

test('what is no crossed study is refused by what is wrong', (t) => {
  const all = readings(AIAG)
  t.throws(() => gaugeStudy(all.slice(1)), /^readings of part 1 by operator A: 2: expected 3, as elsewhere$/)
  t.throws(
    () => gaugeStudy(all.filter(({ part, operator }) => part !== '4' || operator !== 'C')),
    /^readings of part 4 by operator C: 0: expected 3, as elsewhere$/,
  )
  t.throws(() => gaugeStudy([]), /^parts: 0: expected at least 2$/)
  t.throws(() => gaugeStudy(all.filter(({ operator }) => operator === 'A')), /^operators: 1: expected/)
  t.throws(() => gaugeStudy(all.filter(({ part }) => part === '1')), /^parts: 1: expected/)
  const once = ['A', 'B'].flatMap((operator) =>
    [1, 2].map((value) => ({ part: `${value}`, operator, value })),
  )
  t.throws(() => gaugeStudy(once), /^readings of each part by each operator: 1: expected at least 2$/)
  t.throws(() => gaugeStudy(all.map((one) => ({ ...one, value: 7 }))), /^all readings are alike/)
  t.throws(
    () => gaugeStudy([{ part: '1', operator: 'A', value: Number.NaN }, ...all]),
    /^part 1, operator A: value NaN: expected a number$/,
  )
  t.throws(() => gaugeStudy(all, { tolerance: 0 }), /^tolerance 0: expected a number above 0$/)
  t.throws(() => gaugeStudy(all, { confidence: 1 }), /^confidence 1: expected a probability/)
  t.end()
})

test('intervals hold the truth as often as they say', (t) => {
  // 600 studies of 10 parts, 3 operators, 2 repeats; five standard errors of 0.95 are 0.045.
  const truth = { part: 3, operator: 1, interaction: 0.5, repeatability: 0.7 }
  const grr = Math.hypot(truth.operator, truth.interaction, truth.repeatability)
  const total = Math.hypot(grr, truth.part)
  const held = { repeatability: 0, part: 0, grr: 0, total: 0 }
  const studies = 600
  const random = new Random(7, 1)
  for (let study = 0; study < studies; study += 1) {
    // Kept whatever its p value: pooled, a true interaction would count as repeatability.
    const { components } = gaugeStudy(drawn(random, truth), { poolAbove: 1 })
    for (const [name, value] of Object.entries({ ...truth, grr, total })) {
      if (name !== 'repeatability' && name !== 'part' && name !== 'grr' && name !== 'total') continue
      const [low, high] = components[name].interval ?? [0, 0]
      if (low <= value && value <= high) held[name] += 1
    }
  }
  for (const [name, times] of Object.entries(held)) {
    t.ok(near(times / studies, 0.95, 0.045), `${name}: ${times} of ${studies}`)
  }
  t.end()
})

interface Truth {
  readonly part: number
  readonly operator: number
  readonly interaction: number
  readonly repeatability: number
}

function drawn(random: Random, truth: Truth): GaugeReading[] {
  const parts = Array.from({ length: 10 }, () => truth.part * random.normal())
  const operators = Array.from({ length: 3 }, () => truth.operator * random.normal())
  return operators.flatMap((byOperator, operator) =>
    parts.flatMap((ofPart, part) => {
      const both = truth.interaction * random.normal()
      return [0, 1].map(() => ({
        part: `${part}`,
        operator: `${operator}`,
        value: ofPart + byOperator + both + truth.repeatability * random.normal(),
      }))
    }),
  )
}

test('the interval of the repeatability is the exact one, by the χ² table', (t) => {
  const { components } = gaugeStudy(readings(AIAG))
  const { interval, variance } = components.repeatability
  t.ok(near(interval?.[0], Math.sqrt((78 * variance) / chiSquareQuantile(0.975, 78)), 1e-9))
  t.ok(near(interval?.[1], Math.sqrt((78 * variance) / chiSquareQuantile(0.025, 78)), 1e-9))
  t.end()
})

test('distributions against printed tables', (t) => {
  // NIST/SEMATECH e-Handbook 1.3.6.7.3 (F) and 1.3.6.7.4 (χ²).
  t.ok(near(fQuantile(0.95, 3, 10), 3.708, 5e-4))
  t.ok(near(fQuantile(0.95, 10, 20), 2.348, 5e-4))
  t.ok(near(fQuantile(0.99, 2, 60), 4.977, 5e-4))
  t.ok(near(chiSquareQuantile(0.95, 1), 3.841, 5e-4))
  t.ok(near(chiSquareQuantile(0.975, 60), 83.298, 5e-4))
  t.ok(near(chiSquareQuantile(0.025, 60), 40.482, 5e-4))
  t.ok(near(fTail(3.708, 3, 10), 0.05, 1e-5))
  // Closed forms: Iₓ(1, b) = 1 − (1 − x)ᵇ, Iₓ(a, 1) = xᵃ, symmetry; P(1, x) = 1 − e⁻ˣ; Γ(½) = √π, Γ(11) = 10!.
  t.ok(near(regularisedBeta(0.3, 1, 4), 1 - 0.7 ** 4, 1e-14))
  t.ok(near(regularisedBeta(0.8, 6, 1), 0.8 ** 6, 1e-14))
  t.ok(near(regularisedBeta(0.5, 2.5, 2.5), 0.5, 1e-14))
  t.equal(regularisedBeta(0, 2, 3), 0)
  t.equal(regularisedBeta(1, 2, 3), 1)
  t.ok(near(regularisedGamma(1, 0.2), 1 - Math.exp(-0.2), 1e-14))
  t.ok(near(regularisedGamma(1, 9), 1 - Math.exp(-9), 1e-14))
  t.ok(near(logGamma(0.5), 0.5 * Math.log(Math.PI), 1e-14))
  t.ok(near(logGamma(11), Math.log(3_628_800), 1e-13))
  t.equal(fTail(0, 2, 3), 1)
  t.equal(fTail(Number.POSITIVE_INFINITY, 2, 3), 0)
  t.end()
})
