import { test } from 'tap'
import { BusError, type I2cBus } from '../../../drivers/bus.ts'
import { SimulatedBus } from '../../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { FaultyBus } from '../../../drivers/simulated/faults.ts'
import { generateFirmware } from '../../../drivers/simulated/firmware.ts'
import { SimulatedVl53l8ch } from '../../../drivers/simulated/vl53l8ch.ts'
import { SharedWires } from '../../../drivers/simulated/vl53l8ch-wires.ts'
import { initialise } from '../../../drivers/vl53l8ch/boot.ts'
import { setIntegrationTime } from '../../../drivers/vl53l8ch/exposure.ts'
import { fallAsleep } from '../../../drivers/vl53l8ch/power.ts'
import { type LpnLine, powerUp } from '../../../drivers/vl53l8ch/power-up.ts'
import { setTargetOrder } from '../../../drivers/vl53l8ch/targets.ts'
import { Vl53l8ch, type Vl53l8chOptions } from '../../../drivers/vl53l8ch/vl53l8ch.ts'
import { StillScene } from '../../fakes/still-scene.ts'
import { bench, firmware } from './bench.ts'

const EIGHT: Vl53l8chOptions = { firmware, zones: 64, rateHz: 15 }

async function opening(there: ReturnType<typeof bench>, options = EIGHT) {
  const [from, sent] = [there.clock.now(), there.bus.traffic.bytesOut]
  const head = await Vl53l8ch.open(there.bus, there.clock, options)
  return { head, ms: there.clock.now() - from, bytes: there.bus.traffic.bytesOut - sent }
}

test('a chip that still ranges by our hand is taken over in a tenth of the time', async (t) => {
  for (const hz of [400_000, 1_000_000]) {
    for (const closed of [true, false]) {
      const there = bench(hz)
      const cold = await opening(there)
      t.equal(cold.head.warm, false)
      await cold.head.next()
      // A host that was killed leaves it ranging.
      if (closed) await cold.head.close()
      await there.clock.sleep(5000)
      const warm = await opening(there)
      t.equal(warm.head.warm, true)
      t.ok(warm.ms < 0.2 * cold.ms, `${hz} Hz: ${cold.ms.toFixed(0)} ms cold, ${warm.ms.toFixed(0)} ms warm`)
      t.ok(warm.bytes < 8000, `${warm.bytes} bytes`)
      t.equal(warm.head.identity, cold.head.identity)
      t.match(await warm.head.next(), { streamCount: 3, zones: 64 }, 'it ranges from the beginning')
    }
  }
})

test('another resolution, rate or number of targets needs no restart either', async (t) => {
  const there = bench(400_000)
  await (await opening(there)).head.close()
  const options: Vl53l8chOptions = { firmware, zones: 16, rateHz: 60, targetsPerZone: 2, integrationMs: 5 }
  const { head } = await opening(there, options)
  t.ok(head.warm)
  t.match(await head.next(), { zones: 16, targetsPerZone: 2 })
  await head.close()
  const back = await opening(there)
  t.ok(back.head.warm)
  t.equal((await back.head.next()).sigmaMm[0], 1.5, 'the integration time is the default again')
})

test('whatever is not surely ours is restarted', async (t) => {
  const cases: Readonly<Record<string, (there: ReturnType<typeof bench>) => void | Promise<void>>> = {
    'its supply dipped': ({ chip }) => chip.powerCycle(),
    'another host loaded it': async ({ link }) => {
      await initialise(link, firmware, 1)
    },
    'another host changed a setting': ({ link }) => setTargetOrder(link, 'closest'),
    'it was sent to sleep': ({ link }) => fallAsleep(link, 'asleep'),
    'it was sent to deep sleep': ({ link }) => fallAsleep(link, 'deep-asleep'),
    'it is another chip': ({ bus, clock, scene }) =>
      bus.attach(0x29, new SimulatedVl53l8ch({ clock, scene })),
  }
  for (const [name, happen] of Object.entries(cases)) {
    const there = bench(400_000)
    await (await opening(there)).head.close()
    await happen(there)
    const { head } = await opening(there)
    t.equal(head.warm, false, name)
    t.equal((await head.next()).rangeMm[0], 320)
  }
  const there = bench(400_000)
  const other: Vl53l8chOptions[] = [
    { ...EIGHT, firmware: generateFirmware(2) },
    { ...EIGHT, motion: { nearestMm: 400, farthestMm: 900 } },
    { ...EIGHT, glareFilter: { thresholdPercent: 5, farthestMm: 300 } },
    { ...EIGHT, warm: 'never' },
  ]
  for (const options of other) {
    await (await opening(there)).head.close()
    t.equal((await opening(there, options)).head.warm, false)
  }
  t.equal((await opening(there)).head.warm, false, 'one that shall never be taken over leaves no mark')
})

