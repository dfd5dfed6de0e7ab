import { test } from 'tap'
import { As7341 } from '../../../drivers/as7341/as7341.ts'
import { CHANNELS, decodeSpectrum } from '../../../drivers/as7341/counts.ts'
import * as reg from '../../../drivers/as7341/registers.ts'
import { chain, HIGH_HALF, PHOTODIODES } from '../../../drivers/as7341/smux.ts'
import { BusError, type BusFault, type I2cBus } from '../../../drivers/bus.ts'
import type { LightScene } from '../../../drivers/simulated/as7341.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { EXPOSURE, INTEGRATION_MS, idle, light, setUp } from './rig.ts'
import { hexRegisters } from './transcript.ts'

test('open: the chip has just got power, and everything the driver relies on is written', async (t) => {
  const { chip, open } = setUp()
  await open()
  t.strictSame(hexRegisters(chip.state().registers), {
    '0x80': '0x01',
    '0x81': '0x1d',
    '0x83': '0xa5',
    '0xaa': '0x03',
    '0xca': '0x57',
    '0xcb': '0x02',
  })
})

test('open: whatever another program left behind is gone', async (t) => {
  const { clock, chip, open } = setUp({ driver: { lampMa: 20 } })
  clock.spend(1)
  const leftovers = [
    [reg.CFG0, reg.CFG0_REG_BANK],
    [reg.CONFIG, 0x0f],
    [reg.LED, reg.LED_ACT | 127],
    [reg.ENABLE, 0x4b],
    [reg.CFG6, 0x08],
    [reg.CFG8, 0xff],
    [reg.CFG3, 0xff],
    [reg.AZ_CONFIG, 0],
    [reg.INTENAB, 0xff],
  ]
  for (const leftover of leftovers) chip.write(Uint8Array.from(leftover))
  await open()
  const { registers, lampMa } = chip.state()
  t.equal(lampMa, 0)
  t.strictSame(hexRegisters(registers), {
    '0x70': '0x08',
    '0x74': '0x08',
    '0x80': '0x01',
    '0x81': '0x1d',
    '0x83': '0xa5',
    '0xaa': '0x03',
    '0xca': '0x57',
    '0xcb': '0x02',
  })
})

test('open: nobody there, and somebody else there', async (t) => {
  const absent = setUp()
  absent.bus.detach(reg.ADDRESS)
  await t.rejects(absent.open(), { name: 'SensorError', sensor: 'as7341', fault: 'absent' })

  const other = setUp({ chip: { id: 0x81 } })
  await t.rejects(other.open(), {
    name: 'SensorError',
    fault: 'wrong-chip',
    message: /unexpected chip id 0x81/,
  })
  t.strictSame(other.wires.writes, [], 'nothing is written to it')

  const revised = setUp({ chip: { id: 0x26 } })
  await t.resolves(revised.open(), 'the two low bits of the id are not the part number')
})

test('open: a chip that stays busy after power-up', async (t) => {
  const { wires, open } = setUp()
  // Bit 0 of the id is not part of it, in STATUS6 it is INT_BUSY.
  wires.spoil = (answer) => answer.map((byte) => byte | 0x01)
  await t.rejects(open(), {
    name: 'SensorError',
    fault: 'timeout',
    message: 'as7341: it did not wake up within 10 ms',
  })
})

test('open: an exposure or a lamp current that the chip has not', async (t) => {
  for (const driver of [
    { exposure: { atime: 0, astep: 0, gain: 4 } },
    { exposure: { atime: 29, astep: 65535, gain: 4 } },
    { exposure: { atime: 29, astep: 599, gain: 3 } },
    { lampMa: 300 },
  ]) {
    const { wires, open } = setUp({ driver })
    await t.rejects(open(), RangeError)
    t.equal(wires.reads, 0)
  }
})

test('measure: ten channels under the conditions they were taken under', async (t) => {
  const values = { F1: 1, F2: 2, F3: 3, F4: 4, F5: 5, F6: 6, F7: 7, F8: 8, Clear: 40, NIR: 0.5 }
  const { clock, chip, open } = setUp({ scene: { light: () => light(0, values) } })
  const sensor = await open()
  const spectrum = await sensor.measure(clock.now())
  const expected = Object.values(values).map((value) => Math.floor(value * 4 * INTEGRATION_MS))
  t.strictSame(Object.values(spectrum.counts), expected)
  t.strictSame(Object.keys(spectrum.counts), CHANNELS)
  t.match(spectrum, {
    kind: 'as7341',
    gain: 4,
    integrationMs: INTEGRATION_MS,
    fullScale: 18000,
    saturated: [],
    drift: 0,
  })
  t.strictSame(
    decodeSpectrum(spectrum.raw ?? new Uint8Array(), EXPOSURE, spectrum.takenAt),
    spectrum,
    'its raw bytes give it again',
  )
  t.strictSame(chip.state().chain, chain(HIGH_HALF))
  t.ok(idle(chip))
})

