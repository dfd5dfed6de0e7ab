import { test } from 'tap'
import { BeltGate } from '../../../drivers/gate/belt-gate.ts'
import type { BeltGateOptions } from '../../../drivers/gate/options.ts'
import { SimulatedFlap } from '../../../drivers/simulated/belt-gate.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { SimulatedGpio } from '../../../drivers/simulated/gpio.ts'
import { ACCEPT, activeTimes, FEEDBACK, HOLD, KICK, PASS, READY, REJECT, rig, STOP } from './rig.ts'

test('an accepted part opens its window, and nothing else does', async (t) => {
  const { clock, gpio, gate } = await rig()
  t.equal(gate.decideWithinMs, 500)
  gate.expect(1, clock.now())
  gate.expect(2, clock.now() + 200)
  gate.expect(3, clock.now() + 400)
  t.equal(gate.act('accept', 1), 'in-time')
  t.equal(gate.act('reject', 2), 'in-time')
  await clock.sleep(1500)
  t.strictSame(activeTimes(gpio, PASS), [[500, 600]])
  const { counters, waiting } = gate.health()
  t.equal(waiting, 0)
  t.match(counters, { announced: 3, accepted: 1, rejected: 2, undecided: 1, late: 0 })
  gate.close()
})

test('the window is that of the trigger, however late the gate hears of it', async (t) => {
  const { clock, gpio, gate } = await rig()
  await clock.sleep(1000)
  gate.expect(1, 960.25)
  gate.act('accept', 1)
  await clock.sleep(1000)
  t.strictSame(activeTimes(gpio, PASS), [[1460.25, 1560.25]])
  gate.close()
})

test('a verdict after its window opened is late, and the part is rejected', async (t) => {
  const { clock, gpio, gate } = await rig()
  gate.expect(1, 0)
  await clock.sleep(500)
  t.equal(gate.act('accept', 1), 'late')
  await clock.sleep(50)
  t.equal(gate.act('accept', 1), 'late')
  await clock.sleep(500)
  t.equal(gate.act('accept', 1), 'late')
  t.equal(gate.act('accept', 7), 'late', 'of a part that never was')
  t.strictSame(activeTimes(gpio, PASS), [])
  t.match(gate.health().counters, { announced: 1, rejected: 1, undecided: 1, late: 3, unannounced: 1 })
  gate.close()
})

test('accepted parts close to each other pass without the flap moving between them', async (t) => {
  const { clock, gpio, gate } = await rig()
  for (const trigger of [1, 2, 3]) {
    gate.expect(trigger, 100 * trigger)
    gate.act('accept', trigger)
  }
  await clock.sleep(2000)
  t.strictSame(activeTimes(gpio, PASS), [[600, 900]])
  gate.close()
})

test('the flap is told earlier by the time that it takes', async (t) => {
  const { clock, gpio, gate } = await rig({ leadMs: 30 })
  t.equal(gate.decideWithinMs, 470)
  gate.expect(1, 0)
  await clock.sleep(469)
  t.equal(gate.act('accept', 1), 'in-time')
  await clock.sleep(500)
  t.strictSame(activeTimes(gpio, PASS), [[470, 570]])
  gate.close()
})

test('held parts take their lane; without one they are rejected', async (t) => {
  for (const lane of [true, false]) {
    const { clock, gpio, gate } = await rig(lane ? { hold: HOLD } : {})
    t.equal(gate.holdLane, lane)
    gate.expect(1, 0)
    gate.act('hold', 1)
    await clock.sleep(1000)
    t.strictSame(activeTimes(gpio, HOLD), lane ? [[500, 600]] : [])
    t.strictSame(activeTimes(gpio, PASS), [])
    t.match(gate.health().counters, lane ? { held: 1, rejected: 0 } : { held: 0, rejected: 1 })
    gate.close()
  }
})

