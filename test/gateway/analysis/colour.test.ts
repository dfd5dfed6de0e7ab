import { test } from 'tap'
import { CHANNELS, type Spectrum } from '../../../drivers/as7341/counts.ts'
import { Random } from '../../../drivers/simulated/random.ts'
import { type ColourFinding, measureColour } from '../../../gateway/analysis/colour.ts'
import { labOf } from '../../../gateway/analysis/lab.ts'
import { type SpectralPlan, spectralPlan } from '../../../gateway/analysis/spectrum.ts'
import type { Colour } from '../../../gateway/inspection.ts'
import { materialOf, RECIPE, spectrumOf, trayCounts, trayOf } from './station.ts'

const MATERIAL = materialOf(RECIPE)

function planUnder(lamp: (index: number) => number = () => 1): SpectralPlan {
  const counts = Object.entries(trayCounts()).map(([name, count], index) => [name, count * lamp(index)])
  return spectralPlan(MATERIAL, trayOf({}, Object.fromEntries(counts)))
}

function colourOf(spectrum: Spectrum, plan = planUnder()): Colour {
  const found = measureColour(spectrum, plan)
  if ('reason' in found) throw new Error(found.reason)
  return found.colour
}

function reasonOf(found: ColourFinding): string | undefined {
  return 'reason' in found ? found.reason : undefined
}

test('the channel model is inverted: freshness, fat and oxidation each by itself', (t) => {
  for (const freshness of [1, 0.8, 0.55, 0.2]) {
    for (const fat of [1, 0.7, 0.3]) {
      for (const oxidation of [0, 0.25, 0.8]) {
        const colour = colourOf(spectrumOf({ freshness, fat, oxidation }))
        t.ok(Math.abs(colour.freshness.estimate - freshness) < 1e-4, `freshness ${freshness}`)
        t.ok(Math.abs(colour.fatQuality.estimate - fat) < 1e-4, `fat ${fat}`)
        t.ok(Math.abs(colour.oxidation.estimate - oxidation) < 1e-4, `oxidation ${oxidation}`)
        t.ok(colour.uniformity > 0.999, 'nothing is left over')
      }
    }
  }
  t.end()
})

test('the level of the lamp, and its colour where the tray was measured under it, change nothing', (t) => {
  const state = { freshness: 0.7, fat: 0.6, oxidation: 0.3 }
  const plain = colourOf(spectrumOf(state))
  const dim = colourOf(spectrumOf(state, () => 0.5))
  const tint = (index: number): number => 0.7 + 0.08 * index
  const tinted = colourOf(
    spectrumOf(state, (_, index) => tint(index)),
    planUnder(tint),
  )
  for (const other of [dim, tinted]) {
    for (const index of ['freshness', 'fatQuality', 'oxidation'] as const) {
      t.ok(Math.abs(other[index].estimate - plain[index].estimate) < 1e-6, index)
    }
    for (const [name, ratio] of Object.entries(plain.ratios)) {
      t.ok(Math.abs((other.ratios[name] ?? 0) / ratio - 1) < 1e-9, name)
    }
  }
  t.ok(Math.abs((tinted.lab?.l ?? 0) - (plain.lab?.l ?? 0)) < 1e-6, 'nor its L*a*b*')
  t.end()
})

test('the stated uncertainty is the scatter', (t) => {
  const random = new Random(11)
  const plan = planUnder()
  const scores: number[] = []
  for (let look = 0; look < 400; look += 1) {
    const clean = spectrumOf({ freshness: 0.7, fat: 0.7, oxidation: 0.3 })
    const counts: Spectrum['counts'] = Object.fromEntries(
      Object.entries(clean.counts).map(([channel, count]) => {
        const std = Math.hypot(MATERIAL.noise.counts, MATERIAL.noise.relative * count)
        return [channel, count + std * random.normal()]
      }),
    )
    const { freshness } = colourOf({ ...clean, counts }, plan)
    scores.push((freshness.estimate - 0.7) / freshness.std)
  }
  const spread = Math.sqrt(scores.reduce((sum, score) => sum + score * score, 0) / scores.length)
  t.ok(spread > 0.85 && spread < 1.15, `${spread}`)
  t.end()
})

