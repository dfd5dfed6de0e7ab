import { test } from 'tap'
import { Bme280 } from '../../../drivers/environment/bme280.ts'
import {
  type Bme280Calibration,
  CALIBRATION_LENGTH,
  decodeBme280,
  decodeCalibration,
  decodeReadout,
  fineTemperature,
  humidityOf,
  pressureOf,
  temperatureOf,
} from '../../../drivers/environment/bme280-compensation.ts'
import * as reg from '../../../drivers/environment/bme280-registers.ts'
import { SimulatedBme280, type SimulatedBme280Options } from '../../../drivers/simulated/bme280.ts'
import { SimulatedBus, type SimulatedDevice } from '../../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { FaultyDevice } from '../../../drivers/simulated/faults.ts'

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
}

/** The example of Bosch's BMP280 datasheet (BST-BMP280-DS001 §8.2), whose formulas the BME280 shares. */
const EXAMPLE: Bme280Calibration = {
  t: [27504, 26435, -1000],
  p: [36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000],
  h: [75, 362, 0, 313, 50, 30],
}

test("Bosch's worked example: 25.08 °C and 100653.27 Pa", (t) => {
  const fine = fineTemperature(519888, EXAMPLE)
  t.equal(fine.toFixed(3), '128422.287')
  t.equal(temperatureOf(fine).toFixed(2), '25.08')
  t.equal(pressureOf(415148, fine, EXAMPLE).toFixed(2), '100653.27')
  t.end()
})

/** A real chip that its owner printed in Bosch's community forum (September 2019), with 24.44 °C and 54.17 %. */
const REAL_CALIBRATION = hex(
  '6c6e 7766 3200 a892 27d5 d00b 6f18 caff f9ff ac26 0ad8 bd10 00 4b 6501 00 14 0b 00 1e',
)
const REAL_READOUT = hex('553380 817fb0 7913')

test('a real chip: calibration and readout as its owner printed them', (t) => {
  const climate = decodeBme280(Uint8Array.of(...REAL_CALIBRATION, ...REAL_READOUT), 7)
  t.equal(climate.temperatureC.toFixed(2), '24.44')
  t.equal(climate.humidityPercent.toFixed(2), '54.17')
  t.equal(climate.pressureHpa?.toFixed(2), '996.21')
  t.equal(climate.takenAt, 7)
  t.end()
})

/** The datasheet's integer formulas (§4.2.3), 64 bits wide for pressure: another way to the same numbers. */
function byIntegers(calibration: Bme280Calibration, temperature: number, pressure: number, humidity: number) {
  const [t1 = 0n, t2 = 0n, t3 = 0n] = calibration.t.map(BigInt)
  const [p1 = 0n, p2 = 0n, p3 = 0n, p4 = 0n, p5 = 0n, p6 = 0n, p7 = 0n, p8 = 0n, p9 = 0n] =
    calibration.p.map(BigInt)
  const [h1 = 0n, h2 = 0n, h3 = 0n, h4 = 0n, h5 = 0n, h6 = 0n] = calibration.h.map(BigInt)
  const [adcT, adcP, adcH] = [BigInt(temperature), BigInt(pressure), BigInt(humidity)]
  const linear = (((adcT >> 3n) - (t1 << 1n)) * t2) >> 11n
  const square = (((((adcT >> 4n) - t1) * ((adcT >> 4n) - t1)) >> 12n) * t3) >> 14n
  const fine = linear + square
  let v1 = fine - 128_000n
  const v2 = v1 * v1 * p6 + ((v1 * p5) << 17n) + (p4 << 35n)
  v1 = ((v1 * v1 * p3) >> 8n) + ((v1 * p2) << 12n)
  v1 = (((1n << 47n) + v1) * p1) >> 33n
  let p = (((1_048_576n - adcP) << 31n) - v2) * 3125n
  p /= v1
  const pascals = ((p + ((p9 * (p >> 13n) * (p >> 13n)) >> 25n) + ((p8 * p) >> 19n)) >> 8n) + (p7 << 4n)
  let h = fine - 76_800n
  const scale =
    ((((((h * h6) >> 10n) * (((h * h3) >> 11n) + 32_768n)) >> 10n) + 2_097_152n) * h2 + 8192n) >> 14n
  h = (((adcH << 14n) - (h4 << 20n) - h5 * h + 16_384n) >> 15n) * scale
  h -= ((((h >> 15n) * (h >> 15n)) >> 7n) * h1) >> 4n
  h = h < 0n ? 0n : h > 419_430_400n ? 419_430_400n : h
  return {
    temperatureC: Number((fine * 5n + 128n) >> 8n) / 100,
    pressurePa: Number(pascals) / 256,
    humidityPercent: Number(h >> 12n) / 1024,
  }
}

