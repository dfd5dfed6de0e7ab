import { type Test, test } from 'tap'
import type { I2cBus } from '../../../drivers/bus.ts'
import type { Clock } from '../../../drivers/clock.ts'
import { SensorError } from '../../../drivers/sensor.ts'
import { SimulatedBus } from '../../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { FaultyDevice } from '../../../drivers/simulated/faults.ts'
import { generateFirmware } from '../../../drivers/simulated/firmware.ts'
import { Random } from '../../../drivers/simulated/random.ts'
import { SimulatedVl53l8ch } from '../../../drivers/simulated/vl53l8ch.ts'
import { imageOf } from '../../../drivers/vl53l8ch/firmware.ts'
import { changeAddress } from '../../../drivers/vl53l8ch/settings.ts'
import { Vl53l8ch, type Vl53l8chOptions } from '../../../drivers/vl53l8ch/vl53l8ch.ts'
import { StillScene } from '../../fakes/still-scene.ts'

const firmware = generateFirmware(1)
const EIGHT: Vl53l8chOptions = { firmware, zones: 64, rateHz: 15 }

/** A chip on a bus of 1 MHz, in front of a still scene, with faults at hand. */
function bench(chipOptions: { revisionId?: number } = {}) {
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, 1_000_000)
  const scene = new StillScene()
  const moved = (to: number, from: number): void => {
    bus.detach(from)
    bus.attach(to, faults)
  }
  const chip = new SimulatedVl53l8ch({ clock, scene, moved, ...chipOptions })
  const faults = new FaultyDevice(chip, clock)
  bus.attach(0x29, faults)
  return { clock, bus, scene, chip, faults }
}

/** A bus that changes what the chip answers; `out` is what the host sent first. */
function altered(bus: I2cBus, alter: (out: Uint8Array, answer: Uint8Array) => void): I2cBus {
  return {
    async transfer(address, out, length) {
      const answer = await bus.transfer(address, out, length)
      alter(out, answer)
      return answer
    },
  }
}

class SkewedClock implements Clock {
  readonly #clock: Clock
  readonly #factor: number

  constructor(clock: Clock, factor: number) {
    this.#clock = clock
    this.#factor = factor
  }

  now(): number {
    return this.#clock.now() * this.#factor
  }

  wall(): number {
    return this.#clock.wall()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#clock.sleep(ms / this.#factor, signal)
  }

  after(ms: number, act: () => void): () => void {
    return this.#clock.after(ms / this.#factor, act)
  }
}

const readsResults = (out: Uint8Array): boolean => out.length === 2 && out[0] === 0 && out[1] === 0

async function faultOf(t: Test, promise: Promise<unknown>): Promise<SensorError> {
  const error = await promise.then(
    () => t.fail('it should have failed'),
    (reason: unknown) => reason,
  )
  if (error instanceof SensorError) return error
  throw error
}

test('a chip is opened, delivers what stands before it, and stops', async (t) => {
  const { clock, bus, scene } = bench()
  const chip = await Vl53l8ch.open(bus, clock, EIGHT)
  t.ok(clock.now() < 1000, `open within a second at 1 MHz: ${clock.now().toFixed(0)} ms`)
  const frame = await chip.next()
  t.match(frame, { kind: 'vl53l8ch', zones: 64, targetsPerZone: 1, streamCount: 3, siliconTemperatureC: 36 })
  t.equal(frame.takenAt, clock.now())
  t.equal(frame.raw.length, 1444)
  t.same(
    [...frame.rangeMm],
    Array.from({ length: 64 }, (_, zone) => 320 - zone),
  )
  for (const [field, value] of [
    [frame.ambientKcpsPerSpad, 2.5],
    [frame.spads, 16],
    [frame.targetsDetected, 1],
    [frame.signalKcpsPerSpad, 40.5],
    [frame.sigmaMm, 1.5],
    [frame.reflectancePercent, 35],
    [frame.status, 5],
  ] as const) {
    t.same([...field], new Array(64).fill(value))
  }
  t.match(chip.identity, /^[0-9a-f]{64}$/)
  await chip.close()
  await t.rejects(chip.next(), { message: /after close/ })
  const looks = scene.looks.length
  await clock.sleep(500)
  t.equal(scene.looks.length, looks)
})

