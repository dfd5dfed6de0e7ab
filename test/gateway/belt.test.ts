import { test } from 'tap'
import { runSimulatedBelt } from '../../drivers/simulated/belt.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { SimulatedGpio } from '../../drivers/simulated/gpio.ts'
import { Belt } from '../../gateway/belt.ts'
import { encoderOptions, triggerOptions } from '../../gateway/belt-options.ts'
import { silentLog } from '../../gateway/log.ts'
import { TriggerSource } from '../../gateway/trigger.ts'

const BARRIER = { chip: 'simulated', line: 10 }
const CHANNEL = { chip: 'simulated', line: 11 }

function hall() {
  const clock = new VirtualClock()
  const gpio = new SimulatedGpio(clock)
  const end = new AbortController()
  const belt = { moving: true }
  const options = {
    periodMs: 500,
    barrier: BARRIER,
    encoder: { line: CHANNEL, pulsesPerPart: 100 },
    moving: () => belt.moving,
  }
  const run = () => runSimulatedBelt(gpio, clock, options, end.signal)
  return { clock, gpio, end, belt, run }
}

/** Collects when a source told parts. */
function source(trigger: object, { clock, gpio }: Pick<ReturnType<typeof hall>, 'clock' | 'gpio'>) {
  const parts: number[] = []
  let brought = 0
  const told = new TriggerSource({
    trigger: triggerOptions.parse(trigger),
    gpio,
    clock,
    log: silentLog,
    moving: () => true,
    bring: () => {
      brought += 1
    },
  })
  const end = new AbortController()
  const over = told.run((part) => {
    parts.push(part?.at ?? clock.now())
    return Promise.resolve({ epoch: 'e', sequence: parts.length, id: 'id', payload: '{}' })
  }, end.signal)
  return {
    told,
    parts,
    brought: () => brought,
    stop: () => {
      end.abort()
      return over
    },
  }
}

test('a light barrier tells each part once, with the moment of its leading edge', async (t) => {
  const line = hall()
  const { told, parts, brought, stop } = source({ kind: 'light-barrier', line: BARRIER }, line)
  void line.run()
  await line.clock.sleep(2300)
  t.strictSame(parts, [500, 1000, 1500, 2000])
  t.equal(brought(), 4)
  t.equal(told.kind, 'light-barrier')
  t.equal(told.status().state, 'ok')
  line.end.abort()
  await stop()
})

test('a light barrier that cannot be watched is said: parts may come by unseen', async (t) => {
  const line = hall()
  line.gpio.fail(BARRIER, 'busy')
  const { told, stop } = source({ kind: 'light-barrier', line: BARRIER }, line)
  await line.clock.sleep(1000)
  t.match(told.status(), { state: 'failed', detail: /light barrier is not watched/ })
  line.gpio.fail(BARRIER, undefined)
  await line.clock.sleep(15_000)
  t.equal(told.status().state, 'ok')
  await stop()
})

test('the encoder tells where the belt is, how fast, and a part every so many pulses', async (t) => {
  const line = hall()
  const { clock, gpio } = line
  const { told, parts, stop } = source({ kind: 'encoder', pulses_per_part: 100 }, line)
  const belt = new Belt({
    encoder: encoderOptions.parse({ kind: 'line', line: CHANNEL, mm_per_pulse: 0.5 }),
    gpio,
    clock,
    log: silentLog,
    random: () => 0,
    parts: { everyPulses: 100, part: told.part },
  })
  t.match(belt.status(), { state: 'failed', detail: 'not opened yet' })
  await belt.start()
  await clock.sleep(10)
  void line.run()
  await clock.sleep(2300)
  t.equal(parts.length, 4)
  t.match(belt.status(), { state: 'ok', facts: { mm_per_s: 100 } })
  t.ok(Math.abs((belt.positionAt(clock.now()) ?? 0) - 460) < 3)
  line.belt.moving = false
  await clock.sleep(2000)
  t.match(belt.status(), { facts: { mm_per_s: 0 } })
  line.end.abort()
  await belt.stop()
  await stop()
})

test('without its encoder nobody knows where the belt is: who waits for a place is told so', async (t) => {
  const { clock, gpio } = hall()
  const belt = new Belt({
    encoder: encoderOptions.parse({ kind: 'counter', device: 'counter99', mm_per_pulse: 1 }),
    gpio,
    clock,
    log: silentLog,
    random: () => 0,
  })
  await belt.start()
  const reached = await new Promise<boolean>((resolve) => belt.when(100, 0, resolve))
  t.equal(reached, false)
  t.equal(belt.positionAt(clock.now()), undefined)
  await belt.stop()
  t.equal(belt.status().state, 'failed')
})