test('what cannot be judged has a reason', (t) => {
  const good = spectrumOf({ freshness: 1, fat: 1, oxidation: 0 })
  const plan = planUnder()
  const half = ['F1_415nm', 'F2_445nm', 'F3_480nm', 'F4_515nm', 'Clear', 'NIR'] as const
  t.equal(reasonOf(measureColour({ ...good, saturated: half }, plan)), 'saturated', 'the front end of a half')
  t.equal(reasonOf(measureColour({ ...good, saturated: ['Clear'] }, plan)), undefined, 'Clear is not judged')
  const dim = Object.fromEntries(Object.entries(good.counts).map(([name, count]) => [name, count / 60]))
  t.equal(reasonOf(measureColour({ ...good, counts: dim }, plan)), 'starved', 'a lamp at a sixtieth')
  t.equal(
    reasonOf(measureColour({ ...good, counts: { F1_415nm: 900, F4_515nm: 2000 } }, plan)),
    'sensor-absent',
    'two channels',
  )
  t.equal(reasonOf(measureColour({ ...good, counts: {} }, plan)), 'sensor-absent', 'none')
  const tray = trayOf({}, { F1_415nm: 4, F2_445nm: 6 })
  t.equal(
    reasonOf(measureColour(good, spectralPlan(MATERIAL, tray))),
    'not-calibrated',
    'a tray of two channels',
  )
  t.end()
})

test('a blind channel that the others contradict hides a colour: no grade', (t) => {
  const good = spectrumOf({ freshness: 0.9, fat: 0.9, oxidation: 0.1 })
  const plan = planUnder()
  const black = { ...good, counts: { ...good.counts, F2_445nm: 20 } }
  t.equal(reasonOf(measureColour(black, plan)), 'starved', 'others say 2160 counts, it says 20')
  const glowing: Spectrum = { ...good, counts: { ...good.counts, F6_590nm: 18_000 }, saturated: ['F6_590nm'] }
  t.equal(
    reasonOf(measureColour(glowing, plan)),
    'saturated',
    'others say 2300 counts, it says 18000 and more',
  )
  const noRed: Spectrum = { ...good, saturated: ['F7_630nm', 'F8_680nm'] }
  t.equal(reasonOf(measureColour(noRed, plan)), 'saturated', 'blood and bile could not be seen')
  t.end()
})

test('a recording without NIR, gain and time is judged by what it has', (t) => {
  const { counts, ...rest } = spectrumOf({ freshness: 0.6, fat: 0.8, oxidation: 0.2 })
  const { NIR: _, ...visible } = counts
  const { gain: _gain, integrationMs: _ms, ...foreign } = rest
  const colour = colourOf({ ...foreign, counts: visible })
  t.ok(Math.abs(colour.freshness.estimate - 0.6) < 1e-4)
  t.same(colour.relative, {}, 'no basic counts, so nothing to set beside the tray')
  t.notOk('lab' in colour)
  t.notOk('nir_violet' in colour.ratios)
  t.end()
})

test('colours that no state explains are flagged, and lower the uniformity', (t) => {
  const state = { freshness: 0.95, fat: 0.95, oxidation: 0.05 }
  t.same(colourOf(spectrumOf(state)).defects, [])
  const blood = colourOf(
    spectrumOf(state, (channel) => (/F[1-3]/.test(channel) ? 0.55 : /F[45]/.test(channel) ? 0.7 : 1)),
  )
  t.ok(blood.defects.some(({ type }) => type === 'hematoma' || type === 'discolouration'))
  const green = colourOf(spectrumOf(state, (channel) => (/F[45]/.test(channel) ? 1.6 : 1)))
  t.ok(
    green.defects.some(({ type }) => type === 'bile'),
    JSON.stringify(green.defects),
  )
  t.ok(green.uniformity < 0.8)
  const oxidised = colourOf(spectrumOf({ ...state, oxidation: 0.6 }))
  t.match(oxidised.defects, [{ type: 'oxidation', severity: Number }])
  t.end()
})

test('L*a*b*: grey surfaces are neutral, reddish ones have a* above 0', (t) => {
  const surface = (value: (nm: number) => number): Parameters<typeof labOf>[0] =>
    Object.fromEntries(CHANNELS.slice(0, 8).map((name) => [name, value(Number(name.slice(3, 6)))]))
  const white = labOf(surface(() => 1))
  t.ok(Math.abs((white?.l ?? 0) - 100) < 1e-9 && Math.hypot(white?.a ?? 9, white?.b ?? 9) < 1e-9)
  const grey = labOf(surface(() => 0.184186))
  t.ok(Math.abs((grey?.l ?? 0) - 50) < 0.01, 'Y = 18.42 % is L* = 50')
  const red = labOf(surface((nm) => (nm > 580 ? 0.8 : 0.2)))
  t.ok((red?.a ?? 0) > 20 && (red?.b ?? 0) > 0)
  const blue = labOf(surface((nm) => (nm < 490 ? 0.8 : 0.2)))
  t.ok((blue?.b ?? 0) < -20)
  t.equal(labOf({ F1_415nm: 0.5 }), undefined)
  t.end()
})