test('every resolution, number of targets and layout has its frame length', async (t) => {
  const cases = [
    [{ zones: 16, rateHz: 60 }, 532],
    [{ zones: 16, rateHz: 60, layout: 'uld' }, 1060],
    [{ zones: 16, rateHz: 30, targetsPerZone: 2 }, 692],
    [{ zones: 16, rateHz: 30, targetsPerZone: 3, layout: 'uld' }, 852],
    [{ zones: 16, rateHz: 2, targetsPerZone: 4 }, 1012],
    [{ zones: 64, rateHz: 15, layout: 'uld' }, 1444],
    [{ zones: 64, rateHz: 15, targetsPerZone: 2 }, 2084],
    [{ zones: 64, rateHz: 5, targetsPerZone: 3 }, 2724],
    [{ zones: 64, rateHz: 2, targetsPerZone: 4 }, 3364],
  ] as const
  for (const [options, bytes] of cases) {
    const { clock, bus } = bench()
    const chip = await Vl53l8ch.open(bus, clock, { firmware, ...options })
    const frame = await chip.measure(clock.now())
    const targets = 'targetsPerZone' in options ? options.targetsPerZone : 1
    t.equal(frame.raw.length, bytes, JSON.stringify(options))
    t.equal(frame.rangeMm.length, options.zones * targets)
    t.equal(frame.rangeMm[3 * targets], 317)
    t.equal(frame.targetsDetected[3], 1)
    await chip.close()
  }
})

test('a measurement was surely exposed after the moment it was asked for', async (t) => {
  for (const options of [EIGHT, { firmware, zones: 16, rateHz: 60 } as const]) {
    const { clock, bus, scene } = bench()
    const chip = await Vl53l8ch.open(bus, clock, options)
    const random = new Random(7)
    const transfers = bus.traffic.transfers
    let worst = 0
    for (let i = 0; i < 200; i += 1) {
      await clock.sleep(random.uniform() * 5 * chip.periodMs)
      const since = clock.now() + (random.uniform() - 0.5) * chip.periodMs
      await chip.measure(since)
      const exposed = (scene.looks.at(-1) ?? 0) - chip.periodMs
      if (exposed < since - 1e-6) t.fail(`exposed from ${exposed}, asked since ${since}`)
      worst = Math.max(worst, (clock.now() - since) / chip.periodMs)
    }
    t.ok(worst < 3, `at most three periods: ${worst.toFixed(2)}`)
    t.equal(scene.looks.length, 200, 'frames in between are not read')
    t.ok((bus.traffic.transfers - transfers) / 200 < 5, 'it sleeps instead of asking over and over')
  }
})

test('a chip whose clock is off is followed, and asked seldom', async (t) => {
  for (const error of [0.98, 1.02]) {
    const { clock, bus } = bench()
    // The host's clock runs faster or slower than the chip's.
    const skewed = new SkewedClock(clock, error)
    const chip = await Vl53l8ch.open(bus, skewed, EIGHT)
    await chip.next()
    const before = bus.traffic.transfers
    for (let i = 0; i < 300; i += 1) await chip.next()
    t.equal(chip.missedFrames, 0)
    const questions = (bus.traffic.transfers - before) / 300 - 1
    t.ok(questions < 4, `${questions.toFixed(1)} questions a frame`)
  }
})

test('next delivers every frame once, and counts what it missed', async (t) => {
  const { clock, bus } = bench()
  const chip = await Vl53l8ch.open(bus, clock, EIGHT)
  const counts: number[] = []
  for (let i = 0; i < 70; i += 1) counts.push((await chip.next()).streamCount)
  t.same(counts.slice(0, 3), [3, 7, 11])
  // 4·id + 3, folded into 128…255, with 255 shown as 127.
  t.same(counts.slice(62, 67), [251, 127, 131, 135, 139])
  t.equal(chip.missedFrames, 0)
  await clock.sleep(5 * chip.periodMs)
  await chip.next()
  t.equal(chip.missedFrames, 4)
})

test('calls queue behind each other', async (t) => {
  const { clock, bus } = bench()
  const chip = await Vl53l8ch.open(bus, clock, EIGHT)
  const [a, b] = await Promise.all([chip.next(), chip.next(), chip.close()])
  t.same([a.streamCount, b.streamCount], [3, 7])
})

