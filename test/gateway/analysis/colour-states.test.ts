import { test } from 'tap'
import type { Spectrum } from '../../../drivers/as7341/counts.ts'
import { Random } from '../../../drivers/simulated/random.ts'
import { type ColourFinding, measureColour } from '../../../gateway/analysis/colour.ts'
import { identifiabilityOf } from '../../../gateway/analysis/colour-identifiability.ts'
import { type Material, spectralPlan } from '../../../gateway/analysis/spectrum.ts'
import { materialOf, RECIPE, type State, spectrumOf, trayCounts, trayOf } from './station.ts'

const MATERIAL = materialOf(RECIPE)
const PLAN = spectralPlan(MATERIAL, trayOf({}, trayCounts()))
const { channels: CHANNEL_ROWS } = MATERIAL

function materialIn(finding: ColourFinding): Material {
  if ('reason' in finding) throw new Error(finding.reason)
  return finding.material
}

function statesOf(spectrum: Spectrum, plan = PLAN): State {
  const { freshness, fatQuality, oxidation } = materialIn(measureColour(spectrum, plan))
  return { freshness: freshness.estimate, fat: fatQuality.estimate, oxidation: oxidation.estimate }
}

const STEPS = [1, 0.85, 0.7, 0.5, 0.35, 0.2, 0.05, 0]

test('less fresh never reads fresher, whatever fat, oxidation, level of light and warmth', (t) => {
  const random = new Random(71)
  for (let product = 0; product < 80; product += 1) {
    const state = { freshness: random.uniform(), fat: random.uniform(), oxidation: random.uniform() }
    const level = random.between(0.3, 3) * (1 + 0.001 * random.between(-15, 15))
    for (const key of ['freshness', 'fat', 'oxidation'] as const) {
      const read = STEPS.map((step) => statesOf(spectrumOf({ ...state, [key]: step }, () => level)))
      const falls = read.every((one, i) => i === 0 || one[key] <= (read[i - 1]?.[key] ?? 0) + 1e-9)
      t.ok(falls, `${key}: ${read.map((one) => one[key])}`)
      // Non-redundant: the other two do not move with it.
      for (const other of ['freshness', 'fat', 'oxidation'] as const) {
        if (other === key) continue
        t.ok(
          read.every((one) => Math.abs(one[other] - state[other]) < 1e-6),
          `${other} beside ${key}`,
        )
      }
    }
  }
  t.end()
})

function noisy(clean: Spectrum, random: Random): Spectrum {
  const { counts: read, relative } = MATERIAL.noise
  const counts = Object.entries(clean.counts).map(([channel, count = 0]) => [
    channel,
    count + Math.hypot(read, relative * count) * random.normal(),
  ])
  return { ...clean, counts: Object.fromEntries(counts) }
}

test('with noise the expected value falls as well, as long as a step is no smaller than its error', (t) => {
  const random = new Random(72)
  for (const key of ['freshness', 'fat', 'oxidation'] as const) {
    let before = Number.POSITIVE_INFINITY
    for (const step of [0.95, 0.9, 0.85, 0.6, 0.55, 0.5, 0.2, 0.15]) {
      const clean = spectrumOf({ freshness: 0.7, fat: 0.7, oxidation: 0.3, [key]: step })
      let mean = 0
      for (let look = 0; look < 60; look += 1) mean += statesOf(noisy(clean, random))[key] / 60
      t.ok(mean < before, `${key} ${step}: ${mean}`)
      t.ok(Math.abs(mean - step) < 0.01, 'and is not biased')
      before = mean
    }
  }
  t.end()
})

test('how well the states can be told apart is said', (t) => {
  const { identifiability } = materialIn(
    measureColour(spectrumOf({ freshness: 0.7, fat: 0.7, oxidation: 0.3 }), PLAN),
  )
  const { condition, freshnessFat, freshnessOxidation, fatOxidation } = identifiability
  t.ok(condition > 1 && condition < 100, `condition ${condition}`)
  for (const one of [freshnessFat, freshnessOxidation, fatOxidation]) t.ok(Math.abs(one) < 0.95, `${one}`)
  // The errors of many looks correlate as stated.
  const random = new Random(73)
  const clean = spectrumOf({ freshness: 0.7, fat: 0.7, oxidation: 0.3 })
  let [xy, xx, yy] = [0, 0, 0]
  for (let look = 0; look < 1500; look += 1) {
    const { freshness, oxidation } = statesOf(noisy(clean, random))
    xy += (freshness - 0.7) * (oxidation - 0.3)
    xx += (freshness - 0.7) ** 2
    yy += (oxidation - 0.3) ** 2
  }
  t.ok(Math.abs(xy / Math.sqrt(xx * yy) - freshnessOxidation) < 0.08, `${xy / Math.sqrt(xx * yy)}`)
  t.end()
})

test('states that are one colour twice have a condition that says so', (t) => {
  const independent = Float64Array.from([1, 0, 0, 0, 0, 4, 0, 0, 0, 0, 9, 0, 0, 0, 0, 1])
  t.equal(identifiabilityOf(independent).condition, 1)
  const twice = Float64Array.from([1, -0.999, 0, 0, -0.999, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1])
  const { condition, freshnessOxidation } = identifiabilityOf(twice)
  t.ok(Math.abs(freshnessOxidation - 0.999) < 1e-12)
  t.ok(Math.abs(condition / (1.999 / 0.001) - 1) < 1e-6, `${condition}`)
  // Correlations .5, .5, .5: eigenvalues 2, .5, .5.
  const equal = Float64Array.from([1, -0.5, 0.5, 0, -0.5, 1, -0.5, 0, 0.5, -0.5, 1, 0, 0, 0, 0, 1])
  t.ok(Math.abs(identifiabilityOf(equal).condition - 4) < 1e-9)
  t.end()
})

test('a recipe whose ageing and oxidation are one colour gives no grade', (t) => {
  const channels = Object.fromEntries(
    Object.entries(CHANNEL_ROWS).map(([name, row]) => [name, { ...row, oxidation: row.ageing }]),
  )
  const plan = spectralPlan({ ...MATERIAL, channels }, trayOf({}, trayCounts()))
  t.match(measureColour(spectrumOf({ freshness: 1, fat: 1, oxidation: 0 }), plan), {
    reason: 'sensor-absent',
  })
  t.end()
})
