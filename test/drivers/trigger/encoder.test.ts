import { test } from 'tap'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { SimulatedEncoder } from '../../../drivers/simulated/encoder.ts'
import { SimulatedGpio } from '../../../drivers/simulated/gpio.ts'
import { Encoder, type EncoderOptions } from '../../../drivers/trigger/encoder.ts'
import { countedPulses, polledPulses } from '../../../drivers/trigger/pulse-sources.ts'

const MM_PER_PULSE = 0.1

interface Rig {
  readonly clock: VirtualClock
  readonly belt: SimulatedEncoder
  readonly encoder: Encoder
  readonly troubles: (string | undefined)[]
}

interface Counter {
  readonly modulus: bigint
  readonly start: number
  readonly pollMs: number
}

/** A belt that stands. */
async function rig(options: Partial<EncoderOptions> = {}, counter: Partial<Counter> = {}): Promise<Rig> {
  const { modulus = 2n ** 32n, start = 0, pollMs = 2 } = counter
  const clock = new VirtualClock()
  const belt = new SimulatedEncoder(clock, modulus, start)
  const troubles: (string | undefined)[] = []
  const encoder = await Encoder.open(polledPulses(belt, clock, pollMs), clock, {
    mmPerPulse: MM_PER_PULSE,
    trouble: (error) => troubles.push(error?.fault),
    ...options,
  })
  await clock.sleep(10)
  return { clock, belt, encoder, troubles }
}

function near(value: number | undefined, expected: number, tolerance: number): boolean {
  return value !== undefined && Math.abs(value - expected) <= tolerance
}

test('position and speed, between readings and in the past', async (t) => {
  const { clock, belt, encoder } = await rig()
  belt.run(3000)
  await clock.sleep(1001)
  t.ok(near(encoder.positionAt(clock.now()), 3003, 1))
  t.ok(near(encoder.positionAt(clock.now() - 500), 1503, 7), 'half a second ago')
  t.ok(near(encoder.positionAt(clock.now() + 10), 3033, 1.5), 'in 10 ms')
  t.ok(near(encoder.mmPerS, 300, 3))
  await encoder.close()
  t.equal(encoder.positionAt(clock.now()), undefined)
})

test('a part that is scanned asks for where the belt was thousands of pulses ago', async (t) => {
  const { clock, belt, encoder } = await rig({ standstillMs: 300 })
  const from = clock.now()
  const truth = new Map<number, number>()
  // It runs, slower and slower, stands for a second, and runs again: 20,000 pulses in 22 s.
  for (const pulsesPerS of [2000, 1500, 1000, 0, 700]) {
    belt.run(pulsesPerS)
    for (let step = 0; step < (pulsesPerS === 0 ? 10 : 50); step += 1) {
      await clock.sleep(100)
      truth.set(clock.now(), belt.position)
    }
  }
  t.ok(belt.position > 20_000)
  for (const [at, position] of truth) {
    t.ok(
      near(encoder.positionAt(at), position, 8),
      `${at - from} ms: ${encoder.positionAt(at)} of ${position}`,
    )
  }
  await encoder.close()
})

test('what is too long ago to be remembered is not guessed', async (t) => {
  const { clock, belt, encoder } = await rig()
  belt.run(500)
  const begun = clock.now()
  await clock.sleep(120_000)
  t.equal(encoder.positionAt(begun), undefined)
  t.ok(near(encoder.positionAt(clock.now() - 60_000), belt.position - 30_000, 3), 'a minute is remembered')
  await encoder.close()
})

test('a belt that stops, stands, and goes on', async (t) => {
  const { clock, belt, encoder } = await rig({ standstillMs: 300 })
  belt.run(1000)
  await clock.sleep(1000)
  belt.run(0)
  await clock.sleep(50)
  t.ok(near(encoder.mmPerS, 0, 4.2), 'two pulses overdue for nearly 50 ms')
  await clock.sleep(300)
  t.equal(encoder.mmPerS, 0)
  const stood = encoder.positionAt(clock.now())
  t.equal(encoder.positionAt(clock.now() + 1000), stood)
  belt.run(-1000)
  await clock.sleep(500)
  t.ok(near(encoder.mmPerS, -100, 2))
  t.ok(near(encoder.positionAt(clock.now()), (stood ?? 0) - 500, 2))
  await encoder.close()
})

for (const [name, modulus] of [
  ['16', 2n ** 16n],
  ['32', 2n ** 32n],
  ['64', 2n ** 64n],
] as const) {
  test(`a counter of ${name} bits that runs over, forward and back`, async (t) => {
    const start = name === '64' ? 0 : Number(modulus) - 500
    const { clock, belt, encoder, troubles } = await rig({}, { modulus, start })
    belt.run(1000)
    await clock.sleep(1000)
    t.ok(near(encoder.positionAt(clock.now()), 1000, 2))
    belt.run(-1000)
    await clock.sleep(2500)
    t.ok(near(encoder.positionAt(clock.now()), -1500, 2))
    t.strictSame(troubles, [])
    await encoder.close()
  })
}