test('a wait ends with its signal, and the next one goes on', async (t) => {
  const { clock, bus } = bench()
  const chip = await Vl53l8ch.open(bus, clock, EIGHT)
  await chip.next()
  const aborter = new AbortController()
  const measured = chip.measure(clock.now(), aborter.signal)
  clock.after(5, () => aborter.abort(new Error('part gone')))
  await t.rejects(measured, { message: 'part gone' })
  t.equal((await chip.next()).streamCount, 7)
  const opening = bench()
  await t.rejects(Vl53l8ch.open(opening.bus, opening.clock, EIGHT, AbortSignal.abort(new Error('stop'))), {
    message: 'stop',
  })
})

test('rates that the chip cannot range at are refused', async (t) => {
  const { clock, bus } = bench()
  for (const [zones, rateHz] of [
    [64, 1],
    [64, 16],
    [16, 61],
    [16, 7.5],
    [16, 0],
  ] as const) {
    await t.rejects(
      Vl53l8ch.open(bus, clock, { firmware, zones, rateHz }),
      RangeError,
      `${rateHz} Hz, ${zones} zones`,
    )
  }
  t.equal(bus.traffic.transfers, 0)
})

test('a chip that was given another address is driven there', async (t) => {
  const { clock, bus, faults } = bench()
  const link = await changeAddress({ bus, clock, address: 0x29 }, 0x2a)
  t.equal((await faultOf(t, Vl53l8ch.open(bus, clock, EIGHT))).fault, 'absent')
  const chip = await Vl53l8ch.open(bus, clock, { ...EIGHT, address: link.address })
  t.equal((await chip.next()).zones, 64)
  await t.rejects(changeAddress(link, 0x80), RangeError)
  faults.brownOut()
  t.equal((await (await Vl53l8ch.open(bus, clock, EIGHT)).next()).zones, 64, 'without power it forgets')
})

test('what cannot be opened says why, in time', async (t) => {
  const opened = async (bus: I2cBus, clock: VirtualClock, options = EIGHT): Promise<SensorError> => {
    const from = clock.now()
    const error = await faultOf(t, Vl53l8ch.open(bus, clock, options))
    t.ok(clock.now() - from < 5000, `within 5 s: ${error.message}`)
    return error
  }
  const absent = bench()
  absent.bus.detach(0x29)
  t.equal((await opened(absent.bus, absent.clock)).fault, 'absent')

  const sibling = bench({ revisionId: 0x02 })
  t.match(await opened(sibling.bus, sibling.clock), {
    fault: 'wrong-chip',
    message: /revision 0x2.*unknown device/,
  })

  const noise = bench()
  noise.faults.break('garbage')
  t.equal((await opened(noise.bus, noise.clock)).fault, 'wrong-chip')

  const other = bench()
  const wrong = imageOf(firmware, new Map([[firmware.sha256, 0x12345678]]))
  t.match(await opened(other.bus, other.clock, { ...EIGHT, firmware: wrong }), {
    fault: 'wrong-chip',
    message: /0x12345678 expected: status 5 \(firmware checksum\)/,
  })

  const damaged = bench()
  const bytes = firmware.firmware.slice()
  bytes[1000] = 255 - (bytes[1000] ?? 0)
  t.match(
    await opened(damaged.bus, damaged.clock, { ...EIGHT, firmware: { ...firmware, firmware: bytes } }),
    {
      fault: 'timeout',
      message: /start of the firmware/,
    },
  )

  const stuck = bench()
  const silent = altered(stuck.bus, (out, answer) => {
    if (out[0] === 0x2c && out[1] === 0x00) answer.fill(0)
  })
  t.match(await opened(silent, stuck.clock), { fault: 'timeout', message: /calibration memory took longer/ })

  const refusing = bench()
  const refused = altered(refusing.bus, (out, answer) => {
    if (out[0] === 0x2c && out[1] === 0x00 && answer.length === 4) answer.set([0x05, 0x03, 0x7f, 0x00])
  })
  t.match(await opened(refused, refusing.clock), { fault: 'failed', message: /status 66 \(MCU error\)/ })

  const unplugged = bench()
  unplugged.clock.after(120, () => unplugged.faults.break('silent'))
  t.equal((await opened(unplugged.bus, unplugged.clock)).fault, 'absent')
})

