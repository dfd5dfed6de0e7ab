import { test } from 'tap'
import type { Channel } from '../../../drivers/as7341/counts.ts'
import { decodeFlicker } from '../../../drivers/as7341/flicker.ts'
import { gpioRegister } from '../../../drivers/as7341/gpio.ts'
import * as reg from '../../../drivers/as7341/registers.ts'
import { chain, HIGH_HALF, LOW_HALF } from '../../../drivers/as7341/smux.ts'
import { PERSISTENCE, type Thresholds, watchOf } from '../../../drivers/as7341/thresholds.ts'
import { INTEGRATION_MS, idle, light, setUp } from './rig.ts'

test('FD_STATUS is read bit by bit: a frequency that was not decided is absent', (t) => {
  t.strictSame(decodeFlicker(0x2c), { measured: true, saturated: false, hz100: false, hz120: false })
  t.strictSame(decodeFlicker(0x2d), { measured: true, saturated: false, hz100: true, hz120: false })
  t.strictSame(decodeFlicker(0x2e), { measured: true, saturated: false, hz100: false, hz120: true })
  t.strictSame(decodeFlicker(0x2f), { measured: true, saturated: false, hz100: true, hz120: true })
  t.strictSame(decodeFlicker(0x3d), { measured: true, saturated: true, hz100: true, hz120: false })
  t.strictSame(decodeFlicker(0x29), { measured: true, saturated: false, hz120: false }, '100 Hz undecided')
  t.strictSame(decodeFlicker(0x20), { measured: true, saturated: false })
  t.strictSame(decodeFlicker(0x0f), { measured: false, saturated: false }, 'nothing before it is measured')
  t.end()
})

test('flicker: found, and the filters are connected again, lamp and detector off', async (t) => {
  for (const hz of [100, 120, undefined] as const) {
    const { clock, chip, open } = setUp({ scene: { flickerHz: () => hz }, driver: { lampMa: 20 } })
    const sensor = await open()
    const before = await sensor.measure(clock.now())
    const begun = clock.now()
    const { takenAt, ...flicker } = await sensor.detectFlicker()
    t.strictSame(flicker, { measured: true, saturated: false, hz100: hz === 100, hz120: hz === 120 })
    t.ok(takenAt - begun > 100 && takenAt - begun < 110, `${takenAt - begun} ms`)
    t.ok(idle(chip))
    t.strictSame(chip.state().chain, chain(HIGH_HALF))
    const { counts } = await sensor.measure(clock.now())
    t.strictSame(counts, before.counts, 'NIR among them, whose converter was borrowed')
  }
})

test('flicker: what an earlier look found is not taken for this one', async (t) => {
  let hz: 100 | 120 | undefined = 100
  const { wires, open } = setUp({ scene: { flickerHz: () => hz } })
  const sensor = await open()
  wires.writes.length = 0
  t.equal((await sensor.detectFlicker()).hz100, true)
  t.ok(wires.writes.indexOf('db3c') < wires.writes.indexOf('8041'), 'cleared before the detector is on')
  t.ok(wires.writes.includes('db3c'))
  hz = undefined
  t.equal((await sensor.detectFlicker()).hz100, false)
})

test('flicker: what another program set for its own detection is gone', async (t) => {
  const { clock, chip, open } = setUp({ scene: { flickerHz: () => 120 } })
  clock.spend(1)
  for (const register of [reg.CFG10, reg.FD_CFG0, reg.FD_TIME2]) chip.write(Uint8Array.of(register, 0x60))
  const sensor = await open()
  t.equal((await sensor.detectFlicker()).hz120, true)
  const { registers } = chip.state()
  for (const register of [reg.CFG10, reg.FD_CFG0, reg.FD_TIME2]) t.notOk(registers.has(register))
})

test('flicker: a chip that decides on nothing says so, one that never measures is a timeout', async (t) => {
  const undecided = setUp()
  const sensor = await undecided.open()
  undecided.wires.spoil = (answer, register) =>
    register === reg.FD_STATUS ? Uint8Array.of(reg.FD_STATUS_MEASURED | reg.FD_STATUS_SATURATED) : answer
  const { takenAt, ...status } = await sensor.detectFlicker()
  t.strictSame(status, { measured: true, saturated: true })
  t.ok(takenAt > 600)

  const stuck = setUp()
  const other = await stuck.open()
  stuck.wires.spoil = (answer, register) => (register === reg.FD_STATUS ? Uint8Array.of(0) : answer)
  await t.rejects(other.detectFlicker(), { name: 'SensorError', fault: 'timeout', message: /flicker/ })
  t.ok(idle(stuck.chip))
  t.strictSame(stuck.chip.state().chain, chain(HIGH_HALF))
})

