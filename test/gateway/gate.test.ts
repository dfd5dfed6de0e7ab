import { test } from 'tap'
import type { LineSpec } from '../../drivers/gpio.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { SimulatedGpio } from '../../drivers/simulated/gpio.ts'
import { parseConfig } from '../../gateway/config.ts'
import { noGate, StationGate } from '../../gateway/gate.ts'
import { decideWithinMs, openGate, type WiredGate } from '../../gateway/gate-plan.ts'
import { silentLog } from '../../gateway/log.ts'

const PASS: LineSpec = { chip: 'simulated', line: 0 }
const STOP: LineSpec = { chip: 'simulated', line: 1 }
const KICK: LineSpec = { chip: 'simulated', line: 2 }
const READY: LineSpec = { chip: 'simulated', line: 3 }

/** As `gate` of the configuration has it. */
function wired(): WiredGate {
  const line = (number: number) => ({ chip: 'simulated', line: number })
  const parsed = parseConfig({
    gate: {
      delay_ms: 500,
      pulse_ms: 100,
      lines: { pass: line(0), stop: line(1), kick: line(2), ready: line(3) },
    },
  })
  if (!('config' in parsed) || parsed.config.gate.lines === undefined) throw new Error('a wired gate')
  return { ...parsed.config.gate, lines: parsed.config.gate.lines }
}

function station() {
  const clock = new VirtualClock()
  const gpio = new SimulatedGpio(clock)
  const plan = wired()
  const lines: string[] = []
  const log = Object.assign(Object.create(silentLog), {
    error: (_: object, text: string) => lines.push(text),
    info: (text: string) => lines.push(text),
  })
  const gate = new StationGate({
    holdLane: false,
    decideWithinMs: decideWithinMs(plan),
    open: openGate(plan, { gpio, clock, position: undefined }),
    clock,
    log,
    random: () => 0,
  })
  const works = { alive: true, ready: true }
  gate.watch = { alive: () => works.alive, ready: () => works.ready }
  return { clock, gpio, gate, works, lines }
}

test('an accepted part passes in its window, and only then', async (t) => {
  const { clock, gpio, gate } = station()
  t.equal(gate.decideWithinMs, 500)
  await gate.start()
  gate.expect(1, clock.now())
  await clock.sleep(200)
  t.equal(gate.act('accept', 1), 'in-time')
  await clock.sleep(1000)
  t.strictSame(
    gpio.changes(PASS).map(({ at, level }) => [at, level]),
    [
      [0, 'inactive'],
      [500, 'active'],
      [600, 'inactive'],
    ],
  )
  t.match(gate.status(), { state: 'ok', facts: { accepted: 1, rejected: 0, waiting: 0, missed_feedback: 0 } })
  await gate.stop()
  t.equal(gpio.wire(PASS), undefined, 'the line is given back')
})

test('a gate whose lines are taken: parts are late, it is tried again, and works as soon as it is free', async (t) => {
  const { clock, gpio, gate, lines } = station()
  const other = await gpio.output(STOP, false)
  await gate.start()
  t.equal(gate.works, false)
  gate.expect(1, clock.now())
  t.equal(gate.act('accept', 1), 'late')
  t.match(gate.status(), { state: 'failed', detail: /^absent: / })
  await clock.sleep(60_000)
  t.strictSame(lines, ['gate absent, trying on: parts are turned away'], 'said once, not at each attempt')
  other.close()
  await clock.sleep(11_000)
  t.equal(gate.works, true)
  t.equal(gate.status().state, 'ok')
  await gate.stop()
})

test('the relay is kicked while parts are decided, and the PLC is told when the station can inspect', async (t) => {
  const { clock, gpio, gate, works } = station()
  await gate.start()
  await clock.sleep(1000)
  const kicks = () => gpio.changes(KICK).length
  t.ok(kicks() >= 40, `${kicks()} changes in a second`)
  t.equal(gpio.wire(READY), true)
  works.alive = false
  works.ready = false
  await clock.sleep(600)
  const stopped = kicks()
  t.equal(gpio.wire(READY), false)
  await clock.sleep(1000)
  t.equal(kicks(), stopped, 'nobody decides: the relay falls')
  works.alive = true
  await clock.sleep(1000)
  t.ok(kicks() > stopped)
  await gate.stop()
})

test('an output that cannot be switched: the line stands, and a person’s resume opens the gate anew', async (t) => {
  const { clock, gpio, gate } = station()
  await gate.start()
  gate.expect(1, clock.now())
  t.equal(gate.act('accept', 1), 'in-time')
  gpio.fail(PASS, 'failed')
  await clock.sleep(700)
  t.equal(gate.works, false)
  t.ok(gate.lineStopped)
  t.equal(gpio.wire(STOP), true)
  t.match(gate.status(), { state: 'failed', detail: /^failed: / })
  gpio.fail(PASS, undefined)
  gate.resumeLine()
  await clock.sleep(2000)
  t.ok(gate.works)
  t.notOk(gate.lineStopped)
  t.equal(gpio.wire(STOP), false)
  await gate.stop()
})

test('a stop that was asked for while the gate was away holds when it comes', async (t) => {
  const { clock, gpio, gate } = station()
  gpio.fail(PASS, 'busy')
  await gate.start()
  gate.stopLine()
  t.ok(gate.lineStopped)
  gpio.fail(PASS, undefined)
  await clock.sleep(2000)
  t.ok(gate.works)
  t.ok(gate.lineStopped)
  t.equal(gpio.wire(STOP), true)
  await gate.stop()
})

test('in a dry run nothing moves, and every verdict comes in time', (t) => {
  const gate = noGate(true)
  gate.expect(1, 0)
  gate.stopLine()
  t.strictSame([gate.act('accept', 1), gate.lineStopped, gate.holdLane], ['in-time', false, true])
  t.end()
})