test('every fault while ranging has its name in time, and opening anew recovers', async (t) => {
  const cases = [
    ['silent', 'absent', /no acknowledge/],
    ['frozen', 'frozen', /stream count stays at/],
    ['brown-out', 'failed', /it was reset/],
  ] as const
  for (const [fault, name, message] of cases) {
    const { clock, bus, faults } = bench()
    const chip = await Vl53l8ch.open(bus, clock, EIGHT)
    await chip.measure(clock.now())
    if (fault === 'brown-out') faults.brownOut()
    else faults.break(fault)
    const from = clock.now()
    const error = await faultOf(t, chip.measure(from))
    t.equal(error.fault, name, fault)
    t.match(error.message, message)
    t.ok(clock.now() - from < 4.5 * chip.periodMs, 'within its deadline')
    faults.heal()
    await chip.close().catch(() => {})
    const again = await Vl53l8ch.open(bus, clock, EIGHT)
    t.equal((await again.measure(clock.now())).rangeMm[0], 320)
    await again.close()
  }
})

test('noise on the wires never becomes a measurement', async (t) => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const { clock, bus, chip: device } = bench()
    const faults = new FaultyDevice(device, clock, seed)
    bus.attach(0x29, faults)
    const chip = await Vl53l8ch.open(bus, clock, EIGHT)
    await chip.next()
    faults.break('garbage', 5 * chip.periodMs)
    const error = await faultOf(t, chip.measure(clock.now()))
    t.ok(['failed', 'corrupt', 'timeout', 'frozen'].includes(error.fault), `${seed}: ${error.message}`)
  }
})

test('a short silence on the bus is over when it is over', async (t) => {
  const { clock, bus, faults } = bench()
  const chip = await Vl53l8ch.open(bus, clock, EIGHT)
  await chip.next()
  faults.break('silent', 200)
  t.equal((await faultOf(t, chip.measure(clock.now()))).fault, 'absent')
  await clock.sleep(200)
  t.equal((await chip.measure(clock.now())).rangeMm[0], 320)
})

test('a firmware that reports an error names its status', async (t) => {
  const { clock, bus } = bench()
  let dead = false
  const reporting = altered(bus, (out, answer) => {
    if (dead && readsResults(out) && answer.length === 4) answer.set([0xff, 0x05, 0x42, 0x81])
  })
  const chip = await Vl53l8ch.open(reporting, clock, EIGHT)
  dead = true
  t.match(await faultOf(t, chip.next()), { fault: 'failed', message: /status 66 \(MCU error\)/ })
})

test('a frame that was replaced while it was read is corrupt, the one after it is good', async (t) => {
  const { clock, bus } = bench()
  let torn = true
  const tearing = altered(bus, (out, answer) => {
    if (torn && readsResults(out) && answer.length > 4) answer[answer.length - 1] = 0xee
  })
  const chip = await Vl53l8ch.open(tearing, clock, EIGHT)
  t.equal((await faultOf(t, chip.next())).fault, 'corrupt')
  torn = false
  t.equal((await chip.next()).rangeMm[0], 320)
})

test('the same frame under a new stream count is frozen', async (t) => {
  const { clock, bus } = bench()
  let first: Uint8Array | undefined
  const repeating = altered(bus, (out, answer) => {
    if (!readsResults(out) || answer.length <= 4) return
    first ??= answer.slice(4)
    answer.set(first, 4)
  })
  const chip = await Vl53l8ch.open(repeating, clock, EIGHT)
  await chip.next()
  t.match(await faultOf(t, chip.next()), { fault: 'frozen', message: /frame 0 again/ })
})

test('a chip that never finishes its first frame is a timeout', async (t) => {
  const { clock, bus } = bench()
  const waiting = altered(bus, (out, answer) => {
    if (readsResults(out) && answer.length === 4) answer.set([0xff, 0x05, 0x05, 0x10])
  })
  const chip = await Vl53l8ch.open(waiting, clock, EIGHT)
  t.equal((await faultOf(t, chip.measure(clock.now()))).fault, 'timeout')
  t.equal((await faultOf(t, chip.next())).fault, 'timeout')
})