test('when the belt is there: to the moment, not to the reading', async (t) => {
  const { clock, belt, encoder } = await rig({}, { pollMs: 20 })
  belt.run(777)
  await clock.sleep(500)
  const from = encoder.positionAt(clock.now()) ?? 0
  const called: [number, number | undefined][] = []
  for (const way of [10.5, 100, 333.3]) {
    encoder.when(from + way, 0, (reached) => {
      t.equal(reached, true)
      called.push([way, clock.now()])
      t.ok((encoder.positionAt(clock.now()) ?? 0) >= from + way - 1e-9, 'as it says itself')
    })
  }
  const began = clock.now()
  await clock.sleep(1000)
  t.equal(called.length, 3)
  for (const [way, at] of called) t.ok(near(at, began + way / 0.777, 2.5), `after ${way} pulses`)

  const past = encoder.positionAt(clock.now()) ?? 0
  let reached: boolean | undefined
  encoder.when(past - 10, 0, (is) => {
    reached = is
  })
  t.equal(reached, undefined, 'never during the call')
  await clock.sleep(1)
  t.equal(reached, true)
  const cancel = encoder.when(past + 100, 0, () => t.fail('cancelled'))
  cancel()
  await clock.sleep(1000)
  await encoder.close()
})

test('when, ahead by a time: earlier the faster the belt', async (t) => {
  for (const pulsesPerS of [500, 2000]) {
    const { clock, belt, encoder } = await rig()
    belt.run(pulsesPerS)
    await clock.sleep(500)
    const target = belt.position + pulsesPerS
    let position = 0
    encoder.when(target, 40, () => {
      position = belt.position
    })
    await clock.sleep(2000)
    t.ok(
      near(target - position, 0.04 * pulsesPerS, 0.004 * pulsesPerS + 1),
      `at ${pulsesPerS} pulses a second`,
    )
    await encoder.close()
  }
})

test('a counter that fails: who waits is told, and it is asked again', async (t) => {
  const { clock, belt, encoder, troubles } = await rig()
  belt.run(1000)
  await clock.sleep(200)
  const answers: boolean[] = []
  encoder.when(10_000, 0, (reached) => answers.push(reached))
  belt.fail('no-chip')
  await clock.sleep(10)
  t.strictSame(answers, [false])
  t.equal(encoder.positionAt(clock.now()), undefined)
  t.equal(encoder.mmPerS, undefined)
  encoder.when(10_000, 0, (reached) => answers.push(reached))
  await clock.sleep(20_000)
  t.strictSame(answers, [false, false], 'at once, while it is lost')
  belt.fail(undefined)
  await clock.sleep(6000)
  t.strictSame(troubles, ['lost', undefined], 'told once')
  t.ok(near(encoder.mmPerS, 100, 1))
  await encoder.close()
})

test('a counter that was reset is no belt that flew', async (t) => {
  const { clock, belt, encoder, troubles } = await rig()
  belt.run(1000)
  await clock.sleep(5000)
  const answers: boolean[] = []
  encoder.when(6000, 0, (reached) => answers.push(reached))
  belt.reset()
  await clock.sleep(20)
  t.strictSame(answers, [false])
  t.strictSame(troubles, ['jumped', undefined])
  const from = encoder.positionAt(clock.now()) ?? Number.NaN
  await clock.sleep(1000)
  t.ok(near(encoder.positionAt(clock.now()), from + 1000, 2), 'it goes on from there')
  await encoder.close()
})

test('a part every so many pulses, whatever the belt does in between', async (t) => {
  const parts: number[] = []
  const { clock, belt, encoder } = await rig({ parts: { everyPulses: 250, part: (at) => parts.push(at) } })
  belt.run(1000)
  const began = clock.now()
  await clock.sleep(1100)
  t.equal(parts.length, 4)
  for (const [place, at] of parts.entries()) t.ok(near(at, began + 250 * (place + 1), 2.1))
  belt.run(-1000)
  await clock.sleep(600)
  belt.run(1000)
  await clock.sleep(600)
  t.equal(parts.length, 4, 'back and forth over the same places')
  await clock.sleep(200)
  t.equal(parts.length, 5)
  await encoder.close()
})

test('a reversed counter', async (t) => {
  const { clock, belt, encoder } = await rig({ reversed: true })
  belt.run(-1000)
  await clock.sleep(1000)
  t.ok(near(encoder.positionAt(clock.now()), 1000, 2))
  await encoder.close()
})

test('one channel on a line: its rising edges count, at their own time', async (t) => {
  const clock = new VirtualClock()
  const gpio = new SimulatedGpio(clock, { edgeDelayMs: 3 })
  const line = { chip: 'simulated', line: 22 }
  const parts: number[] = []
  const troubles: (string | undefined)[] = []
  const encoder = await Encoder.open(countedPulses(gpio, clock, line), clock, {
    mmPerPulse: 5,
    parts: { everyPulses: 10, part: (at) => parts.push(at) },
    trouble: (error) => troubles.push(error?.fault),
  })
  await clock.sleep(10)
  for (let pulse = 0; pulse < 25; pulse += 1) {
    gpio.drive(line, true)
    await clock.sleep(10)
    gpio.drive(line, false)
    await clock.sleep(10)
  }
  t.strictSame(parts, [10 + 9 * 20, 10 + 19 * 20])
  t.ok(near(encoder.mmPerS, 250, 0.01))
  gpio.breakWatch(line)
  await clock.sleep(1)
  t.equal(encoder.positionAt(clock.now()), undefined)
  await clock.sleep(1000)
  t.strictSame(troubles, ['lost', undefined])
  await encoder.close()
})

test('what no belt has is refused', async (t) => {
  await t.rejects(rig({ mmPerPulse: 0 }), { message: 'mmPerPulse: expected more than 0, not 0' })
  await t.rejects(rig({ parts: { everyPulses: Number.NaN, part: () => {} } }), { message: /everyPulses/ })
  const clock = new VirtualClock()
  t.throws(() => polledPulses(new SimulatedEncoder(clock), clock, 0.1), {
    message: /pollMs: expected at least 1/,
  })
  t.end()
})
