import { test } from 'tap'
import { BusError, type I2cBus } from '../../../drivers/bus.ts'
import { CLIMATE_LIMITS, type Climate, climateAge, plausible } from '../../../drivers/environment/climate.ts'
import { Sht31, type Sht31Options } from '../../../drivers/environment/sht31.ts'
import * as words from '../../../drivers/environment/sht31-words.ts'
import { SimulatedBus } from '../../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { FaultyDevice } from '../../../drivers/simulated/faults.ts'
import { SimulatedSht31 } from '../../../drivers/simulated/sht31.ts'

const ADDRESS = 0x44

/** A driver on a chip on a bus, all on a virtual clock; the air warms by a kelvin a minute. */
function setUp(options: Sht31Options = {}, startC = 21.5) {
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, 100_000)
  const air = { steady: false, temperatureC: startC, humidityPercent: 45, pressureHpa: 1013 }
  const scene = {
    air: (at: number) => (air.steady ? air : { ...air, temperatureC: air.temperatureC + at / 60_000 }),
  }
  const chip = new SimulatedSht31(clock, scene)
  const wires = new FaultyDevice(chip, clock)
  bus.attach(ADDRESS, wires)
  return { clock, bus, air, chip, wires, open: () => Sht31.open(bus, clock, options) }
}

test('the checksum, with the example of the datasheet', (t) => {
  t.equal(words.checksum(Uint8Array.of(0xbe, 0xef)), 0x92)
  t.strictSame(words.wordsOf(Uint8Array.of(0xbe, 0xef, 0x92), 1), [0xbeef])
  for (let bit = 0; bit < 24; bit += 1) {
    const flipped = Uint8Array.of(0xbe, 0xef, 0x92)
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    t.throws(() => words.wordsOf(flipped, 1), { name: 'SensorError', fault: 'corrupt' }, `bit ${bit}`)
  }
  t.throws(() => words.wordsOf(Uint8Array.of(0xbe, 0xef), 1), { name: 'SensorError', fault: 'corrupt' })
  t.end()
})

test('what the words mean: the ends of the scale, and numbers in between', (t) => {
  t.equal(words.temperatureOf(0), -45)
  t.equal(words.temperatureOf(0xffff), 130)
  t.ok(Math.abs(words.temperatureOf(0x6666) - 25) < 1e-9)
  t.equal(words.humidityOf(0), 0)
  t.equal(words.humidityOf(0xffff), 100)
  t.equal(words.humidityOf(0x8000).toFixed(3), '50.001')
  t.end()
})

test('measure: the air of that moment, and the bytes that give it again', async (t) => {
  const { clock, bus, open } = setUp()
  const sensor = await open()
  t.equal(sensor.serial, 0x0bad_cafe)
  const since = clock.now() + 1000
  const climate = await sensor.measure(since)
  t.match(climate, { kind: 'sht31', humidityPercent: words.humidityOf(Math.round(0.45 * 0xffff)) })
  t.ok(Math.abs(climate.temperatureC - (21.5 + (since + 12.5) / 60_000)) < 0.002)
  t.equal('pressureHpa' in climate, false)
  t.ok(climate.takenAt > since && climate.takenAt - since < 18, `${climate.takenAt - since} ms`)
  t.strictSame(words.decodeSht31(climate.raw, climate.takenAt), climate)
  const { transfers } = bus.traffic
  await sensor.measure(clock.now() + 1000)
  t.equal(bus.traffic.transfers - transfers, 3, 'command, answer, status')
  await sensor.close()
})

test('open: whatever another program left behind is gone', async (t) => {
  const { clock, chip, open } = setUp()
  clock.spend(2)
  chip.write(Uint8Array.of(0x30, 0x6d))
  chip.write(Uint8Array.of(0x21, 0x30))
  t.ok((chip.status & words.STATUS_HEATER) !== 0)
  const sensor = await open()
  t.equal(chip.status, 0)
  await t.resolves(sensor.measure(clock.now()))
})

test('open: the chip is still at work on what the process before us asked', async (t) => {
  const { clock, chip, open } = setUp()
  clock.spend(2)
  chip.write(words.commandBytes(words.MEASURE))
  await t.resolves(open())
})

test('open: nobody there, somebody else there, the wires', async (t) => {
  const absent = setUp()
  absent.bus.detach(ADDRESS)
  await t.rejects(absent.open(), { name: 'SensorError', sensor: 'sht31', fault: 'absent' })

  const other = setUp()
  other.wires.break('garbage')
  await t.rejects(other.open(), { name: 'SensorError', fault: 'wrong-chip', message: /no SHT3x/ })

  const cause = new BusError('bus-stuck', 'made for a test')
  const bus: I2cBus = { transfer: () => Promise.reject(cause) }
  await t.rejects(Sht31.open(bus, new VirtualClock()), { name: 'SensorError', fault: 'failed', cause })
})

test('measure: a flipped bit is corrupt, and the next one is well again', async (t) => {
  const { clock, wires, open } = setUp()
  const sensor = await open()
  wires.break('garbage')
  await t.rejects(sensor.measure(clock.now()), { name: 'SensorError', fault: 'corrupt' })
  wires.heal()
  clock.spend(100)
  await t.resolves(sensor.measure(clock.now()))
})

