import { test } from 'tap'
import { DISTURBED, HARD, LIGHT_CHANNELS, QUIET, RANGING } from '../../../drivers/simulated/optics.ts'
import { partOf } from '../../../drivers/simulated/parts.ts'
import { Scene, type SceneOptions } from '../../../drivers/simulated/scene.ts'

const WARM = 1e7
const HOUR = 3_600_000

function scene(options: Partial<SceneOptions> = {}): Scene {
  return new Scene({ seed: 1, noise: 0, headErrors: 0, ...options })
}

function ranges(one: Scene): (number | undefined)[] {
  return one.look(64, WARM).echoes.map(([echo]) => echo?.rangeMm)
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1))
}

test('a station that says nothing else is the quiet one, and saying it changes nothing', (t) => {
  const options = { seed: 4, tray: { lengthMm: 300, widthMm: 180, rimMm: 5 } }
  const [plain, said] = [new Scene(options), new Scene({ ...options, hard: false, disturbances: QUIET })]
  for (const at of [0, 1000, WARM]) {
    t.strictSame(plain.look(64, at), said.look(64, at))
    t.strictSame(plain.light(at, 0), said.light(at, 0))
  }
  t.equal(plain.deadZones.size, 0)
  t.same(new Scene({ ...options, hard: true }).disturbances, HARD)
  const most = new Scene({ ...options, hard: true, disturbances: { deadZones: 0 } }).disturbances
  t.same(most, { ...HARD, deadZones: 0 }, 'a single one of a hard station turned off')
  t.end()
})

test('a zone sees its neighbours: an edge in one is felt in the next', (t) => {
  const [clean, leaky] = [scene(), scene({ disturbances: { zoneCrosstalk: 0.02 } })]
  const part = partOf({ lengthMm: 40, widthMm: 40, heightMm: 40 })
  for (const one of [clean, leaky]) one.show(one.prepare(part))
  const [before, after] = [ranges(clean), ranges(leaky)]
  // Row 3: the body stands in columns 3 and 4, column 2 sees only the bed beside it.
  t.ok(Math.abs((before[26] ?? 0) - 320) < 1e-9)
  t.ok((after[26] ?? 0) < 319.95, `beside it: ${after[26]?.toFixed(2)} mm`)
  t.ok((after[27] ?? 0) > (before[27] ?? 0), 'and its top is drawn down')
  t.ok(Math.abs((after[0] ?? 0) - 320) < 1e-9, 'far away nothing changes')
  t.end()
})

test('dust on the glass draws dim zones nearer than bright ones', (t) => {
  const glass = scene({ disturbances: { coverGlassKcps: 2 } })
  const bias = ranges(glass).map((range) => (range ?? 0) - 320)
  // Drawn towards the glass by its share of the light.
  const signal = scene()
    .look(64, WARM)
    .echoes.map(([echo]) => echo?.signalKcpsPerSpad ?? 0)
  for (const zone of [0, 27]) {
    const expected = (2 * (DISTURBED.glassMm - 320)) / ((signal[zone] ?? 0) + 2)
    t.ok(Math.abs((bias[zone] ?? 0) - expected) < 1e-6, `zone ${zone}: ${bias[zone]?.toFixed(2)} mm`)
  }
  t.ok((bias[0] ?? 0) < 1.5 * (bias[27] ?? 0), 'a corner more than the centre')
  t.end()
})

test('dead zones see nothing, as many as were ordered or just those', (t) => {
  const some = scene({ disturbances: { deadZones: [9, 36] } })
  t.same([...some.deadZones], [9, 36])
  ranges(some).forEach((range, zone) => {
    t.equal(range === undefined, zone === 9 || zone === 36)
  })
  t.equal(
    some.look(16, WARM).echoes.filter((echoes) => echoes.length === 0).length,
    0,
    'three of four still see',
  )
  const drawn = [1, 2, 3].map((seed) => [...scene({ seed, disturbances: { deadZones: 3 } }).deadZones])
  t.ok(drawn.every((zones) => zones.length === 3))
  t.notSame(drawn[0], drawn[1], 'another station, other zones')
  t.end()
})

