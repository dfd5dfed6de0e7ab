import { test } from 'tap'
import { BusError, type I2cBus } from '../../drivers/bus.ts'
import { SimulatedBus } from '../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { generateFirmware } from '../../drivers/simulated/firmware.ts'
import { SimulatedVl53l8ch } from '../../drivers/simulated/vl53l8ch.ts'
import { Tca9548a } from '../../drivers/tca9548a.ts'
import { Vl53l8ch } from '../../drivers/vl53l8ch/vl53l8ch.ts'
import { StillScene } from '../fakes/still-scene.ts'

/** The multiplexer's other side: its control register opens the buses behind it. */
class Multiplexer implements I2cBus {
  control = 0
  silent = false
  readonly controls: number[] = []
  readonly behind: readonly SimulatedBus[]

  constructor(behind: readonly SimulatedBus[]) {
    this.behind = behind
  }

  async transfer(address: number, out: Uint8Array, length: number): Promise<Uint8Array> {
    if (address === 0x70) {
      if (this.silent) throw new BusError('no-acknowledge', 'no acknowledge at 0x70')
      this.control = out[0] ?? this.control
      this.controls.push(this.control)
      return Uint8Array.of(this.control).subarray(0, length)
    }
    const open = this.behind.filter((_, i) => ((this.control >> i) & 1) === 1)
    const [bus] = open
    if (bus === undefined) throw new BusError('no-acknowledge', 'no acknowledge: no channel is open')
    if (open.length > 1) throw new Error('two channels are open')
    return await bus.transfer(address, out, length)
  }
}

function station(heads: number) {
  const clock = new VirtualClock()
  const behind = Array.from({ length: heads }, (_, i) => {
    const bus = new SimulatedBus(clock, 1_000_000)
    bus.attach(0x29, new SimulatedVl53l8ch({ clock, scene: new StillScene(300 + 100 * i) }))
    return bus
  })
  const multiplexer = new Multiplexer(behind)
  return { clock, multiplexer, mux: new Tca9548a(multiplexer) }
}

test('heads with one address range side by side behind a multiplexer', async (t) => {
  const { clock, multiplexer, mux } = station(2)
  const firmware = generateFirmware(1)
  const heads = await Promise.all(
    [0, 1].map((number) => Vl53l8ch.open(mux.channel(number), clock, { firmware, zones: 64, rateHz: 15 })),
  )
  for (let round = 0; round < 5; round += 1) {
    const frames = await Promise.all(heads.map((head) => head.next()))
    t.same(
      frames.map((frame) => frame.rangeMm[0]),
      [300, 400],
    )
  }
  multiplexer.controls.length = 0
  await heads[0]?.next()
  await heads[0]?.next()
  t.ok(multiplexer.controls.length <= 1, 'a channel that is open is not opened again')
  await Promise.all(heads.map((head) => head.close()))
  await mux.release()
  t.equal(multiplexer.control, 0)
})

test('after a fault the channel is opened anew', async (t) => {
  const { multiplexer, mux } = station(1)
  const bus = mux.channel(0)
  await bus.transfer(0x29, Uint8Array.of(0, 0), 1)
  // The multiplexer's supply dips: it closes every channel.
  multiplexer.control = 0
  await t.rejects(bus.transfer(0x29, Uint8Array.of(0, 0), 1), { message: /no acknowledge/ })
  t.equal((await bus.transfer(0x29, Uint8Array.of(0, 0), 1)).length, 1)
  multiplexer.silent = true
  await t.rejects(mux.release(), { message: /multiplexer at 0x70/ })
  multiplexer.silent = false
  await mux.release()
  t.equal(multiplexer.control, 0)
})

test('there are eight channels, and eight addresses', (t) => {
  const { multiplexer, mux } = station(1)
  for (const number of [-1, 8, 0.5]) t.throws(() => mux.channel(number), RangeError)
  for (const address of [0x6f, 0x78]) t.throws(() => new Tca9548a(multiplexer, address), RangeError)
  t.end()
})