test('measure: unplugged, stalled, frozen, without power, heated', async (t) => {
  const gone = setUp()
  const unplugged = await gone.open()
  gone.wires.break('silent', 500)
  await t.rejects(unplugged.measure(0), { name: 'SensorError', fault: 'absent' })
  gone.clock.spend(600)
  await t.resolves(unplugged.measure(0), 'plugged back in time it was never reset')

  const slow = setUp()
  const stalled = await slow.open()
  slow.chip.breakConverter('stalled')
  const begun = slow.clock.now()
  await t.rejects(stalled.measure(begun), { name: 'SensorError', fault: 'timeout', message: /within 31 ms/ })
  t.ok(slow.clock.now() - begun < 40)

  const stuck = setUp()
  const frozen = await stuck.open()
  await frozen.measure(0)
  stuck.chip.breakConverter('frozen')
  await t.rejects(frozen.measure(0), { name: 'SensorError', fault: 'frozen' })

  const reset = setUp()
  const unpowered = await reset.open()
  reset.wires.brownOut()
  reset.clock.spend(2)
  await t.rejects(unpowered.measure(0), { name: 'SensorError', fault: 'failed', message: /lost power/ })
  await t.resolves((await reset.open()).measure(0))

  const warm = setUp()
  const heated = await warm.open()
  warm.chip.write(Uint8Array.of(0x30, 0x6d))
  await t.rejects(heated.measure(0), { name: 'SensorError', fault: 'failed', message: /heater/ })
})

test('measure: gone in the middle of a measurement is absent, not slow', async (t) => {
  const { clock, wires, open } = setUp()
  const sensor = await open()
  clock.after(5, () => wires.break('silent'))
  await t.rejects(sensor.measure(clock.now()), { name: 'SensorError', fault: 'absent' })
})

test('measure: air that stands still is not a stuck chip', async (t) => {
  const { air, open } = setUp()
  air.steady = true
  const sensor = await open()
  const first = await sensor.measure(0)
  const second = await sensor.measure(0)
  t.strictSame(second.raw, first.raw)
  t.ok(second.takenAt > first.takenAt)
  await t.resolves(sensor.measure(0))
})

test('measure: one at a time, and an abort ends every wait', async (t) => {
  const { clock, open } = setUp()
  const sensor = await open()
  const first = sensor.measure(0)
  await t.rejects(sensor.measure(0), { message: /already running/ })
  await first
  for (const afterMs of [0, 5]) {
    const abort = new AbortController()
    const begun = clock.now()
    const measured = sensor.measure(begun + 2, abort.signal)
    if (afterMs === 0) abort.abort(new Error('enough'))
    else clock.after(afterMs, () => abort.abort(new Error('enough')))
    await t.rejects(measured, { message: 'enough' })
    t.ok(clock.now() - begun <= afterMs + 1)
  }
  const since = clock.now()
  const { takenAt } = await sensor.measure(since)
  t.ok(takenAt - since < 30, 'asked at once it waits for what was let go: the chip is not absent')
})

test('plausible: what cannot be air is corrupt, and says so', async (t) => {
  const raw = new Uint8Array(0)
  const climate: Climate = { kind: 'bme280', takenAt: 0, temperatureC: 20, humidityPercent: 50, raw }
  t.equal(plausible(climate, CLIMATE_LIMITS), climate)
  const impossible: readonly (readonly [Partial<Climate>, RegExp])[] = [
    [{ temperatureC: 85.1 }, /85.10 °C is not within -40…85/],
    [{ temperatureC: -41 }, /°C/],
    [{ humidityPercent: 100.1 }, /humidity/],
    [{ pressureHpa: 1148.38 }, /1148.38 hPa is not within 300…1100/],
    [{ temperatureC: Number.NaN }, /NaN/],
  ]
  for (const [change, message] of impossible) {
    const wrong = { ...climate, ...change }
    t.throws(() => plausible(wrong, CLIMATE_LIMITS), {
      name: 'SensorError',
      sensor: 'bme280',
      fault: 'corrupt',
      message,
    })
  }
  const kiln = setUp({}, 120)
  await t.rejects((await kiln.open()).measure(0), { fault: 'corrupt', message: /120\.\d+ °C/ })
  const limits = { ...CLIMATE_LIMITS, temperatureC: [-40, 125] as const }
  const allowed = setUp({ limits }, 120)
  await t.resolves((await allowed.open()).measure(0))
})

test('how old a climate is', (t) => {
  const climate: Climate = {
    kind: 'sht31',
    takenAt: 1000,
    temperatureC: 20,
    humidityPercent: 50,
    raw: new Uint8Array(0),
  }
  t.strictSame(climateAge(undefined, 5000), { state: 'never' })
  t.strictSame(climateAge(climate, 121_000), { state: 'fresh', ageMs: 120_000 })
  t.strictSame(climateAge(climate, 121_001), { state: 'stale', ageMs: 120_001 })
  t.strictSame(climateAge(climate, 3000, 1000), { state: 'stale', ageMs: 2000 })
  t.end()
})
