import { test } from 'tap'
import { BusError, type I2cBus, transferBits } from '../../drivers/bus.ts'
import { observe } from '../../drivers/bus-statistics.ts'
import { SimulatedBus, type SimulatedDevice } from '../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { FaultyBus } from '../../drivers/simulated/faults.ts'
import { Tca9548a } from '../../drivers/tca9548a.ts'

const HZ = 100_000
const memory: SimulatedDevice = { write: () => true, read: (length) => new Uint8Array(length) }

function setUp(hz?: number) {
  const clock = new VirtualClock()
  const simulated = new SimulatedBus(clock, HZ)
  simulated.attach(0x29, memory)
  simulated.attach(0x39, memory)
  const wires = new FaultyBus(simulated)
  return { clock, wires, ...observe(wires, clock, hz === undefined ? {} : { hz }) }
}

/** Time of a transfer's bits, ms. */
const ms = (out: number, length: number): number => (transferBits(out, length) * 1000) / HZ

test('each device has its transfers and bytes', async (t) => {
  const { bus, statistics } = setUp()
  await bus.transfer(0x39, Uint8Array.of(0x80, 0x01), 0)
  await bus.transfer(0x29, Uint8Array.of(0x00, 0x00), 4)
  await bus.transfer(0x29, Uint8Array.of(0x7f, 0xff, 0x02), 0)
  const [tof, spectral] = statistics().devices
  t.match(tof, { address: 0x29, transfers: 2, bytesOut: 5, bytesIn: 4, repeated: 0, faults: {} })
  t.match(spectral, { address: 0x39, transfers: 1, bytesOut: 2, bytesIn: 0 })
})

test('time in the queue is not time on the bus', async (t) => {
  const { bus, statistics, clock } = setUp(HZ)
  await Promise.all(Array.from({ length: 20 }, () => bus.transfer(0x29, Uint8Array.of(0, 0), 100)))
  const { devices, busyPercent, wirePercent, windowMs } = statistics()
  const each = ms(2, 100)
  t.ok(Math.abs((devices[0]?.meanMs ?? 0) - each) < 1e-9, `${devices[0]?.meanMs} ms, ${each} ms on the wire`)
  t.ok(Math.abs((devices[0]?.maxMs ?? 0) - each) < 1e-9)
  t.equal(windowMs, clock.now())
  t.ok(Math.abs(busyPercent - 100) < 1e-9, `one after the other without a gap: ${busyPercent} %`)
  t.ok(Math.abs((wirePercent ?? 0) - 100) < 1e-9)
})

test('a channel of a multiplexer queues above: its waits are not counted either', async (t) => {
  const { clock, wires } = setUp()
  const { bus, statistics } = observe(wires, clock)
  const behind = new Tca9548a(bus, 0x77).channel(0)
  const asked = await Promise.allSettled(
    [1, 2, 3].map((byte) => behind.transfer(0x29, Uint8Array.of(byte), 50)),
  )
  t.same(
    asked.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
  const selecting = statistics().devices.find(({ address }) => address === 0x77)
  t.match(selecting, { transfers: 3, faults: { 'no-acknowledge': 3 }, repeated: 2 })
  t.ok((selecting?.maxMs ?? 0) <= ms(1, 0) + 1e-9)
})

test('occupancy is a share of the last ten seconds: busy as measured, wires as their bits take', async (t) => {
  const clock = new VirtualClock()
  // Each transfer takes the host 10 ms, of which the wires need less than one.
  const slow: I2cBus = {
    transfer: async (_address, _out, length) => {
      await clock.sleep(10)
      return new Uint8Array(length)
    },
  }
  const { bus, statistics } = observe(slow, clock, { hz: HZ })
  t.match(statistics(), { windowMs: 0, busyPercent: 0, wirePercent: 0, devices: [] })
  const work = async (times: number, pauseMs: number): Promise<void> => {
    for (let i = 0; i < times; i += 1) {
      await bus.transfer(0x29, Uint8Array.of(0, 0), 0)
      await clock.sleep(pauseMs)
    }
  }
  await work(50, 90)
  t.match(statistics(), { windowMs: 5000 })
  t.ok(Math.abs(statistics().busyPercent - 10) < 1e-6, `10 of every 100 ms: ${statistics().busyPercent} %`)
  const wire = (50 * ms(2, 0) * 100) / 5000
  t.ok(Math.abs((statistics().wirePercent ?? 0) - wire) < 1e-9)
  await work(1000, 10)
  const later = statistics()
  t.ok(later.windowMs >= 9000 && later.windowMs <= 10_000, `${later.windowMs} ms`)
  t.ok(Math.abs(later.busyPercent - 50) < 0.2, `what was before has left: ${later.busyPercent} %`)
  await clock.sleep(60_000)
  t.match(statistics(), { busyPercent: 0, wirePercent: 0 }, 'an idle bus')
  t.equal(statistics().devices[0]?.transfers, 1050, 'counters stay')
})

test('a transfer that does not end counts while it lasts', async (t) => {
  const clock = new VirtualClock()
  const never: I2cBus = { transfer: () => new Promise(() => {}) }
  const { bus, statistics } = observe(never, clock)
  await clock.sleep(1000)
  void bus.transfer(0x29, Uint8Array.of(0), 1)
  await clock.sleep(3000)
  t.equal(statistics().busyPercent, 75)
  await clock.sleep(30_000)
  t.equal(statistics().busyPercent, 100)
})

test('faults by kind, and retries: the same transfer again behind one that failed', async (t) => {
  const { bus, wires, statistics } = setUp()
  const ask = Uint8Array.of(0x00, 0x00)
  wires.break('no-acknowledge', 2)
  await t.rejects(bus.transfer(0x29, ask, 4), { name: 'BusError', fault: 'no-acknowledge' })
  await t.rejects(bus.transfer(0x29, ask, 4), { name: 'BusError', fault: 'no-acknowledge' })
  await bus.transfer(0x29, ask, 4)
  await bus.transfer(0x29, ask, 4)
  wires.break('timeout', 1)
  await t.rejects(bus.transfer(0x29, ask, 4), { name: 'BusError', fault: 'timeout' })
  await bus.transfer(0x29, ask, 8)
  const [device] = statistics().devices
  t.match(device, { transfers: 6, bytesOut: 6, bytesIn: 16 })
  t.strictSame(device?.faults, { 'no-acknowledge': 2, timeout: 1 })
  t.equal(device?.repeated, 2, 'a poll is no retry, and neither is another question')
})

test('a retry of one device is not mistaken for one of another', async (t) => {
  const { bus, wires, statistics } = setUp()
  wires.break('no-acknowledge', 1)
  await t.rejects(bus.transfer(0x29, Uint8Array.of(1), 1), BusError)
  await bus.transfer(0x39, Uint8Array.of(1), 1)
  await bus.transfer(0x29, Uint8Array.of(1), 1)
  t.strictSame(
    statistics().devices.map(({ repeated }) => repeated),
    [1, 0],
  )
})

test('what never came to the wires is no transfer', async (t) => {
  const clock = new VirtualClock()
  const refusing: I2cBus = { transfer: () => Promise.reject(new RangeError('at most 8192 bytes')) }
  const { bus, statistics } = observe(refusing, clock)
  await t.rejects(bus.transfer(0x29, new Uint8Array(9000), 0), RangeError)
  t.strictSame(statistics().devices, [])
})