test('a chip that failed is restarted, one whose wire was pulled is not', async (t) => {
  const cases = [
    ['frozen', false, (out: Uint8Array, length: number) => out.length === 2 && length === 4],
    ['absent', true, () => true],
  ] as const
  for (const [fault, warm, only] of cases) {
    const there = bench(400_000)
    let first: Uint8Array | undefined
    let broken = true
    const wires: I2cBus = {
      async transfer(address, out, length) {
        if (broken && fault === 'absent') throw new BusError('no-acknowledge', 'unplugged')
        const answer = await there.bus.transfer(address, out, length)
        if (!broken || !only(out, length)) return answer
        first ??= answer
        return first
      },
    }
    broken = false
    const head = await Vl53l8ch.open(wires, there.clock, EIGHT)
    await head.next()
    broken = true
    await t.rejects(head.measure(there.clock.now()), { fault, message: /vl53l8ch: / })
    broken = false
    await head.close()
    t.equal((await opening(there)).head.warm, warm, fault)
  }
})

test('what goes wrong while it is taken over leads to a restart, an abort to none', async (t) => {
  const there = bench(400_000)
  await (await opening(there)).head.close()
  const faulty = new FaultyBus(there.bus)
  // The calibration memory is not read: the answer is garbage of a wire.
  faulty.break('timeout', 1, (out, length) => length === 492 && out.length === 2)
  const head = await Vl53l8ch.open(faulty, there.clock, EIGHT)
  t.equal(head.warm, false)
  t.equal((await head.next()).rangeMm[0], 320)
  await head.close()
  const aborter = new AbortController()
  const stopping: I2cBus = {
    transfer(address, out, length) {
      if (length === 492) aborter.abort(new Error('stop'))
      return there.bus.transfer(address, out, length)
    },
  }
  await t.rejects(Vl53l8ch.open(stopping, there.clock, EIGHT, aborter.signal), { message: 'stop' })
  t.equal((await opening(there)).head.warm, false, 'and what was broken off is not trusted')
})

test('a chip that was reset needs no stop, and ranges again at once', async (t) => {
  const there = bench(1_000_000)
  const { head } = await opening(there)
  await head.next()
  there.chip.powerCycle()
  const from = there.clock.now()
  await t.rejects(head.next(), { fault: 'failed', message: /it was reset/ })
  await head.close()
  const again = await opening(there)
  await again.head.next()
  t.ok(there.clock.now() - from < 1300, `${(there.clock.now() - from).toFixed(0)} ms to the next frame`)
})

/** Three chips on one bus, each with its LPn pin. */
function wired() {
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, 400_000)
  const wires = new SharedWires(bus)
  const chips = [0, 1, 2].map((i) =>
    wires.add((moved) => new SimulatedVl53l8ch({ clock, scene: new StillScene(300 + 100 * i), moved }), 0x29),
  )
  const lines = chips.map((chip): LpnLine => ({ set: (high) => Promise.resolve(chip.listen(high)) }))
  const heads = lines.map((line, i) => ({ line, address: 0x29 + i }))
  return { clock, bus, chips, heads }
}

test('several heads of one bus get their addresses one by one', async (t) => {
  const { clock, bus, chips, heads } = wired()
  await powerUp({ bus, clock }, heads)
  const open = () =>
    Promise.all(heads.map(({ address }) => Vl53l8ch.open(bus, clock, { ...EIGHT, rateHz: 5, address })))
  const drivers = await open()
  t.same(await Promise.all(drivers.map(async (head) => (await head.next()).rangeMm[0])), [300, 400, 500])
  t.equal(new Set(drivers.map(({ identity }) => identity)).size, 1, 'simulated chips are calibrated alike')
  await Promise.all(drivers.map((head) => head.close()))

  await powerUp({ bus, clock }, heads)
  t.same(
    (await open()).map(({ warm }) => warm),
    [true, true, true],
    'after a restart of the host they keep address and firmware',
  )
  chips[1]?.powerCycle()
  await powerUp({ bus, clock }, heads)
  t.same(
    (await open()).map(({ warm }) => warm),
    [true, false, true],
    'and one that lost its supply is moved again',
  )
})

test('a head that does not come up is named; a wrong wiring is refused', async (t) => {
  const { clock, bus, chips, heads } = wired()
  chips[1]?.powerOff()
  await t.rejects(powerUp({ bus, clock }, heads), {
    fault: 'absent',
    message: /no chip came up for 0x2a: LPn or supply/,
  })
  const doubled = heads.map(({ line }) => ({ line, address: 0x30 }))
  await t.rejects(powerUp({ bus, clock }, doubled), RangeError)
  const lone = bench(400_000)
  lone.bus.attach(0x29, new SimulatedVl53l8ch({ clock: lone.clock, scene: lone.scene, revisionId: 2 }))
  const line: LpnLine = { set: () => Promise.resolve() }
  await t.rejects(powerUp(lone, [{ line, address: 0x2a }]), { fault: 'wrong-chip', message: /0x2/ })
})

test('settings that a warm restart takes back are those of the default configuration', async (t) => {
  const there = bench(400_000)
  const { head } = await opening(there, { ...EIGHT, integrationMs: 8 })
  await head.close()
  // Nobody but us spoke to it, so it is taken over; had somebody, as here, it would not be.
  await setIntegrationTime(there.link, 12)
  t.equal((await opening(there)).head.warm, false)
})
