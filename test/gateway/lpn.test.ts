import { test } from 'tap'
import { SimulatedBus } from '../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { SimulatedGpio } from '../../drivers/simulated/gpio.ts'
import { SimulatedVl53l8ch } from '../../drivers/simulated/vl53l8ch.ts'
import { SharedWires } from '../../drivers/simulated/vl53l8ch-wires.ts'
import { LpnHeads } from '../../gateway/lpn.ts'
import { StillScene } from '../fakes/still-scene.ts'

const never = new AbortController().signal

/** Three chips that all come up at 0x29, each with its LPn pin on a line. */
function station() {
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, 1_000_000)
  const gpio = new SimulatedGpio(clock)
  const wires = new SharedWires(bus)
  const heads = [0, 1, 2].map((index) => {
    const lpn = { chip: 'simulated', line: 20 + index }
    const chip = wires.add((moved) => new SimulatedVl53l8ch({ clock, scene: new StillScene(), moved }), 0x29)
    gpio.attach(lpn, (wire) => chip.listen(wire !== false))
    return { id: `head-${index}`, address: 0x30 + index, lpn, chip }
  })
  const answers = async (): Promise<number[]> => {
    const found: number[] = []
    for (const address of [0x29, 0x30, 0x31, 0x32]) {
      const there = await bus.transfer(address, new Uint8Array(0), 0).then(
        () => true,
        () => false,
      )
      if (there) found.push(address)
    }
    return found
  }
  return { bus, heads, lpn: new LpnHeads(heads, gpio, clock), answers }
}

test('heads that come up at one address are given their own, all at once asked for', async (t) => {
  const { bus, heads, lpn, answers } = station()
  await Promise.all(heads.map(({ id }) => lpn.bringUp(id, bus, never)))
  t.strictSame(await answers(), [0x30, 0x31, 0x32])
})

test('one that lost its supply comes back to its address, and the others are not disturbed', async (t) => {
  const { bus, heads, lpn, answers } = station()
  await Promise.all(heads.map(({ id }) => lpn.bringUp(id, bus, never)))
  heads[1]?.chip.powerOff()
  heads[1]?.chip.powerOn()
  t.strictSame(await answers(), [0x29, 0x30, 0x32])
  await lpn.bringUp('head-1', bus, never)
  t.strictSame(await answers(), [0x30, 0x31, 0x32])
})

test('one that is missing is absent; the others come up without it', async (t) => {
  const { bus, heads, lpn, answers } = station()
  heads[0]?.chip.powerOff()
  const brought = await Promise.allSettled(heads.map(({ id }) => lpn.bringUp(id, bus, never)))
  t.strictSame(
    brought.map(({ status }) => status),
    ['rejected', 'fulfilled', 'fulfilled'],
  )
  await t.rejects(lpn.bringUp('head-0', bus, never), { fault: 'absent', message: /0x30/ })
  heads[0]?.chip.powerOn()
  await lpn.bringUp('head-0', bus, never)
  t.strictSame(await answers(), [0x30, 0x31, 0x32])
})

test('closed, the pins are free again', async (t) => {
  const { bus, heads, lpn } = station()
  await Promise.all(heads.map(({ id }) => lpn.bringUp(id, bus, never)))
  lpn.close()
  await lpn.bringUp('head-2', bus, never)
  t.pass('a line that was still taken would be busy')
})