test('measure: 17 transfers, two autozeros and two integrations, and one poll for each wait', async (t) => {
  const { clock, bus, open } = setUp({ scene: { light: (at) => light(at / 10) } })
  const sensor = await open()
  const { transfers } = bus.traffic
  const begun = clock.now()
  const { takenAt } = await sensor.measure(begun)
  t.equal(bus.traffic.transfers - transfers, 17)
  const ms = takenAt - begun
  const waits = 2 * (INTEGRATION_MS + 15)
  t.ok(ms > waits && ms < waits + 8, `${ms.toFixed(2)} ms`)
  t.ok(takenAt <= clock.now())
})

test('measure: a lamp costs six transfers, and shines only while it is needed', async (t) => {
  const lit: number[] = []
  const scene: Partial<LightScene> = {
    light: (_, lampMa) => {
      lit.push(lampMa)
      return light(lampMa / 10, { F2: 1 })
    },
  }
  const { clock, bus, chip, open } = setUp({ scene, driver: { lampMa: 21 } })
  const sensor = await open()
  t.equal(chip.state().lampMa, 0)
  const { transfers } = bus.traffic
  const spectrum = await sensor.measure(clock.now())
  t.equal(bus.traffic.transfers - transfers, 23)
  t.ok(lit.length >= 2 && lit.every((lampMa) => lampMa === 20), 'whatever is integrated, the lamp lights it')
  t.equal(spectrum.counts.F1_415nm, Math.floor(2 * 4 * INTEGRATION_MS))
  t.ok(idle(chip))
})

test('measure: what is integrated begins after `since`, be it past or to come', async (t) => {
  const looks: number[] = []
  const scene: Partial<LightScene> = {
    light: (at) => {
      looks.push(at)
      return light(at / 100)
    },
  }
  const { clock, open } = setUp({ scene })
  const sensor = await open()
  const now = clock.now()
  await sensor.measure(now - 1000)
  t.ok(looks.every((at) => at > now))
  looks.length = 0
  const later = clock.now() + 500
  await sensor.measure(later)
  t.ok(looks.every((at) => at > later))
  t.equal(looks.length, 2)
})

test('measure: a part that moves between the halves shows as drift', async (t) => {
  const { clock, open } = setUp({ scene: { light: (at) => light(at > 100 ? 12 : 10) } })
  const sensor = await open()
  const { drift, counts } = await sensor.measure(clock.now())
  t.equal(counts.Clear, (2001 + 2401) / 2)
  t.equal(drift, 400 / 2201)
})

test('measure: saturation, digital by channel and analogue by half', async (t) => {
  const digital = setUp({ scene: { light: () => light(10, { F6: 100 }) } })
  const sensor = await digital.open()
  t.strictSame((await sensor.measure(0)).saturated, ['F6_590nm'])

  const analogue = setUp({ scene: { light: () => light(10, { F6: 60 }) }, chip: { analogueLimit: 200 } })
  const clipped = await (await analogue.open()).measure(0)
  t.strictSame(clipped.saturated, ['F5_555nm', 'F6_590nm', 'F7_630nm', 'F8_680nm', 'Clear', 'NIR'])
  t.equal(clipped.counts.F6_590nm, Math.floor(60 * 4 * INTEGRATION_MS), 'below full scale')
})

test('measure: a front end that clips one channel, where another one reaches full scale', async (t) => {
  // 200 counts/ms are 10008 counts: F7 reads 14011, and is clipped all the same.
  const { open } = setUp({
    scene: { light: () => light(10, { F6: 100, F7: 70 }) },
    chip: { analogueLimit: 200 },
  })
  const { saturated, counts, raw } = await (await open()).measure(0)
  t.equal(counts.F6_590nm, 18000)
  t.equal(counts.F7_630nm, Math.floor(70 * 4 * INTEGRATION_MS))
  t.ok(saturated.includes('F7_630nm') && !saturated.includes('F1_415nm'))
  t.equal(raw?.length, 28, 'with STATUS2 of both halves, so that the bytes tell it again')
})

test('measure: one at a time', async (t) => {
  const { clock, open } = setUp()
  const sensor = await open()
  const first = sensor.measure(clock.now())
  await t.rejects(sensor.measure(clock.now()), { message: /already running/ })
  await t.resolves(first)
  await t.resolves(sensor.measure(clock.now()))
})