test('a line that stops has no times any more: what waits is rejected, what is in front of the gate is not cut', async (t) => {
  const { clock, gpio, gate } = await rig({ stop: STOP })
  gate.expect(1, 0)
  gate.act('accept', 1)
  gate.expect(2, 100)
  gate.act('accept', 2)
  await clock.sleep(550)
  gate.stopLine()
  t.equal(gate.lineStopped, true)
  gate.expect(3, 550)
  t.equal(gate.act('accept', 3), 'late')
  await clock.sleep(1000)
  gate.resumeLine()
  t.equal(gate.lineStopped, false)
  gate.expect(4, clock.now())
  t.equal(gate.act('accept', 4), 'in-time')
  await clock.sleep(1000)
  t.strictSame(activeTimes(gpio, PASS), [
    [500, 600],
    [2050, 2150],
  ])
  t.strictSame(activeTimes(gpio, STOP), [[550, 1550]])
  t.match(gate.health().counters, { announced: 4, accepted: 2, rejected: 2, stranded: 2 })
  gate.close()
})

test('safe: nothing passes any more, not even what was accepted', async (t) => {
  const { clock, gpio, gate } = await rig({ plc: { ready: READY } })
  gate.setReady(true)
  gate.expect(1, 0)
  gate.expect(2, 100)
  gate.act('accept', 1)
  gate.act('accept', 2)
  await clock.sleep(510)
  gate.safe()
  t.equal(gpio.wire(PASS), false)
  t.equal(gpio.wire(READY), false)
  gate.expect(3, 510)
  t.equal(gate.act('accept', 3), 'late')
  t.throws(() => gate.move('accept'), /made safe/)
  await clock.sleep(1000)
  t.strictSame(activeTimes(gpio, PASS), [[500, 510]])
  t.match(gate.health().counters, { announced: 3, accepted: 0, rejected: 3, stranded: 3 })
  gate.close()
  t.equal(gpio.wire(PASS), undefined, 'given back')
  gate.stopLine()
  gate.expect(4, clock.now())
  gate.act('accept', 4)
  gate.close()
})

test('outputs are inactive from the first moment, whatever their polarity', async (t) => {
  const low = { ...PASS, activeLow: true }
  const { gpio, gate } = await rig({ pass: low })
  t.equal(gpio.wire(PASS), true)
  t.strictSame(gpio.changes(PASS), [{ at: 0, level: 'inactive' }])
  gate.close()
})

test('one line that cannot be had: all others are given back', async (t) => {
  const clock = new VirtualClock()
  const gpio = new SimulatedGpio(clock)
  gpio.fail(FEEDBACK, 'busy')
  const options: BeltGateOptions = {
    pass: PASS,
    stop: STOP,
    window: { delayMs: 500, pulseMs: 100 },
    feedback: { line: FEEDBACK, withinMs: 60 },
  }
  await t.rejects(BeltGate.open(gpio, clock, options), { name: 'LineError', fault: 'busy' })
  t.equal(gpio.wire(PASS), undefined)
  t.equal(gpio.wire(STOP), undefined)
  gpio.fail(FEEDBACK, undefined)
  const gate = await BeltGate.open(gpio, clock, options)
  gate.close()
})

test('options that contradict each other are refused, by name', async (t) => {
  const wrong: readonly (readonly [Partial<BeltGateOptions>, RegExp])[] = [
    [{ window: { delayMs: 500 } }, /either pulseMs or pulsePulses, not none/],
    [{ window: { delayMs: 5, delayPulses: 5, pulseMs: 9 } }, /either delayMs or delayPulses, not both/],
    [{ window: { delayMs: 0, pulseMs: 100 } }, /window.delayMs: expected more than 0, not 0/],
    [{ window: { delayPulses: 100, pulseMs: 100 } }, /need an encoder/],
    [{ leadMs: 600 }, /window.delayMs \(beyond leadMs\): expected more than 600, not 500/],
    [{ kicks: { line: KICK, everyMs: 20, relayMs: 59, alive: () => true } }, /relayMs.*at least 60, not 59/],
    [{ feedback: { line: FEEDBACK, withinMs: 200 } }, /window.pulseMs.*at least 200, not 100/],
  ]
  for (const [options, message] of wrong) {
    await t.rejects(rig(options), { name: 'RangeError', message })
  }
})

test('the flap follows: nothing to tell', async (t) => {
  const clock = new VirtualClock()
  const gpio = new SimulatedGpio(clock)
  new SimulatedFlap(gpio, clock, { drive: PASS, feedback: FEEDBACK, moveMs: 40 })
  const gate = await BeltGate.open(gpio, clock, {
    pass: PASS,
    window: { delayMs: 500, pulseMs: 100 },
    feedback: { line: FEEDBACK, withinMs: 60 },
  })
  gate.expect(1, 0)
  gate.act('accept', 1)
  await clock.sleep(1000)
  t.equal(gate.health().state, 'ok')
  t.equal(gate.health().counters.accepted, 1)
  gate.close()
})