test('flicker: loss of power, an abort, and a measurement meanwhile', async (t) => {
  const lost = setUp()
  const sensor = await lost.open()
  lost.clock.after(50, () => lost.chip.powerCycle())
  await t.rejects(sensor.detectFlicker(), { name: 'SensorError', fault: 'failed', message: /lost power/ })

  const { clock, chip, open } = setUp()
  const other = await open()
  const abort = new AbortController()
  const detecting = other.detectFlicker(abort.signal)
  await t.rejects(other.measure(clock.now()), { message: /a flicker detection is already running/ })
  clock.after(40, () => abort.abort(new Error('not now')))
  await t.rejects(detecting, { message: 'not now' })
  t.ok(clock.now() < 60)
  t.ok(idle(chip))
  t.strictSame(chip.state().chain, chain(HIGH_HALF))
})

const CLEAR: Thresholds = { channel: 'Clear', below: 100, above: 5000, persistence: 2 }

test('thresholds: one burst, low bytes first', (t) => {
  const { writes, adc } = watchOf({ ...CLEAR, below: 300, above: 10_000 })
  t.strictSame(writes[0], [reg.SP_TH_L, 0x2c, 0x01, 0x10, 0x27])
  t.equal(adc, 4)
  t.end()
})

test('thresholds that the chip has not', (t) => {
  const wrong: readonly Partial<Thresholds>[] = [
    { below: -1 },
    { below: 1.5 },
    { above: 65_536 },
    { below: 6000 },
    { persistence: 4 },
  ]
  for (const thresholds of wrong) t.throws(() => watchOf({ ...CLEAR, ...thresholds }), RangeError)
  for (const persistence of PERSISTENCE) t.doesNotThrow(() => watchOf({ ...CLEAR, persistence }))
  t.end()
})

test('watch: above, below, as often in a row as asked, and cleared by asking', async (t) => {
  let clear = 10
  const { clock, chip, open } = setUp({ scene: { light: () => light(1, { Clear: clear }) } })
  const sensor = await open()
  const watch = await sensor.watch(CLEAR)
  t.strictSame(chip.state().chain, chain(LOW_HALF))
  const pass = (conversions: number) => clock.spend(conversions * INTEGRATION_MS)
  clock.spend(15)
  pass(3)
  t.equal(await watch.crossing(), undefined)
  clear = 40
  pass(1.2)
  t.equal(await watch.crossing(), undefined, 'once is not twice')
  pass(2)
  t.match(await watch.crossing(), {
    channel: 'Clear',
    above: true,
    below: false,
    saturated: false,
    count: Math.floor(40 * 4 * INTEGRATION_MS),
  })
  t.strictSame(chip.state().registers.get(reg.STATUS), undefined, 'cleared')
  clear = 10
  pass(2)
  await watch.crossing()
  pass(2)
  t.equal(await watch.crossing(), undefined)
  clear = 0.4
  pass(4)
  t.match(await watch.crossing(), { above: false, below: true, count: 80 })
  await watch.close()
  t.ok(idle(chip))
  t.notOk(chip.state().registers.has(reg.INTENAB))
  await t.resolves(sensor.measure(clock.now()))
})

