import { type Test, test } from 'tap'
import type { I2cBus } from '../../../drivers/bus.ts'
import { SensorError, type SensorFault } from '../../../drivers/sensor.ts'
import { SimulatedBus } from '../../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { FaultyBus, FaultyDevice } from '../../../drivers/simulated/faults.ts'
import { generateFirmware } from '../../../drivers/simulated/firmware.ts'
import { SimulatedVl53l8ch } from '../../../drivers/simulated/vl53l8ch.ts'
import type { RangeFrame } from '../../../drivers/vl53l8ch/ranges.ts'
import { Vl53l8ch, type Vl53l8chOptions } from '../../../drivers/vl53l8ch/vl53l8ch.ts'
import { StillScene } from '../../fakes/still-scene.ts'

const EIGHT: Vl53l8chOptions = { firmware: generateFirmware(1), zones: 64, rateHz: 15 }
const PERIOD_MS = 1000 / 15

async function ranging() {
  const clock = new VirtualClock()
  const plain = new SimulatedBus(clock, 1_000_000)
  const device = new SimulatedVl53l8ch({ clock, scene: new StillScene() })
  plain.attach(0x29, device)
  const bus = new FaultyBus(plain)
  const chip = await Vl53l8ch.open(bus, clock, EIGHT)
  await chip.next()
  return { clock, plain, device, bus, chip }
}

async function faultOf(t: Test, promise: Promise<RangeFrame>): Promise<SensorFault | undefined> {
  try {
    await promise
    t.fail('it should have failed')
  } catch (error) {
    if (error instanceof SensorError) return error.fault
    throw error
  }
  return undefined
}

test('a transfer that fails once costs one frame at most', async (t) => {
  const cases = [
    ['no-acknowledge', 'absent'],
    ['short-transfer', 'failed'],
    ['arbitration-lost', 'failed'],
    ['timeout', 'failed'],
  ] as const
  for (const [fault, name] of cases) {
    const { clock, bus, chip } = await ranging()
    bus.break(fault, 1)
    const from = clock.now()
    t.equal(await faultOf(t, chip.measure(from)), name, fault)
    t.ok(clock.now() - from < PERIOD_MS, 'at once')
    t.equal((await chip.measure(clock.now())).rangeMm[0], 320, 'and the next one is good')
    await chip.close()
  }
})

test('a clock line that stays low is named, and nothing is retried for ever', async (t) => {
  const { clock, bus, chip } = await ranging()
  bus.break('bus-stuck')
  const error = await chip.measure(clock.now()).catch((reason: unknown) => reason)
  t.match(error, { fault: 'failed', message: /bus-stuck/, cause: { fault: 'bus-stuck' } })
  await t.rejects(chip.close(), { fault: 'failed', message: /bus-stuck/ })
  await t.rejects(Vl53l8ch.open(bus, clock, EIGHT), { fault: 'failed', message: /bus-stuck/ })
  bus.heal()
  const again = await Vl53l8ch.open(bus, clock, EIGHT)
  t.equal((await again.next()).rangeMm[0], 320)
})

test('a bit that is flipped in a number or a header of a frame is found', async (t) => {
  const { clock, plain, chip } = await ranging()
  await chip.close()
  // In turn: the stream count, the frame's number at its head, the header of the ambient light, the number at the foot.
  for (const at of [0, 11, 41, 1443]) {
    let spoilt = false
    const wires: I2cBus = {
      async transfer(address, out, length) {
        const answer = await plain.transfer(address, out, length)
        if (spoilt && length === 1444) answer[at] = (answer[at] ?? 0) ^ 0x10
        return answer
      },
    }
    const head = await Vl53l8ch.open(wires, clock, EIGHT)
    await head.next()
    spoilt = true
    t.equal(await faultOf(t, head.next()), 'corrupt', `byte ${at}`)
    spoilt = false
    t.equal((await head.next()).rangeMm[0], 320)
    await head.close()
  }
})

test('one bit flipped anywhere never stops the driver for good', async (t) => {
  const { clock, bus, chip } = await ranging()
  const found: string[] = []
  for (let round = 0; round < 200; round += 1) {
    const reads = round % 2 === 0 ? 4 : 1444
    bus.break('flipped', 1, (_, length) => length === reads)
    try {
      await chip.next()
    } catch (error) {
      if (!(error instanceof SensorError)) throw error
      found.push(error.fault)
    }
    bus.heal()
    t.equal((await chip.measure(clock.now())).rangeMm[0], 320)
  }
  t.ok(found.length > 0, 'the bus has no checksum: most bits are a measurement’s')
})

test('a gap in the frames is counted by their own numbers, however long', async (t) => {
  const { clock, chip } = await ranging()
  await clock.sleep(100 * PERIOD_MS)
  await chip.next()
  t.equal(chip.missedFrames, 99, 'the stream count alone would have told 3')
})

test('a chip that begins to range anew behind our back is found', async (t) => {
  const { clock, plain, chip } = await ranging()
  await clock.sleep(20 * PERIOD_MS)
  await chip.next()
  // Another host starts it again.
  await plain.transfer(0x29, Uint8Array.of(0x2f, 0xfc, 0, 3, 0, 0), 0)
  await clock.sleep(5 * PERIOD_MS)
  const error = await chip.next().catch((reason: unknown) => reason)
  t.match(error, { fault: 'failed', message: /comes after frame 20: it ranges anew/ })
  await chip.close()
  t.equal((await Vl53l8ch.open(plain, clock, EIGHT)).warm, false)
})

test('unplugged and plugged back it is loaded again; meanwhile another head keeps its rate', async (t) => {
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, 1_000_000)
  const device = new SimulatedVl53l8ch({ clock, scene: new StillScene() })
  const other = new SimulatedVl53l8ch({ clock, scene: new StillScene(500) })
  const faults = new FaultyDevice(device, clock)
  bus.attach(0x29, faults)
  bus.attach(0x2a, other)
  const one = await Vl53l8ch.open(bus, clock, EIGHT)
  const two = await Vl53l8ch.open(bus, clock, { ...EIGHT, address: 0x2a })
  await two.next()
  const healthy = (async () => {
    for (let i = 0; i < 60; i += 1) await two.next()
    return two.missedFrames
  })()
  device.powerOff()
  t.equal(await faultOf(t, one.measure(clock.now())), 'absent')
  await t.rejects(one.close(), { fault: 'absent', message: /no acknowledge/ })
  await t.rejects(Vl53l8ch.open(bus, clock, EIGHT), { fault: 'absent', message: /no acknowledge/ })
  await clock.sleep(500)
  device.powerOn()
  await clock.sleep(10)
  t.equal(await healthy, 0, 'not one frame of the other is lost')
  const again = await Vl53l8ch.open(bus, clock, EIGHT)
  t.equal(again.warm, false)
  t.equal((await again.next()).rangeMm[0], 320)
})
