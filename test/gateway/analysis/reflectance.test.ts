import { test } from 'tap'
import { CHANNELS, type Spectrum } from '../../../drivers/as7341/counts.ts'
import { COUNT_NOISE, lightOf } from '../../../drivers/as7341/light.ts'
import { reflectance } from '../../../drivers/as7341/reflectance.ts'
import type { Conditions } from '../../../gateway/analysis/colour-lamp.ts'
import {
  type Reflectances,
  refusalOf,
  type SpectralReference,
  tileReflectances,
  trayReflectances,
  whiteScale,
  wholeStd,
} from '../../../gateway/analysis/reflectance.ts'
import { parseSpectralReference } from '../../../gateway/spectral-reference.ts'
import { materialOf, RECIPE, spectrumOf, trayCounts } from './station.ts'
import { tileUnder } from './white-tile.ts'

const NOISE = { counts: 3, relative: 0.0015 }
const LIVER = spectrumOf({ freshness: 1, fat: 1, oxidation: 0 })
const TILE = tileUnder(() => 1)

function against(spectrum: Spectrum, reference: SpectralReference, conditions?: Conditions): Reflectances {
  const found = tileReflectances(spectrum, whiteScale(reference), NOISE, conditions)
  if (typeof found === 'string') throw new Error(found)
  return found
}

const darkened: SpectralReference = {
  ...TILE,
  dark: {
    channels: Object.fromEntries(CHANNELS.map((name) => [name, { value: 0.05, std: 0.01 }])),
    gains: [4],
  },
}

test('the reference product has the reflectance that it was drawn with', (t) => {
  const { value } = against(LIVER, TILE)
  const drawn = [0.36, 0.41, 0.47, 0.52, 0.56, 0.62, 0.68, 0.71, Number.NaN, 0.6]
  drawn.forEach((expected, index) => {
    if (!Number.isNaN(expected)) t.ok(Math.abs((value[index] ?? 0) - expected) < 1e-9, `${CHANNELS[index]}`)
  })
  t.ok(Number.isNaN(value[8]), 'Clear was not counted')
  t.end()
})

test('numbers and uncertainties are those of the driver, which names its sources', (t) => {
  const spectrum: Spectrum = { ...LIVER, drift: 0.002 }
  for (const reference of [TILE, darkened]) {
    const sample = lightOf([spectrum], { ...COUNT_NOISE, readout: NOISE.counts })
    if (sample === undefined) throw new Error('no light')
    const theirs = reflectance(sample, reference.white, reference.dark, { tile: reference.tile })
    const ours = against(spectrum, reference)
    CHANNELS.forEach((channel, index) => {
      const expected = theirs[channel]
      if (expected === undefined) return
      t.ok(Math.abs((ours.value[index] ?? 0) - expected.value) < 1e-12, channel)
      // Ours has the recipe's relative noise on top.
      const std = Math.hypot(expected.std, expected.value * NOISE.relative)
      t.ok(Math.abs((ours.std[index] ?? 0) / std - 1) < 1e-9, `${channel}: ${ours.std[index]}, ${std}`)
    })
  }
  t.end()
})

test('an old reference, one of unknown warmth and one of another gain are less sure', (t) => {
  const known = { ...TILE, lampTemperatureC: 20 }
  const fresh = against(LIVER, known, { temperatureC: 20, referenceAgeH: 0 }).common
  const aged = against(LIVER, known, { temperatureC: 20, referenceAgeH: 2500 }).common
  t.ok(Math.abs(Math.sqrt(aged ** 2 - fresh ** 2) - 0.03) < 1e-9, '30 % in 25,000 hours')
  const warm = against(LIVER, known, { temperatureC: 30, referenceAgeH: 0 })
  t.ok(Math.abs(Math.sqrt(warm.common ** 2 - fresh ** 2) - 0.005) < 1e-9, 'half of what was compensated')
  t.ok(
    against(LIVER, TILE, { temperatureC: 20, referenceAgeH: 0 }).common > fresh,
    'no temperature of the lamp',
  )
  const other = { ...known, white: { ...TILE.white, gains: [8] } }
  t.ok(against(LIVER, other, { temperatureC: 20, referenceAgeH: 0 }).common > 0.036)
  t.end()
})

test('against the empty tray the colour is the same, and less sure', (t) => {
  const material = materialOf(RECIPE)
  const tray = trayReflectances(LIVER, trayCounts(), material)
  const tile = against(LIVER, TILE)
  if (tray === undefined) throw new Error('no reflectances')
  t.equal(tray.basis, 'empty-tray')
  for (let index = 0; index < 8; index += 1) {
    t.ok(Math.abs((tray.value[index] ?? 0) - (tile.value[index] ?? 9)) < 1e-9)
    t.ok(wholeStd(tray, index) > 2 * wholeStd(tile, index))
  }
  t.equal(trayReflectances(LIVER, {}, material), undefined, 'no tray')
  t.ok(Number.isNaN(trayReflectances({ ...LIVER, saturated: ['NIR'] }, trayCounts(), material)?.value[9]))
  t.end()
})

test('a reference of another stage, or without light, is refused by name', (t) => {
  t.equal(refusalOf(TILE, 'raw'), undefined)
  t.equal(refusalOf(TILE, 'mi-cuit'), 'other-stage')
  t.equal(refusalOf(TILE, 'cooked'), 'other-stage')
  const dark = Object.fromEntries(CHANNELS.map((name) => [name, { value: 0.02, std: 0.02 }]))
  t.equal(refusalOf({ ...TILE, white: { channels: dark, gains: [4] } }, 'raw'), 'dim-white')
  t.equal(
    tileReflectances({ ...LIVER, gain: 3 }, whiteScale(TILE), NOISE),
    'unknown-exposure',
    'no such gain',
  )
  t.end()
})

test('a reference is read from its JSON, and a bad one is refused by field', (t) => {
  const { tileStd, ...rest } = TILE
  const json = { ...rest, tile_std: tileStd }
  t.same(parseSpectralReference(JSON.parse(JSON.stringify(json))), TILE, 'without what is optional')
  const { dark } = darkened
  const more = { dark: { ...dark, lamp_ma: 12 }, lamp_temperature_c: 21.5, per_kelvin: -0.002 }
  t.same(parseSpectralReference({ ...json, ...more }), {
    ...{ ...darkened, lampTemperatureC: 21.5, perKelvin: -0.002 },
    dark: { ...dark, lampMa: 12 },
  })
  for (const [bad, field] of [
    [{ ...json, stage: 'smoked' }, 'stage'],
    [{ ...json, tile: {} }, 'tile'],
    [{ ...json, tile_std: -1 }, 'tile_std'],
    [{ ...json, white: { ...json.white, gains: [] } }, 'gains'],
    [{ ...json, lampTemperatureC: 20 }, 'lampTemperatureC'],
  ] as const) {
    t.throws(() => parseSpectralReference(bad), new RegExp(field), field)
  }
  t.end()
})
