import { test } from 'tap'
import { BeltGate } from '../../../drivers/gate/belt-gate.ts'
import type { BeltGateOptions } from '../../../drivers/gate/options.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { SimulatedEncoder } from '../../../drivers/simulated/encoder.ts'
import { SimulatedGpio } from '../../../drivers/simulated/gpio.ts'
import { Encoder } from '../../../drivers/trigger/encoder.ts'
import { polledPulses } from '../../../drivers/trigger/pulse-sources.ts'
import { PASS, STOP } from './rig.ts'

interface Rig {
  readonly clock: VirtualClock
  readonly belt: SimulatedEncoder
  readonly encoder: Encoder
  readonly gate: BeltGate
  /** Where the belt was when `pass` changed, pulses. */
  readonly moves: number[]
}

/** A gate 1000 pulses behind its trigger, on a belt that runs 1000 a second. */
async function rig(options: Partial<BeltGateOptions> = {}): Promise<Rig> {
  const clock = new VirtualClock()
  const gpio = new SimulatedGpio(clock)
  const belt = new SimulatedEncoder(clock)
  const encoder = await Encoder.open(polledPulses(belt, clock), clock, { mmPerPulse: 0.1 })
  const gate = await BeltGate.open(gpio, clock, {
    pass: PASS,
    stop: STOP,
    window: { delayPulses: 1000, pulsePulses: 200 },
    position: encoder,
    ...options,
  })
  const moves: number[] = []
  gpio.attach(PASS, () => moves.push(belt.position))
  belt.run(1000)
  await clock.sleep(500)
  return { clock, belt, encoder, gate, moves }
}

function near(moves: readonly number[], expected: readonly number[], tolerance: number): boolean {
  return (
    moves.length === expected.length &&
    moves.every((move, place) => Math.abs(move - (expected[place] ?? 0)) <= tolerance)
  )
}

test('the window is where the part is, whatever the belt does on the way', async (t) => {
  const { clock, belt, encoder, gate, moves } = await rig()
  t.equal(gate.decideWithinMs, undefined)
  const seenAt = belt.position
  gate.expect(1, clock.now())
  await clock.sleep(300)
  belt.run(0)
  await clock.sleep(5000)
  t.equal(gate.act('accept', 1), 'in-time', 'it stands between trigger and gate')
  belt.run(2000)
  await clock.sleep(2000)
  t.ok(near(moves, [seenAt + 1000, seenAt + 1200], 4), moves.join(' '))
  t.equal(gate.health().counters.accepted, 1)
  gate.close()
  await encoder.close()
})

test('a trigger that is told late was where the belt was then', async (t) => {
  const { clock, belt, encoder, gate, moves } = await rig()
  const seenAt = belt.position
  const at = clock.now()
  await clock.sleep(150)
  gate.expect(1, at)
  gate.act('accept', 1)
  await clock.sleep(2000)
  t.ok(near(moves, [seenAt + 1000, seenAt + 1200], 3), moves.join(' '))
  gate.close()
  await encoder.close()
})

test('the flap is told earlier by the way that the belt makes while it moves', async (t) => {
  const { clock, belt, encoder, gate, moves } = await rig({ leadMs: 40 })
  const seenAt = belt.position
  gate.expect(1, clock.now())
  gate.act('accept', 1)
  await clock.sleep(2000)
  t.ok(near(moves, [seenAt + 960, seenAt + 1160], 4), moves.join(' '))
  gate.close()
  await encoder.close()
})

test('begun by the belt, as long as the clock says', async (t) => {
  const { clock, belt, encoder, gate, moves } = await rig({ window: { delayPulses: 1000, pulseMs: 50 } })
  const seenAt = belt.position
  gate.expect(1, clock.now())
  gate.act('accept', 1)
  await clock.sleep(2000)
  t.ok(near(moves, [seenAt + 1000, seenAt + 1050], 3), moves.join(' '))
  gate.close()
  await encoder.close()
})

test('a stopped line keeps its verdicts: the parts are where they are', async (t) => {
  const { clock, belt, encoder, gate, moves } = await rig()
  const seenAt = belt.position
  gate.expect(1, clock.now())
  gate.act('accept', 1)
  gate.stopLine()
  belt.run(0)
  await clock.sleep(1000)
  gate.resumeLine()
  belt.run(1000)
  await clock.sleep(2000)
  t.ok(near(moves, [seenAt + 1000, seenAt + 1200], 4), moves.join(' '))
  gate.close()
  await encoder.close()
})

test('an encoder that is lost: the window that is open shuts, those to come are rejected', async (t) => {
  const { clock, belt, encoder, gate, moves } = await rig()
  gate.expect(1, clock.now())
  gate.act('accept', 1)
  await clock.sleep(500)
  gate.expect(2, clock.now())
  gate.act('accept', 2)
  await clock.sleep(600)
  t.equal(moves.length, 1)
  belt.fail('failed')
  await clock.sleep(10)
  t.equal(moves.length, 2, 'shut')
  gate.expect(3, clock.now())
  t.equal(gate.act('accept', 3), 'late')
  belt.fail(undefined)
  await clock.sleep(10_000)
  t.match(gate.health().counters, { announced: 3, accepted: 0, rejected: 3, stranded: 3 })

  gate.expect(4, clock.now())
  t.equal(gate.act('accept', 4), 'in-time', 'back again')
  await clock.sleep(2000)
  t.equal(gate.health().counters.accepted, 1)
  gate.close()
  await encoder.close()
})
