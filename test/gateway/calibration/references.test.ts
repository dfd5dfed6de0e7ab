import { test } from 'tap'
import { CHANNELS, type Spectrum } from '../../../drivers/as7341/counts.ts'
import { lightOf } from '../../../drivers/as7341/light.ts'
import { reflectance } from '../../../drivers/as7341/reflectance.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { zoneTangents } from '../../../drivers/vl53l8ch/optics.ts'
import type { RangeFrame } from '../../../drivers/vl53l8ch/ranges.ts'
import type { Bench, BenchHead } from '../../../gateway/calibration/bench.ts'
import { offsetsOf } from '../../../gateway/calibration/offset.ts'
import type { WhiteRow } from '../../../gateway/calibration/rows.ts'
import { darkOf, spectralReferenceOf, whiteReferenceOf } from '../../../gateway/calibration/spectral.ts'
import { evenTile, parseTile } from '../../../gateway/calibration/tile.ts'
import { takeDark } from '../../../gateway/calibration/workflows.ts'

function spectrum(count: number, change: Partial<Spectrum> = {}): Spectrum {
  return {
    kind: 'as7341',
    takenAt: 0,
    counts: Object.fromEntries(CHANNELS.map((channel) => [channel, count])),
    gain: 4,
    integrationMs: 50,
    fullScale: 18_000,
    saturated: [],
    ...change,
  }
}

const basics = (count: number): Record<string, number> =>
  Object.fromEntries(CHANNELS.map((channel) => [channel, count / 200]))

const origin: Pick<WhiteRow, 'id' | 'at' | 'by' | 'heads' | 'subject' | 'stage'> = {
  id: '01890a5d-ac96-774b-bcce-b302099a8057',
  at: '2026-03-01T08:00:00.000Z',
  by: 'anna',
  heads: ['spectral'],
  subject: 'spectral',
  stage: 'raw',
}

test('a part half as bright as the tile has half its reflectance, the dark taken off', (t) => {
  const white: WhiteRow = {
    kind: 'white',
    ...origin,
    ...whiteReferenceOf([spectrum(10_100), spectrum(10_100)], evenTile(0.8, 0.01)),
  }
  const dark = { kind: 'dark', ...origin, ...darkOf([spectrum(100)], basics(10_100)) } as const
  t.ok(Math.abs(dark.share - 0.0104) < 1e-3)
  const { white: lit, dark: unlit, tile } = spectralReferenceOf(white, dark)
  const sample = lightOf([spectrum(5100)])
  if (sample === undefined) throw new Error('no light')
  const found = reflectance(sample, lit, unlit, { tile })
  t.ok(Math.abs((found.F1_415nm?.value ?? 0) - 0.4) < 1e-6)
  t.end()
})

test('a tile that says nothing is refused, with the number', (t) => {
  const tile = evenTile(0.8, 0.01)
  t.throws(
    () => whiteReferenceOf([spectrum(500)], tile),
    /^Clear fills 2\.8 % of the converter: at least 5\.0 %/,
  )
  t.throws(
    () => whiteReferenceOf([spectrum(18_000, { saturated: ['F4_515nm'] })], tile),
    /^F4_515nm: saturated: lower heads/,
  )
  t.throws(
    () => whiteReferenceOf([spectrum(9000), spectrum(10_000)], tile),
    /^F1_415nm: scatters by \d\.\d %/,
  )
  t.throws(() => darkOf([spectrum(100)], {}), /^no light to compare with/)
  t.end()
})

test('a tile’s certificate: YAML, JSON, CSV', (t) => {
  const certified = { F1_415nm: 0.96, Clear: 0.98 }
  t.strictSame(parseTile('name: SRS-99\nreflectance: {F1_415nm: 0.96, Clear: 0.98}\nstd: 0.005', 'a.yaml'), {
    name: 'SRS-99',
    reflectance: certified,
    std: 0.005,
  })
  t.strictSame(parseTile(JSON.stringify({ reflectance: certified }), 'a.json'), {
    reflectance: certified,
    std: 0.01,
  })
  t.strictSame(parseTile('channel,reflectance\nF1_415nm,0.96\nClear, 0.98\n', 'a.csv'), {
    reflectance: certified,
    std: 0.01,
  })
  t.throws(() => parseTile('reflectance: {F1_415nm: 96}', 'a.yaml'), /^a\.yaml: reflectance\.F1_415nm: 96: /)
  t.throws(() => parseTile('reflectance: {}', 'a.yaml'), /expected at least one channel/)
  t.throws(() => parseTile('F1_415nm;0.9', 'a.csv'), /^a\.csv: "F1_415nm;0\.9": expected channel,reflectance/)
  t.throws(() => parseTile('{', 'a.yaml'), /^a\.yaml: neither YAML nor JSON/)
  t.end()
})