test('the integer formulas of the datasheet give the same, over the whole range', (t) => {
  const failed: string[] = []
  for (const calibration of [EXAMPLE, decodeCalibration(REAL_CALIBRATION)]) {
    for (let temperature = 400_000; temperature <= 650_000; temperature += 9973) {
      for (let step = 0; step <= 10; step += 1) {
        const [pressure, humidity] = [250_000 + step * 35_003, 20_000 + step * 2003]
        const fine = fineTemperature(temperature, calibration)
        const expected = byIntegers(calibration, temperature, pressure, humidity)
        const off = [
          Math.abs(temperatureOf(fine) - expected.temperatureC) > 0.011,
          Math.abs(pressureOf(pressure, fine, calibration) - expected.pressurePa) > 0.6,
          Math.abs(humidityOf(humidity, fine, calibration) - expected.humidityPercent) > 0.02,
        ]
        if (off.includes(true)) failed.push(`${temperature}, ${step}: ${off}`)
      }
    }
  }
  t.strictSame(failed, [])
  t.end()
})

test('calibration: every word where it belongs, H4 and H5 sharing a byte, all with their signs', (t) => {
  t.strictSame(decodeCalibration(REAL_CALIBRATION), {
    t: [28268, 26231, 50],
    p: [37544, -10969, 3024, 6255, -54, -7, 9900, -10230, 4285],
    h: [75, 357, 0, 331, 0, 30],
  })
  const negative = REAL_CALIBRATION.slice()
  negative.set(hex('ff7f ff 80 5a 81 fe'), 26)
  t.strictSame(decodeCalibration(negative).h, [75, 32767, 255, -2048 + 10, -2032 + 5, -2])
  t.throws(() => decodeCalibration(new Uint8Array(CALIBRATION_LENGTH)), {
    fault: 'corrupt',
    message: /blank/,
  })
  t.throws(() => decodeCalibration(REAL_CALIBRATION.subarray(1)), { name: 'SensorError', fault: 'corrupt' })
  t.end()
})

test('readout: twenty bits, twenty, sixteen; what was not measured is no measurement', (t) => {
  t.strictSame(decodeReadout(REAL_READOUT), { pressure: 0x55338, temperature: 0x817fb, humidity: 0x7913 })
  t.throws(() => decodeReadout(hex('800000 800000 8000')), { name: 'SensorError', fault: 'failed' })
  t.throws(() => decodeReadout(REAL_READOUT.subarray(1)), { name: 'SensorError', fault: 'corrupt' })
  t.end()
})

test('readout: 0x80000 and 0x8000 alone are values: 22.52 °C and 63.87 % are no gap in the scale', (t) => {
  const at = (readout: string) => decodeBme280(Uint8Array.of(...REAL_CALIBRATION, ...hex(readout)), 0)
  t.equal(at('553380 800000 7913').temperatureC.toFixed(2), '22.52')
  t.equal(at('553380 817fb0 8000').humidityPercent.toFixed(2), '63.87')
  t.equal(at('800000 817fb0 7913').pressureHpa?.toFixed(0), '704')
  t.end()
})