test('a jammed flap stops the line, and nothing passes until a person resumes it', async (t) => {
  const clock = new VirtualClock()
  const gpio = new SimulatedGpio(clock)
  const flap = new SimulatedFlap(gpio, clock, { drive: PASS, feedback: FEEDBACK, moveMs: 40 })
  const troubles: unknown[] = []
  const gate = await BeltGate.open(gpio, clock, {
    pass: PASS,
    stop: STOP,
    window: { delayMs: 500, pulseMs: 100 },
    feedback: { line: FEEDBACK, withinMs: 60 },
    plc: { ready: READY },
    troubled: (fault) => troubles.push(fault?.state),
  })
  gate.setReady(true)
  flap.jam()
  gate.expect(1, 0)
  gate.act('accept', 1)
  gate.expect(2, 300)
  gate.act('accept', 2)
  await clock.sleep(700)
  t.match(gate.health(), {
    state: 'stuck',
    detail: 'the flap is not in pass 60 ms after it was told to be',
    counters: { missedFeedback: 1, accepted: 0, rejected: 2 },
  })
  t.strictSame(activeTimes(gpio, PASS), [[500, 560]])
  t.equal(gpio.wire(STOP), true)
  t.equal(gpio.wire(READY), false)
  t.equal(gate.lineStopped, true)

  gate.resumeLine()
  t.equal(gpio.wire(STOP), false)
  t.equal(gate.health().state, 'ok')
  flap.free()
  gate.expect(3, clock.now())
  gate.act('accept', 3)
  await clock.sleep(1000)
  t.equal(gate.health().state, 'ok')
  t.equal(gate.health().counters.accepted, 1)
  t.strictSame(troubles, ['stuck', undefined])
  gate.close()
})

test('a flap that stays open is one fault, however long it stays', async (t) => {
  const clock = new VirtualClock()
  const gpio = new SimulatedGpio(clock)
  const flap = new SimulatedFlap(gpio, clock, { drive: PASS, feedback: FEEDBACK, moveMs: 40 })
  const gate = await BeltGate.open(gpio, clock, {
    pass: PASS,
    stop: STOP,
    window: { delayMs: 500, pulseMs: 100 },
    feedback: { line: FEEDBACK, withinMs: 60 },
  })
  gate.expect(1, 0)
  gate.act('accept', 1)
  gate.expect(2, 155)
  gate.act('accept', 2)
  await clock.sleep(590)
  flap.jam()
  await clock.sleep(1000)
  t.match(gate.health(), { state: 'stuck', counters: { missedFeedback: 1 }, detail: /not in reject/ })
  t.strictSame(activeTimes(gpio, PASS), [
    [500, 600],
    [655, 755],
  ])
  t.equal(gpio.wire(STOP), true)
  gate.close()
})

test('a flap that does not lie in reject at the start is found before the first part', async (t) => {
  const clock = new VirtualClock()
  const gpio = new SimulatedGpio(clock)
  gpio.drive(FEEDBACK, true)
  const gate = await BeltGate.open(gpio, clock, {
    pass: PASS,
    window: { delayMs: 500, pulseMs: 100 },
    feedback: { line: FEEDBACK, withinMs: 60 },
  })
  await clock.sleep(100)
  t.match(gate.health(), { state: 'stuck', detail: /not in reject/ })
  gate.close()
})

test('an output that fails: no exception, the line stops, and the kicks end', async (t) => {
  const { clock, gpio, gate, troubles } = await rig({
    stop: STOP,
    kicks: { line: KICK, everyMs: 20, relayMs: 100, alive: () => true },
  })
  gate.expect(1, 0)
  gate.act('accept', 1)
  gate.expect(2, 50)
  gate.act('accept', 2)
  await clock.sleep(400)
  gpio.fail(PASS, 'failed')
  await clock.sleep(200)
  t.match(gate.health(), { state: 'failed', detail: /simulated\/0/, waiting: 0 })
  t.equal(gpio.wire(STOP), true)
  t.equal(gate.act('accept', 2), 'late')
  const kicks = gpio.changes(KICK).length
  await clock.sleep(500)
  t.equal(gpio.changes(KICK).length, kicks, 'the relay falls')

  gate.resumeLine()
  t.equal(gate.health().state, 'failed', 'it fails still')
  t.equal(gate.lineStopped, true)
  gpio.fail(PASS, undefined)
  gate.resumeLine()
  t.equal(gate.health().state, 'ok')
  await clock.sleep(100)
  t.ok(gpio.changes(KICK).length > kicks)
  t.strictSame(
    troubles.map((fault) => fault?.state),
    ['failed', 'failed', undefined],
  )
  gate.close()
})