test('a head that drives its lamp is looked at with the lamp held off; a covered one as it is', async (t) => {
  const clock = new VirtualClock()
  const signal = new AbortController().signal
  const lit = spectrum(10_000, { lampMa: 20 })
  const own: BenchHead = {
    id: 'spectral',
    kind: 'as7341',
    measure: () => Promise.resolve(lit),
    measureDark: () => Promise.resolve(spectrum(50, { lampMa: 0 })),
  }
  const bench = (head: BenchHead): Bench => ({
    heads: [head],
    clock,
    signal,
    conditions: { temperature_c: 8 },
  })
  const row = await takeDark(bench(own), { by: 'anna', stage: 'raw' })
  t.match(row, { kind: 'dark', subject: 'spectral', spectra: 8, conditions: { temperature_c: 8 } })
  t.equal(row.light.lamp_ma, 0)
  t.ok(Math.abs(row.share - 0.005) < 5e-4)

  const { measureDark: _, ...supervised } = own
  await t.rejects(takeDark(bench(supervised), { by: 'anna', stage: 'raw' }), {
    message: 'head spectral drives its lamp, and cannot hold it off while the station runs',
  })
  const covered: BenchHead = { ...supervised, measure: () => Promise.resolve(spectrum(20)) }
  const byTray = await takeDark(bench(covered), { by: 'anna', stage: 'raw', lit: basics(10_000) })
  t.ok(Math.abs(byTray.share - 0.002) < 3e-4)
  await t.rejects(takeDark(bench(covered), { by: 'anna', stage: 'raw', head: 'other' }), {
    message: 'head other: no such as7341 head',
  })
})

/** A flat target, tilted by `slope` along x, seen through zones of known offsets. */
function frames(distanceMm: number, slope: number, offset: (zone: number) => number): RangeFrame[] {
  const { x } = zoneTangents(64)
  const perTarget = (of: (zone: number) => number): Float64Array =>
    Float64Array.from({ length: 64 }, (_, zone) => of(zone))
  const frame: RangeFrame = {
    kind: 'vl53l8ch',
    takenAt: 0,
    zones: 64,
    targetsPerZone: 1,
    streamCount: 1,
    siliconTemperatureC: 39,
    ambientKcpsPerSpad: perTarget(() => 1),
    spads: perTarget(() => 16),
    targetsDetected: perTarget(() => 1),
    signalKcpsPerSpad: perTarget(() => 100),
    sigmaMm: perTarget(() => 1),
    rangeMm: perTarget((zone) => distanceMm + slope * (x[zone] ?? 0) * distanceMm + offset(zone)),
    reflectancePercent: perTarget(() => 70),
    status: perTarget(() => 5),
    raw: new Uint8Array(0),
  }
  return Array.from({ length: 16 }, () => frame)
}

test('tilt is taken out of the offsets of the zones', (t) => {
  const found = offsetsOf(
    frames(300, 0.02, (zone) => ((zone + (zone >> 3)) % 2 === 0 ? 3 : -1)),
    300,
  )
  t.ok(Math.abs(found.tilt_deg.x - 1.15) < 0.1, `${found.tilt_deg.x}`)
  t.ok(Math.abs((found.offset_mm[0] ?? 0) - 3) < 0.4)
  t.ok(Math.abs((found.offset_mm[1] ?? 0) + 1) < 0.4)
  t.end()
})

test('what is no flat, square target at that distance is refused, with the number', (t) => {
  const none = (): number => 0
  t.throws(
    () => offsetsOf(frames(300, 0.1, none), 300),
    /^the target is tilted by 5\.\d°: at most 3° expected/,
  )
  t.throws(() => offsetsOf(frames(330, 0, none), 300), /^the target is seen at 330\.0 mm, 300 mm were said/)
  t.throws(
    () =>
      offsetsOf(
        frames(300, 0, (zone) => (zone === 20 ? -40 : 0)),
        300,
      ),
    /a zone is \d+\.\d mm off the plane/,
  )
  t.throws(() => offsetsOf(frames(300, 0, none).slice(0, 3), 300), /^3 frames: expected at least 8/)
  t.throws(() => offsetsOf(frames(300, 0, none), 0), /^distance 0 mm: expected a number above 0/)
  const blind = frames(300, 0, none).map((frame) => ({
    ...frame,
    status: frame.status.map((_, zone) => (zone < 10 ? 255 : 5)),
  }))
  t.throws(() => offsetsOf(blind, 300), /^54 of 64 zones see the target: expected 58/)
  t.end()
})