test('watch: each channel on a converter that can be watched', async (t) => {
  const diodes = ['F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'F7', 'F8', 'Clear', 'NIR'] as const
  const channels: readonly Channel[] = [
    ...(['F1_415nm', 'F2_445nm', 'F3_480nm', 'F4_515nm', 'F5_555nm'] as const),
    ...(['F6_590nm', 'F7_630nm', 'F8_680nm', 'Clear', 'NIR'] as const),
  ]
  for (const [index, channel] of channels.entries()) {
    const { open } = setUp({ scene: { light: () => light(1, { [diodes[index] ?? 'F1']: 40 }) } })
    const watch = await (await open()).watch({ ...CLEAR, channel, persistence: 1 })
    const crossing = await watch.next(AbortSignal.timeout(10_000))
    t.match(crossing, { channel, above: true, count: Math.floor(40 * 4 * INTEGRATION_MS) })
  }
})

test('watch: waits for as long as it is let', async (t) => {
  const { clock, open } = setUp({ scene: { light: (at) => light(at > 5000 ? 40 : 10) } })
  const watch = await (await open()).watch(CLEAR)
  const { takenAt } = await watch.next(new AbortController().signal)
  t.ok(takenAt > 5000 && takenAt < 5000 + 5 * INTEGRATION_MS, `${takenAt} ms`)

  const quiet = setUp()
  const silent = await (await quiet.open()).watch(CLEAR)
  const abort = new AbortController()
  quiet.clock.after(1000, () => abort.abort(new Error('enough')))
  await t.rejects(silent.next(abort.signal), { message: 'enough' })
  t.ok(quiet.clock.now() < 1100)
  t.ok(clock.now() > 5000)
})

test('watch: the chip is taken, until it is closed', async (t) => {
  const { clock, chip, open } = setUp({ driver: { lampMa: 20 } })
  const sensor = await open()
  const watch = await sensor.watch(CLEAR)
  await t.rejects(sensor.measure(clock.now()), { message: /watches thresholds/ })
  await t.rejects(sensor.detectFlicker(), { message: /watches thresholds/ })
  t.equal(chip.state().lampMa, 0)
  await watch.close()
  await t.resolves(sensor.measure(clock.now()))
  await sensor.watch(CLEAR)
  await sensor.close()
  t.notOk(chip.state().registers.has(reg.ENABLE))
  t.notOk(chip.state().registers.has(reg.INTENAB))
})

test('watch: counts of an exposure of its own, and with automatic exposure of a named one', async (t) => {
  const exposure = { atime: 9, astep: 999, gain: 64 }
  const { clock, open } = setUp({ driver: { exposure: 'auto' } })
  const sensor = await open()
  await t.rejects(sensor.watch(CLEAR), RangeError)
  const watch = await sensor.watch({ ...CLEAR, below: 0, exposure })
  const { count, saturated } = await watch.next(new AbortController().signal)
  t.equal(count, 10_000)
  t.equal(saturated, true)
  await watch.close()
  t.equal((await sensor.measure(clock.now())).gain, 16, 'not that of the watch')
  await t.rejects(sensor.watch({ ...CLEAR, exposure: { ...exposure, gain: 3 } }), RangeError)
})

test('watch: loss of power, a stalled converter, other thresholds than written', async (t) => {
  const lost = setUp()
  const watch = await (await lost.open()).watch(CLEAR)
  lost.chip.powerCycle()
  lost.clock.spend(1)
  await t.rejects(watch.crossing(), { name: 'SensorError', fault: 'failed', message: /lost power/ })

  const stalled = setUp()
  const still = await (await stalled.open()).watch(CLEAR)
  stalled.chip.breakConverter('stalled')
  stalled.clock.spend(50)
  t.equal(await still.crossing(), undefined)
  stalled.clock.spend(60)
  await t.rejects(still.crossing(), { name: 'SensorError', fault: 'timeout' })

  const changed = setUp()
  const deaf = await (await changed.open()).watch(CLEAR)
  changed.chip.write(Uint8Array.of(reg.SP_TH_H, 0xff, 0xff))
  await t.rejects(deaf.crossing(), { name: 'SensorError', fault: 'corrupt' })
})

test('watch: a transfer that fails while it begins leaves the chip idle and free', async (t) => {
  for (const register of ['00', '84', 'bd', 'b5', 'f9', '8003']) {
    const { clock, chip, wires, open } = setUp()
    const sensor = await open()
    let cut = true
    wires.cut = (write) => {
      const hit = cut && write.startsWith(register) && write.length > 2
      if (hit) cut = false
      return hit
    }
    await t.rejects(sensor.watch(CLEAR), { name: 'SensorError', fault: 'absent' }, register)
    t.ok(idle(chip), register)
    t.notOk(chip.state().registers.has(reg.INTENAB), register)
    await t.resolves(sensor.measure(clock.now()))
  }
})

test('the GPIO pin: in, out, inverted', async (t) => {
  t.equal(gpioRegister({ direction: 'input' }), 0x06)
  t.equal(gpioRegister({ direction: 'output', high: true }), 0x02)
  t.equal(gpioRegister({ direction: 'output', high: false, inverted: true }), 0x08)
  const { chip, open } = setUp()
  const sensor = await open()
  await sensor.setGpio({ direction: 'input' })
  t.equal(await sensor.readGpio(), false)
  chip.driveGpio(true)
  t.equal(await sensor.readGpio(), true)
  await sensor.setGpio({ direction: 'output', high: false })
  t.equal(await sensor.readGpio(), false)
  t.equal(chip.state().registers.get(reg.GPIO2), 0x00)
})