test('ambient light and shot noise widen the ranges as counting says', (t) => {
  const part = partOf({ reflectancePercent: 20 })
  const spread = (disturbances: SceneOptions['disturbances']): number => {
    const one = new Scene({ seed: 6, headErrors: 0, disturbances: disturbances ?? {} })
    one.show(one.prepare(part))
    return deviation(Array.from({ length: 800 }, () => one.look(64, WARM).echoes[26]?.[0]?.rangeMm ?? 0))
  }
  const one = scene()
  one.show(one.prepare(part))
  const signal = one.look(64, WARM).echoes[26]?.[0]?.signalKcpsPerSpad ?? 0
  const predicted = (ambient: number, factor: number): number => {
    const spads = Math.min(16, Math.floor(RANGING.spadBudgetKcps / signal))
    const counts = signal * spads * RANGING.countingMs
    return Math.hypot(
      RANGING.rangeFloorMm,
      factor * RANGING.pulseRmsMm * Math.sqrt((signal + ambient) / (signal * counts)),
    )
  }
  for (const [disturbances, expected] of [
    [{}, predicted(5, 1)],
    [{ ambientKcps: 600 }, predicted(600, 1)],
    [{ shotNoise: 1.6 }, predicted(5, 1.6)],
  ] as const) {
    const ratio = spread(disturbances) / expected
    // The zone's own ambient differs by 30 % from the mean.
    t.ok(ratio > 0.8 && ratio < 1.2, `${JSON.stringify(disturbances)}: ${ratio.toFixed(2)} of the model`)
  }
  t.end()
})

test('the lamp warms up, follows the hall’s air and ages; the room shines in by day', (t) => {
  const quiet = scene()
  const level = (disturbances: SceneOptions['disturbances'], at: number): number =>
    scene({ disturbances: disturbances ?? {} }).light(at, 0).F5 / quiet.light(at, 0).F5
  t.equal(level({ lampWarmUp: 0.03 }, 0), 1)
  t.ok(Math.abs(level({ lampWarmUp: 0.03 }, 5 * HOUR) - 0.97) < 1e-4)
  t.ok(Math.abs(level({ lampAgeingPerHour: 1e-5 }, 1000 * HOUR) - 0.99) < 1e-9)
  const day = Array.from({ length: 25 }, (_, hour) => level({ lampPerKelvin: -0.002 }, hour * HOUR))
  const swing = Math.max(...day) - Math.min(...day)
  t.ok(
    swing > 0.003 && swing < 0.006,
    `1 K about the mean, and the ventilation: ${(100 * swing).toFixed(2)} %`,
  )
  const room = scene({ disturbances: { strayCounts: 0.5 } })
  const stray = Array.from({ length: 24 }, (_, hour) =>
    LIGHT_CHANNELS.map(
      (channel) => room.light(hour * HOUR, 0)[channel] - quiet.light(hour * HOUR, 0)[channel],
    ),
  )
  const clear = stray.map((channels) => channels.at(-1) ?? 0)
  t.ok(Math.min(...clear) < 0.3 && Math.max(...clear) > 0.7 && Math.min(...clear) >= 0.25 - 1e-9)
  const { warmWhite } = DISTURBED
  for (const [index, channel] of LIGHT_CHANNELS.entries()) {
    const share = (stray[0]?.[index] ?? 0) / (clear[0] ?? 1)
    t.ok(Math.abs(share - warmWhite[channel] / warmWhite.Clear) < 1e-9, channel)
  }
  t.end()
})

test('a disturbance that cannot be is named', (t) => {
  for (const [disturbances, message] of [
    [{ zoneCrosstalk: 0.5 }, /disturbances.zoneCrosstalk: 0.5: expected 0…0.2/],
    [{ coverGlassKcps: -1 }, /disturbances.coverGlassKcps: -1: expected at least 0/],
    [{ lampPerKelvin: Number.NaN }, /disturbances.lampPerKelvin: NaN: expected a finite number/],
    [{ lampWarmUp: 1 }, /disturbances.lampWarmUp: 1: expected 0 up to 1/],
    [{ deadZones: 1.5 }, /disturbances.deadZones: 1.5: expected 0…64 zones/],
    [{ deadZones: [64] }, /disturbances.deadZones: \[64\]: expected zones 0…63/],
  ] as const) {
    t.throws(() => scene({ disturbances }), message)
  }
  t.end()
})