test('humidity stays within 0…100', (t) => {
  const fine = fineTemperature(519888, EXAMPLE)
  t.equal(humidityOf(0, fine, EXAMPLE), 0)
  t.equal(humidityOf(0xffff, fine, EXAMPLE), 100)
  t.end()
})

const ADDRESS = 0x76

/** Spoils chosen answers of a chip, by the register they begin at. */
class Wires implements SimulatedDevice {
  readonly #device: SimulatedDevice
  #register = 0
  spoil: (answer: Uint8Array, register: number) => Uint8Array = (answer) => answer

  constructor(device: SimulatedDevice) {
    this.#device = device
  }

  write(bytes: Uint8Array): boolean {
    this.#register = bytes[0] ?? 0
    return this.#device.write(bytes)
  }

  read(length: number): Uint8Array | undefined {
    const answer = this.#device.read(length)
    return answer === undefined ? undefined : this.spoil(answer, this.#register)
  }
}

function setUp(options: SimulatedBme280Options = {}) {
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, 400_000)
  const air = { steady: false, temperatureC: 21.5, humidityPercent: 45, pressureHpa: 1013.25 }
  const scene = {
    air: (at: number) => (air.steady ? air : { ...air, temperatureC: air.temperatureC + at / 60_000 }),
  }
  const chip = new SimulatedBme280(clock, scene, options)
  const faulty = new FaultyDevice(chip, clock)
  const wires = new Wires(faulty)
  bus.attach(ADDRESS, wires)
  return { clock, bus, air, chip, faulty, wires, open: () => Bme280.open(bus, clock) }
}

test('measure: the air of that moment, and the bytes that give it again', async (t) => {
  const { clock, bus, open } = setUp()
  const sensor = await open()
  t.strictSame(sensor.calibration, REAL_CALIBRATION)
  const since = clock.now() + 1000
  const climate = await sensor.measure(since)
  t.equal(climate.kind, 'bme280')
  t.ok(Math.abs(climate.temperatureC - (21.5 + (since + 18) / 60_000)) < 0.005)
  t.ok(Math.abs(climate.humidityPercent - 45) < 0.02)
  t.ok(Math.abs((climate.pressureHpa ?? 0) - 1013.25) < 0.01)
  t.ok(climate.takenAt > since && climate.takenAt - since < 24, `${climate.takenAt - since} ms`)
  t.strictSame(decodeBme280(climate.raw, climate.takenAt), climate)
  const { transfers } = bus.traffic
  await sensor.measure(0)
  t.equal(bus.traffic.transfers - transfers, 5, 'two settings, one poll, the readout twice')
  await sensor.close()
})

test('open: a BMP280, another chip, nobody, one that never starts', async (t) => {
  await t.rejects(setUp({ id: 0x58 }).open(), {
    fault: 'wrong-chip',
    message: /BMP280, which has no humidity/,
  })
  await t.rejects(setUp({ id: 0x61 }).open(), { fault: 'wrong-chip', message: /unexpected chip id 0x61/ })
  const absent = setUp()
  absent.bus.detach(ADDRESS)
  await t.rejects(absent.open(), { name: 'SensorError', sensor: 'bme280', fault: 'absent' })
  const slow = setUp()
  slow.wires.spoil = (answer, register) =>
    register === reg.STATUS ? Uint8Array.of(reg.STATUS_IM_UPDATE) : answer
  await t.rejects(slow.open(), { fault: 'timeout', message: /start within 10 ms/ })
})

test('open: a calibration that reads differently the second time, or is blank', async (t) => {
  const flipped = setUp()
  let reads = 0
  flipped.wires.spoil = (answer, register) => {
    if (register !== reg.CALIB_26) return answer
    reads += 1
    return reads === 1 ? answer.map((byte, at) => (at === 3 ? byte ^ 0x40 : byte)) : answer
  }
  await t.rejects(flipped.open(), { fault: 'corrupt', message: /second time/ })
  await t.resolves(flipped.open())
  const blank = setUp({ calibration: new Uint8Array(CALIBRATION_LENGTH) })
  await t.rejects(blank.open(), { fault: 'corrupt', message: /blank/ })
})

