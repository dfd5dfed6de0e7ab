import { test } from 'tap'
import { runSimulatedBelt } from '../../../drivers/simulated/belt.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { SimulatedGpio } from '../../../drivers/simulated/gpio.ts'

const barrier = { chip: 'simulated', line: 10 }
const channel = { chip: 'simulated', line: 11, activeLow: true }

test('each part interrupts the light barrier once, and the encoder counts its way', async (t) => {
  const clock = new VirtualClock()
  const gpio = new SimulatedGpio(clock)
  const parts: number[] = []
  let pulses = 0
  let moving = true
  await gpio.watch(
    barrier,
    ({ active, at }) => active && parts.push(at),
    () => {},
  )
  await gpio.watch(
    channel,
    ({ active }) => {
      if (active) pulses += 1
    },
    () => {},
  )
  const end = new AbortController()
  const encoder = { line: channel, pulsesPerPart: 50 }
  const options = { periodMs: 500, barrier, encoder, moving: () => moving }
  const run = runSimulatedBelt(gpio, clock, options, end.signal)
  await clock.sleep(2201)
  t.strictSame(parts, [500, 1000, 1500, 2000])
  t.equal(pulses, 220)
  moving = false
  await clock.sleep(2000)
  t.equal(parts.length, 4, 'a belt that stands brings nothing')
  moving = true
  await clock.sleep(400)
  t.equal(parts.length, 5)
  end.abort()
  await run
})