test('measure: an abort ends every wait at once, and leaves lamp and converter off', async (t) => {
  for (const afterMs of [0, 1, 30, 70, 100]) {
    const { clock, chip, open } = setUp({ driver: { lampMa: 20 } })
    const sensor = await open()
    const reason = new Error('the part is past the gate')
    const abort = new AbortController()
    const begun = clock.now()
    const measured = sensor.measure(begun, abort.signal)
    if (afterMs === 0) abort.abort(reason)
    else void clock.sleep(afterMs).then(() => abort.abort(reason))
    await t.rejects(measured, reason, `after ${afterMs} ms`)
    t.ok(clock.now() - begun < afterMs + 5)
    t.ok(idle(chip))
    await t.resolves(sensor.measure(clock.now()))
  }
  const { clock, wires, open } = setUp()
  const sensor = await open()
  const before = wires.writes.length
  await t.rejects(sensor.measure(clock.now(), AbortSignal.abort(new Error('too late'))), {
    message: 'too late',
  })
  t.equal(wires.writes.length, before, 'a measurement that nobody wants is not begun')
})

test('measure: a transfer that fails anywhere leaves the lamp off', async (t) => {
  const probe = setUp({ driver: { lampMa: 20 } })
  const counted = await probe.open()
  const opening = probe.wires.writes.length
  await counted.measure(0)
  const writes = probe.wires.writes.length - opening
  t.equal(writes, 3 + 2 * 4 + 3 + 1)

  for (let fails = 1; fails <= writes; fails += 1) {
    const { clock, chip, wires, open } = setUp({ driver: { lampMa: 20 } })
    const sensor = await open()
    let count = 0
    wires.cut = (write) => {
      if (write.length > 2) count += 1
      return count === fails && write.length > 2
    }
    await t.rejects(sensor.measure(clock.now()), { name: 'SensorError', fault: 'absent' }, `write ${fails}`)
    wires.cut = () => false
    t.equal(chip.state().lampMa, 0, `write ${fails}`)
    const { counts } = await sensor.measure(clock.now())
    t.equal(counts.F1_415nm, Math.floor(5 * 4 * INTEGRATION_MS), 'and nothing of it is left')
    t.equal(counts.F5_555nm, Math.floor(10 * 4 * INTEGRATION_MS))
    t.ok(idle(chip))
    t.equal(chip.state().lampMa, 0, `write ${fails}`)
  }
})

test('measure: a chip that never finishes is a timeout, in the time its exposure allows', async (t) => {
  const { clock, chip, open } = setUp({ driver: { lampMa: 20 } })
  const sensor = await open()
  chip.breakConverter('stalled')
  const begun = clock.now()
  await t.rejects(sensor.measure(begun), {
    name: 'SensorError',
    fault: 'timeout',
    message: 'as7341: it did not finish a measurement within 99 ms',
  })
  t.ok(clock.now() - begun < 110)
  t.ok(idle(chip))
  chip.breakConverter(undefined)
  await t.resolves(sensor.measure(clock.now()))
})

test('measure: a SMUX that never finishes is a timeout', async (t) => {
  const { clock, wires, open } = setUp()
  const sensor = await open()
  wires.spoil = (answer) =>
    answer.length === 4 ? answer.map((byte, at) => (at === 0 ? byte | 0x10 : byte)) : answer
  await t.rejects(sensor.measure(clock.now()), {
    name: 'SensorError',
    fault: 'timeout',
    message: /load its SMUX within 50 ms/,
  })
})

test('measure: the same bytes again are a steady light or darkness, not a fault', async (t) => {
  for (const brightness of [0, 10]) {
    const { clock, open } = setUp({ scene: { light: () => light(brightness, { F1: brightness / 2 }) } })
    const sensor = await open()
    const first = await sensor.measure(clock.now())
    const second = await sensor.measure(clock.now())
    t.strictSame(second.raw, first.raw)
    t.ok(second.takenAt > first.takenAt)
  }
})

test('measure: a converter that is stuck with a measurement is found at once', async (t) => {
  const { clock, chip, open } = setUp({ scene: { light: (at) => light(10 + at / 100, { F1: 5 }) } })
  const sensor = await open()
  await sensor.measure(clock.now())
  chip.breakConverter('frozen')
  for (const _ of [1, 2]) {
    await t.rejects(sensor.measure(clock.now()), { name: 'SensorError', fault: 'frozen' })
    t.ok(idle(chip))
  }
  chip.breakConverter(undefined)
  await t.resolves(sensor.measure(clock.now()))
})