test('a chip that goes away with every line: a fault, and no exception, to the end', async (t) => {
  const { clock, gpio, gate } = await rig({ stop: STOP, plc: { accept: ACCEPT } })
  gate.expect(1, 0)
  gpio.unplug('simulated')
  gate.act('accept', 1)
  await clock.sleep(1000)
  t.match(gate.health(), { state: 'failed', detail: /the chip is gone/ })
  gate.close()
})

test('kicks only while the owner is alive', async (t) => {
  let alive = true
  const { clock, gpio, gate } = await rig({
    kicks: { line: KICK, everyMs: 20, relayMs: 60, alive: () => alive },
  })
  await clock.sleep(190)
  t.equal(activeTimes(gpio, KICK).length, 5, 'a rising edge every 40 ms')
  alive = false
  await clock.sleep(500)
  t.equal(activeTimes(gpio, KICK).length, 5)
  alive = true
  await clock.sleep(100)
  t.ok(activeTimes(gpio, KICK).length > 5)
  gate.safe()
  t.equal(gpio.wire(KICK), false)
  const kicks = gpio.changes(KICK).length
  await clock.sleep(500)
  t.equal(gpio.changes(KICK).length, kicks)
  gate.close()
})

test('a PLC gets one pulse for each part, told from the next by a gap', async (t) => {
  const { clock, gpio, gate } = await rig({
    hold: HOLD,
    plc: { accept: ACCEPT, reject: REJECT, pulseMs: 50 },
  })
  for (const trigger of [1, 2, 3, 4, 5]) gate.expect(trigger, 10 * trigger)
  gate.act('accept', 1)
  gate.act('accept', 2)
  gate.act('reject', 3)
  gate.act('hold', 4)
  await clock.sleep(1000)
  gate.act('accept', 5)
  await clock.sleep(500)
  t.strictSame(activeTimes(gpio, ACCEPT), [
    [0, 50],
    [100, 150],
  ])
  t.strictSame(activeTimes(gpio, REJECT), [
    [0, 50],
    [550, 600],
  ])
  gate.close()
})

test('by hand, while no part is on its way', async (t) => {
  const { clock, gpio, gate } = await rig({ hold: HOLD })
  gate.move('accept')
  t.equal(gpio.wire(PASS), true)
  gate.move('hold')
  t.equal(gpio.wire(PASS), false)
  t.equal(gpio.wire(HOLD), true)
  gate.move('reject')
  t.equal(gpio.wire(HOLD), false)
  gate.move('accept')
  gate.expect(1, clock.now())
  t.equal(gpio.wire(PASS), false, 'a part ends it')
  t.throws(() => gate.move('accept'), /1 parts are on their way/)
  gate.close()
})

test('more parts than it can keep: the newest are rejected', async (t) => {
  const { clock, gpio, gate } = await rig({ waiting: 2 })
  for (const trigger of [1, 2, 3]) gate.expect(trigger, trigger)
  t.equal(gate.act('accept', 3), 'late')
  await clock.sleep(1000)
  t.strictSame(activeTimes(gpio, PASS), [])
  t.match(gate.health().counters, { announced: 3, rejected: 3, stranded: 1 })
  gate.close()
})

test('a process that slept through a window leaves it shut', async (t) => {
  const { clock, gpio, gate } = await rig()
  gate.expect(1, 0)
  gate.act('accept', 1)
  await clock.sleep(100)
  clock.spend(450)
  await clock.sleep(500)
  t.strictSame(activeTimes(gpio, PASS), [])
  t.match(gate.health().counters, { accepted: 0, rejected: 1, missed: 1 })
  gate.close()
})
