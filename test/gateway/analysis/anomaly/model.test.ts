import { test } from 'tap'
import { Random } from '../../../../drivers/simulated/random.ts'
import { FEATURES, featuresOf, hasFeatures } from '../../../../gateway/analysis/anomaly/features.ts'
import { type AnomalyModel, learn } from '../../../../gateway/analysis/anomaly/model.ts'
import { scoreAnomaly } from '../../../../gateway/analysis/anomaly/score.ts'
import { auroc } from './parts.ts'

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.between(0, 1))) * Math.cos(2 * Math.PI * random.between(0, 1))
}

/** Features of a part of which only these were measured. */
function row(values: Readonly<Record<string, number>>): Float64Array {
  return Float64Array.from(FEATURES, ({ name, logarithmic }) => {
    const value = values[name] ?? Number.NaN
    return logarithmic ? Math.log(value) : value
  })
}

/** A part whose height follows from its volume, within one per cent. */
function part(random: Random, { size = 1, height = 1, oxidation = 0.1 } = {}): Float64Array {
  const scale = size * Math.exp(0.04 * normal(random))
  return row({
    volume: 580_000 * scale ** 3,
    base_area: 11_300 * scale ** 2 * Math.exp(0.005 * normal(random)),
    max_height: 76 * scale * height * Math.exp(0.01 * normal(random)),
    relief: 3 + 0.5 * normal(random),
    oxidation: oxidation + 0.02 * normal(random),
  })
}

function parts(seed: number, count: number, how: Parameters<typeof part>[1] = {}): Float64Array[] {
  const random = new Random(seed)
  return Array.from({ length: count }, () => part(random, how))
}

function learned(rows: readonly Float64Array[]): AnomalyModel {
  const model = learn(rows)
  if (!('tail' in model)) throw new Error(JSON.stringify(model))
  return model
}

function scores(model: AnomalyModel, rows: readonly Float64Array[]): number[] {
  return rows.map((features) => scoreAnomaly(model, features)?.score ?? 1)
}

test('it says nothing before it has seen five parts for each feature', (t) => {
  t.strictSame(learn(parts(1, 24)), { parts: 24, needed: 25 })
  t.match(learn(parts(1, 25)), {
    parts: 25,
    features: ['volume', 'base_area', 'max_height', 'relief', 'oxidation'],
  })
  t.strictSame(learn([]), { parts: 0, needed: 5 })
  t.end()
})

test('an unusual ratio is found though each feature is within its limits, and named', (t) => {
  const model = learned(parts(2, 200))
  const good = parts(3, 500)
  const high = parts(4, 200, { height: 1.06 })
  const heights = (rows: readonly Float64Array[]): number[] => rows.map((features) => features[2] ?? 0)
  const limit = Math.max(...heights(good))
  t.ok(
    heights(high).filter((height) => height < limit).length > 100,
    'no limit on the height finds most of them',
  )
  const area = auroc(scores(model, good), scores(model, high))
  const alarms = scores(model, good).filter((score) => score < 0.01).length / good.length
  t.comment(`AUROC ${area.toFixed(4)}, false alarms at 1 %: ${(100 * alarms).toFixed(1)} %`)
  t.ok(area > 0.98, `${area}`)
  t.ok(alarms < 0.03, `${alarms}`)
  const [first] = scoreAnomaly(model, part(new Random(6), { height: 1.1 }))?.features ?? []
  t.match(first, { name: 'max_height' })
  t.ok(first !== undefined && Math.abs(first.value / first.expected - 1.1) < 0.04, JSON.stringify(first))
  t.end()
})

test('what was not measured is left out, not assumed', (t) => {
  const model = learned(parts(2, 200))
  const strange = part(new Random(8), { oxidation: 0.4 })
  t.ok((scoreAnomaly(model, strange)?.score ?? 1) < 1e-6)
  const blind = strange.map((value, index) => (FEATURES[index]?.name === 'oxidation' ? Number.NaN : value))
  t.ok((scoreAnomaly(model, blind)?.score ?? 0) > 0.01, 'without the one feature that is strange')
  t.equal(scoreAnomaly(model, row({})), undefined)
  t.equal(hasFeatures(row({})), false)
  t.ok(featuresOf({ verdict: { kind: 'ungraded', action: 'reject', reasons: ['busy'] } }).every(Number.isNaN))
  t.end()
})

test('what stands still, or is seldom measured, is not learned', (t) => {
  const random = new Random(9)
  const rows = parts(2, 120).map((features, index) => {
    const copy = Float64Array.from(features)
    FEATURES.forEach(({ name }, place) => {
      if (name === 'freshness') copy[place] = index % 3 === 0 ? 0.99 : 1
      if (name === 'lab_l' && index % 5 === 0) copy[place] = 80 + normal(random)
    })
    return copy
  })
  const { leftOut } = learned(rows)
  t.ok(leftOut.includes('freshness') && leftOut.includes('lab_l') && !leftOut.includes('volume'))
  t.end()
})

test('one bad part in ten among those it learns from changes little', (t) => {
  const good = parts(3, 400)
  const bad = parts(4, 200, { height: 1.1 })
  const clean = learned(parts(5, 200))
  const spoilt = learned([...parts(5, 180), ...parts(6, 20, { height: 1.1 })])
  const found = (model: AnomalyModel): number =>
    scores(model, bad).filter((score) => score < 0.01).length / 200
  t.comment(`found: ${found(clean)} learned from good parts, ${found(spoilt)} with one in ten bad`)
  t.ok(found(spoilt) > found(clean) - 0.15 && found(spoilt) > 0.8, `${found(clean)} ${found(spoilt)}`)
  const alarms = scores(spoilt, good).filter((score) => score < 0.01).length / 400
  t.ok(alarms < 0.03, `${alarms}`)
  t.strictSame(learned(parts(5, 200)), clean, 'the same parts make the same model, bit for bit')
  t.end()
})
