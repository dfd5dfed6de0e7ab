import { test } from 'tap'
import type { Edge, LineError, LineSpec } from '../../../drivers/gpio.ts'
import { SimulatedFlap } from '../../../drivers/simulated/belt-gate.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { SimulatedGpio } from '../../../drivers/simulated/gpio.ts'

const LINE: LineSpec = { chip: 'simulated', line: 5 }

function rig(edgeDelayMs = 0): { readonly clock: VirtualClock; readonly gpio: SimulatedGpio } {
  const clock = new VirtualClock()
  return { clock, gpio: new SimulatedGpio(clock, { edgeDelayMs }) }
}

test('a line belongs to whoever asked first, until it is closed', async (t) => {
  const { gpio } = rig()
  const output = await gpio.output(LINE, true)
  await t.rejects(gpio.input(LINE), { name: 'LineError', fault: 'busy' })
  await t.rejects(
    gpio.watch(
      LINE,
      () => {},
      () => {},
    ),
    { name: 'LineError', fault: 'busy' },
  )
  output.close()
  const input = await gpio.input(LINE)
  t.throws(() => output.set(true), { name: 'LineError', message: 'simulated/5: it is closed' })
  output.close()
  t.equal(input.read(), false, 'the old owner does no harm to the new one')
  input.close()
  t.throws(() => input.read(), { name: 'LineError', fault: 'failed' })
})

test('what an output did, and when; given back, its wire floats', async (t) => {
  const { clock, gpio } = rig()
  const output = await gpio.output({ ...LINE, activeLow: true }, false)
  t.equal(gpio.wire(LINE), true)
  await clock.sleep(10)
  output.set(true)
  output.set(true)
  t.equal(gpio.wire(LINE), false)
  await clock.sleep(10)
  output.close()
  t.equal(gpio.wire(LINE), undefined)
  t.strictSame(gpio.changes(LINE), [
    { at: 0, level: 'inactive' },
    { at: 10, level: 'active' },
    { at: 20, level: 'inactive' },
    { at: 20, level: 'floating' },
  ])
})

test('inputs read the wire; nobody on it: their bias', async (t) => {
  const { gpio } = rig()
  const up = await gpio.input({ ...LINE, bias: 'pull-up' })
  t.equal(up.read(), true)
  gpio.drive(LINE, false)
  t.equal(up.read(), false)
  gpio.drive(LINE, undefined)
  t.equal(up.read(), true)
  up.close()
  const inverted = await gpio.input({ ...LINE, activeLow: true })
  gpio.drive(LINE, true)
  t.equal(inverted.read(), false)
  inverted.close()
})

test('edges are told later than they are, in order, and not after the end', async (t) => {
  const { clock, gpio } = rig(3)
  const edges: Edge[] = []
  const toldAt: number[] = []
  const watch = await gpio.watch(
    { ...LINE, activeLow: true },
    (edge) => {
      edges.push(edge)
      toldAt.push(clock.now())
    },
    () => t.fail('it did not end'),
  )
  gpio.drive(LINE, true)
  await clock.sleep(1)
  gpio.drive(LINE, false)
  await clock.sleep(10)
  gpio.drive(LINE, true)
  await watch.close()
  await clock.sleep(10)
  t.strictSame(edges, [
    { active: false, at: 0 },
    { active: true, at: 1 },
  ])
  t.strictSame(toldAt, [3, 4], 'and a wire that floats reads as low')
})

test('a chip that goes away: its lines fail, its watches end; then it is back', async (t) => {
  const { clock, gpio } = rig()
  const output = await gpio.output(LINE, true)
  const errors: LineError[] = []
  await gpio.watch(
    { chip: 'simulated', line: 6 },
    () => {},
    (error) => errors.push(error),
  )
  gpio.unplug('simulated')
  t.throws(() => output.set(false), { name: 'LineError', fault: 'no-chip' })
  await t.rejects(gpio.input({ chip: 'simulated', line: 7 }), { name: 'LineError', fault: 'no-chip' })
  await clock.sleep(1)
  t.strictSame(
    errors.map(({ fault }) => fault),
    ['no-chip'],
  )
  t.throws(() => output.close(), { name: 'LineError', fault: 'no-chip' })
  gpio.plug('simulated')
  const again = await gpio.output(LINE, false)
  again.close()
})

test('no such chip, no such line, and a line that fails', async (t) => {
  const { gpio } = rig()
  await t.rejects(gpio.input({ chip: 'gpiochip0', line: 0 }), { name: 'LineError', fault: 'no-chip' })
  await t.rejects(gpio.input({ chip: 'simulated', line: 64 }), {
    name: 'LineError',
    fault: 'no-line',
    message: /lines 0 to 63/,
  })
  gpio.fail(LINE, 'no-permission')
  await t.rejects(gpio.output(LINE, false), { name: 'LineError', fault: 'no-permission' })
})

test('a process that dies leaves its outputs floating', async (t) => {
  const { gpio } = rig()
  await gpio.output(LINE, true)
  gpio.die()
  t.equal(gpio.wire(LINE), undefined)
  const successor = await gpio.output(LINE, false)
  t.equal(gpio.wire(LINE), false)
  successor.close()
})

test('a flap takes its time, springs back when its drive floats, and stays where it is jammed', async (t) => {
  const { clock, gpio } = rig()
  const feedback = { chip: 'simulated', line: 6 }
  const flap = new SimulatedFlap(gpio, clock, { drive: LINE, feedback, moveMs: 40 })
  t.equal(gpio.wire(feedback), false)
  const drive = await gpio.output(LINE, true)
  await clock.sleep(39)
  t.equal(flap.open, false)
  await clock.sleep(2)
  t.equal(flap.open, true)
  t.equal(gpio.wire(feedback), true)
  flap.jam()
  drive.set(false)
  await clock.sleep(100)
  t.equal(flap.open, true)
  flap.free()
  await clock.sleep(41)
  t.equal(flap.open, false)
  drive.set(true)
  await clock.sleep(50)
  gpio.die()
  await clock.sleep(50)
  t.equal(gpio.wire(feedback), false)
})