test('measure: unplugged, stalled, frozen, without power, spoilt', async (t) => {
  const gone = setUp()
  const unplugged = await gone.open()
  gone.faulty.break('silent')
  await t.rejects(unplugged.measure(0), { name: 'SensorError', fault: 'absent' })

  const slow = setUp()
  const stalled = await slow.open()
  slow.chip.breakConverter('stalled')
  const begun = slow.clock.now()
  await t.rejects(stalled.measure(begun), { name: 'SensorError', fault: 'timeout' })
  t.ok(slow.clock.now() - begun < 50)

  const stuck = setUp()
  const frozen = await stuck.open()
  await frozen.measure(0)
  stuck.chip.breakConverter('frozen')
  await t.rejects(frozen.measure(0), { name: 'SensorError', fault: 'frozen' })

  for (const afterMs of [0, 5, 25]) {
    const lost = setUp()
    const unpowered = await lost.open()
    const since = lost.clock.now()
    lost.clock.after(afterMs, () => lost.chip.powerCycle())
    const measured = unpowered.measure(since + (afterMs === 0 ? 5 : 0)).then(() => unpowered.measure(0))
    await t.rejects(
      measured,
      { name: 'SensorError', fault: 'failed', message: /lost power/ },
      `after ${afterMs} ms`,
    )
    await t.resolves((await lost.open()).measure(0))
  }

  const noisy = setUp()
  const spoilt = await noisy.open()
  let reads = 0
  noisy.wires.spoil = (answer, register) => {
    if (register !== reg.CTRL_HUM) return answer
    reads += 1
    return reads === 1 ? answer.map((byte, at) => (at === 8 ? byte ^ 0x10 : byte)) : answer
  }
  await t.rejects(spoilt.measure(0), { name: 'SensorError', fault: 'corrupt', message: /second time/ })
  noisy.wires.spoil = (answer, register) => (register === reg.CTRL_HUM ? answer.map(() => 0xff) : answer)
  await t.rejects(spoilt.measure(0), {
    name: 'SensorError',
    fault: 'corrupt',
    message: /settings read ffffffff/,
  })
})

test('measure: air that stands still is not a stuck chip', async (t) => {
  const { air, open } = setUp()
  air.steady = true
  const sensor = await open()
  const first = await sensor.measure(0)
  const second = await sensor.measure(0)
  t.strictSame(second.raw, first.raw)
  t.ok(second.takenAt > first.takenAt)
})

test('measure: pressure that cannot be is corrupt', async (t) => {
  const { air, open } = setUp()
  air.pressureHpa = 1148.38
  await t.rejects((await open()).measure(0), { fault: 'corrupt', message: /1148.38 hPa/ })
})

test('measure: one at a time, and an abort ends every wait', async (t) => {
  const { clock, open } = setUp()
  const sensor = await open()
  const first = sensor.measure(0)
  await t.rejects(sensor.measure(0), { message: /already running/ })
  await first
  const abort = new AbortController()
  clock.after(5, () => abort.abort(new Error('enough')))
  const begun = clock.now()
  await t.rejects(sensor.measure(0, abort.signal), { message: 'enough' })
  t.ok(clock.now() - begun < 7)
  // The chip is still at work on what was let go; asked at once, the driver waits for it.
  const since = clock.now()
  const { takenAt, temperatureC } = await sensor.measure(since)
  t.ok(takenAt - since > 22 && takenAt - since < 45, `${takenAt - since} ms`)
  t.ok(Math.abs(temperatureC - (21.5 + takenAt / 60_000)) < 0.005)
})
