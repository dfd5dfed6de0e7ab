import { test } from 'tap'
import { CHANNELS, type Channel, type Spectrum } from '../../../drivers/as7341/counts.ts'
import { type ColourFinding, measureColour } from '../../../gateway/analysis/colour.ts'
import type { DetailedColour } from '../../../gateway/analysis/colour-detail.ts'
import type { Conditions } from '../../../gateway/analysis/colour-lamp.ts'
import type { SpectralReference } from '../../../gateway/analysis/reflectance.ts'
import { spectralPlan } from '../../../gateway/analysis/spectrum.ts'
import type { MaterialRecipe } from '../../../gateway/recipe.ts'
import { materialOf, RECIPE, spectrumOf, trayCounts, trayOf } from './station.ts'
import { tileUnder, withTarget } from './white-tile.ts'

const MATERIAL = withTarget(materialOf(RECIPE))
const STATE = { freshness: 0.72, fat: 0.81, oxidation: 0.23 }
const STATES = ['freshness', 'fatQuality', 'oxidation'] as const

interface Station {
  readonly material?: MaterialRecipe
  readonly tray?: (name: string) => number
  readonly reference?: SpectralReference
  readonly conditions?: Conditions
}

function colourOf(spectrum: Spectrum, station: Station = {}): DetailedColour {
  const { material = MATERIAL, tray = () => 1, reference, conditions } = station
  const counts = Object.entries(trayCounts()).map(([name, count]) => [name, count * tray(name)])
  const plan = spectralPlan(
    material,
    trayOf({}, Object.fromEntries(counts)),
    reference === undefined ? undefined : { reference, stage: 'raw' },
  )
  return found(measureColour(spectrum, plan, conditions))
}

function found(finding: ColourFinding): DetailedColour {
  if ('reason' in finding) throw new Error(finding.reason)
  return finding.colour
}

/** Every number that says what colour the part has. */
function numbers({ lab, deltaE00, hueDeg, chroma, reflectance, ...colour }: DetailedColour): number[] {
  return [
    ...STATES.map((state) => colour[state].estimate),
    colour.uniformity,
    ...Object.values(colour.ratios),
    ...(lab === undefined ? [] : [lab.l, lab.a, lab.b]),
    ...[deltaE00, hueDeg, chroma].flatMap((one) => (one === undefined ? [] : [one.estimate])),
    ...Object.values(reflectance ?? {}).map(({ estimate }) => estimate),
    ...(colour.flags ?? []).map(({ value }) => value.estimate),
  ]
}

function same(one: DetailedColour, other: DetailedColour, tolerance = 1e-9): boolean {
  const [some, others] = [numbers(one), numbers(other)]
  return (
    some.length === others.length &&
    some.every(
      (value, i) => Math.abs(value - (others[i] ?? Number.NaN)) <= tolerance * Math.max(1, Math.abs(value)),
    )
  )
}

test('a lamp twice as bright changes nothing', (t) => {
  const bright = spectrumOf(STATE, () => 2)
  t.ok(same(colourOf(spectrumOf(STATE)), colourOf(bright, { tray: () => 2 })), 'against the tray under it')
  const [dim, twice] = [tileUnder(() => 1), tileUnder(() => 2)]
  const withTile = colourOf(spectrumOf(STATE), { reference: dim })
  t.ok(same(withTile, colourOf(bright, { reference: twice })), 'against the tile under it')
  t.equal(withTile.basis, 'white-tile')
  t.end()
})

test('a lamp of another colour changes nothing, with the tile under it', (t) => {
  const tint = (name: string): number => 0.6 + 0.07 * CHANNELS.indexOf(name as Channel)
  const plain = colourOf(spectrumOf(STATE), { reference: tileUnder(() => 1) })
  const tinted = colourOf(spectrumOf(STATE, tint), { reference: tileUnder(tint) })
  t.ok(same(plain, tinted))
  t.end()
})

test('warmth is compensated where both temperatures are known, and uncertainty where not', (t) => {
  const reference = { ...tileUnder(() => 1), lampTemperatureC: 20, perKelvin: 0.002 }
  const cool = colourOf(spectrumOf(STATE), { reference, conditions: { temperatureC: 20 } })
  const warm = spectrumOf(STATE, () => 1.02)
  t.ok(same(cool, colourOf(warm, { reference, conditions: { temperatureC: 30 } })), '10 K above')
  const unknown = colourOf(warm, { reference })
  t.notOk(same(cool, unknown), 'nobody said it was warm')
  t.ok((unknown.labStd?.l ?? 0) > (cool.labStd?.l ?? 9), 'and so it is less sure')
  const off = Math.abs((unknown.lab?.l ?? 0) - (cool.lab?.l ?? 0))
  t.ok(off < 2 * (unknown.labStd?.l ?? 0), `${off} is within what it says`)
  t.end()
})

test('the tray of another station changes nothing where there is a tile', (t) => {
  const reference = tileUnder(() => 1)
  const brown = (name: string): number => 0.4 + 0.05 * CHANNELS.indexOf(name as Channel)
  t.ok(
    same(colourOf(spectrumOf(STATE), { reference }), colourOf(spectrumOf(STATE), { reference, tray: brown })),
  )
  t.end()
})