test('measure: so is a chip whose every answer repeats the one before', async (t) => {
  const { clock, wires, open } = setUp({ scene: { light: (at) => light(10 + at / 100, { F1: 5 }) } })
  const sensor = await open()
  await sensor.measure(clock.now())
  const first = new Map<number, Uint8Array>()
  wires.spoil = (answer) => {
    const before = first.get(answer.length) ?? answer
    first.set(answer.length, before)
    return before
  }
  // The first answer about STATUS2 is that of a finished measurement.
  await t.rejects(sensor.measure(clock.now()), { name: 'SensorError', fault: 'frozen' })
})

test('measure: loss of power is noticed whenever it happens, and mended by opening anew', async (t) => {
  for (const afterMs of [undefined, 0.5, 1.5, 30, 66, 67, 68, 100]) {
    const { clock, chip, open } = setUp()
    const sensor = await open()
    await sensor.measure(clock.now())
    if (afterMs === undefined) {
      chip.powerCycle()
      clock.spend(1)
    } else clock.after(afterMs, () => chip.powerCycle())
    const error = await sensor.measure(clock.now()).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    t.match(error, { name: 'SensorError', fault: /failed|absent/ }, `after ${afterMs ?? 'no'} ms`)
    clock.spend(1)
    await t.resolves((await open()).measure(clock.now()))
  }
})

test('measure: loss of power is noticed where the exposure looks like a chip after reset, too', async (t) => {
  const { clock, chip, open } = setUp({ driver: { exposure: { atime: 0, astep: 999, gain: 256 } } })
  const sensor = await open()
  chip.powerCycle()
  clock.spend(1)
  await t.rejects(sensor.measure(clock.now()), {
    name: 'SensorError',
    fault: 'failed',
    message: /lost power/,
  })
})

test('measure: a gain that somebody else changed is not ours', async (t) => {
  const { clock, chip, open } = setUp()
  const sensor = await open()
  chip.write(Uint8Array.of(reg.CFG1, 0x05))
  await t.rejects(sensor.measure(clock.now()), {
    name: 'SensorError',
    fault: 'failed',
    message: /at gain 16, not 4/,
  })
})

test('measure: answers that contradict themselves, or what was written, are corrupt', async (t) => {
  for (const spoilt of [4, 13]) {
    const { clock, chip, wires, open } = setUp()
    const sensor = await open()
    wires.spoil = (answer) => (answer.length === spoilt ? answer.map(() => 0xff) : answer)
    await t.rejects(sensor.measure(clock.now()), { name: 'SensorError', fault: 'corrupt' }, `${spoilt} bytes`)
    t.ok(idle(chip))
  }
})

const BUS_FAULTS: readonly (readonly [BusFault, string])[] = [
  ['no-acknowledge', 'absent'],
  ['no-bus', 'absent'],
  ['timeout', 'failed'],
  ['bus-stuck', 'failed'],
  ['arbitration-lost', 'failed'],
  ['short-transfer', 'failed'],
]

test('faults of the bus, as states of the sensor', async (t) => {
  for (const [busFault, fault] of BUS_FAULTS) {
    const cause = new BusError(busFault, 'made for a test')
    const bus: I2cBus = { transfer: () => Promise.reject(cause) }
    const opening = As7341.open(bus, new VirtualClock(), { exposure: EXPOSURE })
    await t.rejects(opening, { name: 'SensorError', fault, cause }, busFault)
  }
})

test('close: lamp off and asleep, even where the lamp cannot be reached', async (t) => {
  const { chip, wires, open } = setUp({ driver: { lampMa: 20 } })
  await (await open()).close()
  t.notOk(chip.state().registers.has(reg.ENABLE))
  const sensor = await open()
  t.equal(chip.state().registers.get(reg.ENABLE), reg.ENABLE_PON)
  wires.cut = (write) => write.startsWith('74')
  await t.rejects(sensor.close(), { name: 'SensorError', fault: 'absent' })
  t.notOk(chip.state().registers.has(reg.ENABLE))
})

test('every photodiode of the ten channels is read, each once, Clear and NIR twice', async (t) => {
  for (const diode of PHOTODIODES) {
    const { open } = setUp({ scene: { light: () => light(0, { [diode]: 10 }) } })
    const { counts } = await (await open()).measure(0)
    const seen = Object.entries(counts).filter(([, count]) => count > 0)
    if (diode === 'Flicker' || diode === 'Dark') t.strictSame(seen, [], diode)
    else {
      t.equal(seen.length, 1, diode)
      t.match(seen[0], [new RegExp(`^${diode}`), Math.floor(10 * 4 * INTEGRATION_MS)])
    }
  }
})