test('light in the dark is taken off', (t) => {
  const glow = Object.fromEntries(CHANNELS.map((name) => [name, { value: 0.02, std: 0 }]))
  const clean = tileUnder(() => 1)
  const lit = Object.entries(clean.white.channels).map(([name, one]) => [
    name,
    { ...one, value: one.value + 0.02 },
  ])
  const reference: SpectralReference = {
    ...clean,
    white: { ...clean.white, channels: Object.fromEntries(lit) },
    dark: { channels: glow, gains: [4] },
  }
  const spectrum = spectrumOf(STATE)
  // Basic counts are those of gain 64: the correction of gain 4 brings them back to the chip's.
  const raw = (0.02 * 4 * 100) / 1.0491
  const counts = Object.entries(spectrum.counts).map(([name, count]) => [name, (count ?? 0) + raw])
  const seen = colourOf({ ...spectrum, counts: Object.fromEntries(counts) }, { reference })
  const plain = colourOf(spectrum, { reference: clean })
  for (const state of STATES) t.ok(Math.abs(seen[state].estimate - plain[state].estimate) < 1e-9, state)
  t.ok(Math.abs((seen.lab?.b ?? 0) - (plain.lab?.b ?? 9)) < 1e-9)
  t.end()
})

test('twice the noise is twice the uncertainty, and nothing else', (t) => {
  const { noise } = MATERIAL
  const noisy = { ...MATERIAL, noise: { counts: 2 * noise.counts, relative: 2 * noise.relative } }
  const plain = colourOf(spectrumOf(STATE))
  const doubled = colourOf(spectrumOf(STATE), { material: noisy })
  t.ok(same(plain, doubled))
  for (const state of STATES) {
    t.ok(Math.abs(doubled[state].std / plain[state].std - 2) < 1e-6, `${state} ${doubled[state].std}`)
  }
  for (const axis of ['l', 'a', 'b'] as const) {
    t.ok((doubled.labStd?.[axis] ?? 0) > (plain.labStd?.[axis] ?? 9), `${axis}: the tray's share stays`)
  }
  t.end()
})

test('a saturated channel changes nothing but the uncertainty', (t) => {
  const spectrum = spectrumOf(STATE)
  for (const reference of [undefined, tileUnder(() => 1)]) {
    const station = reference === undefined ? {} : { reference }
    const whole = colourOf(spectrum, station)
    for (const channel of CHANNELS.slice(0, 8)) {
      const blind = colourOf({ ...spectrum, saturated: [channel] }, station)
      const known: DetailedColour = { ...whole, ratios: blind.ratios, reflectance: blind.reflectance ?? {} }
      t.ok(same(known, blind, 1e-6), `${channel}: the same colour`)
      t.same(blind.defects, whole.defects)
      for (const state of STATES)
        t.ok(blind[state].std > whole[state].std, `${channel}: ${state} is less sure`)
      t.ok((blind.labStd?.l ?? 0) >= (whole.labStd?.l ?? 9), `${channel}: so is L*`)
      t.notOk(channel in (blind.reflectance ?? {}), 'nobody saw its reflectance')
      t.same(blind.labFilled, [channel])
    }
  }
  t.end()
})

test('what a starved channel counts does not matter while the others agree', (t) => {
  // A lamp so dim that the weakest channels starve, by 30 to 50 counts, and the others do not.
  const dim = spectrumOf(STATE, (name) => (name === 'F1_415nm' ? 0.04 : 1))
  const tray = (name: string): number => (name === 'F1_415nm' ? 0.04 : 1)
  const starved = colourOf(dim, { tray })
  const bright = colourOf(spectrumOf(STATE))
  for (const state of STATES) {
    t.ok(Math.abs(starved[state].estimate - bright[state].estimate) < 1e-6, state)
    t.ok(starved[state].std > bright[state].std)
  }
  t.end()
})

test('a reference of another stage is refused by name, and not used', (t) => {
  const reference: SpectralReference = { ...tileUnder(() => 3), stage: 'cooked' }
  const refused = colourOf(spectrumOf(STATE), { reference })
  t.equal(refused.refusal, 'other-stage')
  t.equal(refused.basis, 'empty-tray')
  t.ok(same(refused, colourOf(spectrumOf(STATE))), 'as if it were not there')
  const lamp: SpectralReference = {
    ...tileUnder(() => 1),
    white: { ...tileUnder(() => 1).white, lampMa: 20 },
  }
  const other = colourOf(spectrumOf(STATE), { reference: lamp })
  t.match([other.refusal, other.basis], ['other-lamp', 'empty-tray'], 'a tile under another lamp current')
  const { gain: _, ...foreign } = spectrumOf(STATE)
  const unknown = colourOf(foreign, { reference: tileUnder(() => 1) })
  t.equal(unknown.refusal, 'unknown-exposure')
  t.notOk('basis' in unknown || 'lab' in unknown, 'nothing to compare with at all')
  t.end()
})
