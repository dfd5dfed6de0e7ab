import { type Test, test } from 'tap'
import type { LineSpec } from '../../../drivers/gpio.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { SimulatedGpio } from '../../../drivers/simulated/gpio.ts'
import { type LightBarrierOptions, watchLightBarrier } from '../../../drivers/trigger/light-barrier.ts'

const LINE: LineSpec = { chip: 'simulated', line: 17 }

interface Rig {
  readonly clock: VirtualClock
  readonly gpio: SimulatedGpio
  readonly parts: number[]
  /** When each was told. */
  readonly toldAt: number[]
  readonly troubles: (string | undefined)[]
  /** Blocks the beam for a while. */
  readonly shadow: (ms: number) => Promise<void>
  readonly end: () => Promise<void>
}

async function rig(
  t: Test,
  options: Partial<LightBarrierOptions> = {},
  edgeDelayMs = 1,
  blocked = false,
): Promise<Rig> {
  const clock = new VirtualClock()
  const gpio = new SimulatedGpio(clock, { edgeDelayMs })
  const parts: number[] = []
  const toldAt: number[] = []
  const troubles: (string | undefined)[] = []
  gpio.drive(LINE, blocked)
  const ending = new AbortController()
  const told = {
    part: (at: number) => {
      parts.push(at)
      toldAt.push(clock.now())
    },
    trouble: (error: { readonly fault: string } | undefined) => void troubles.push(error?.fault),
  }
  const over = watchLightBarrier(gpio, clock, { line: LINE, ...options, told }, ending.signal)
  const end = async (): Promise<void> => {
    ending.abort()
    await over
  }
  t.teardown(end)
  await clock.sleep(100)
  const shadow = async (ms: number): Promise<void> => {
    gpio.drive(LINE, true)
    await clock.sleep(ms)
    gpio.drive(LINE, false)
  }
  return { clock, gpio, parts, toldAt, troubles, shadow, end }
}

test('a part is told once, with the time of its leading edge', async (t) => {
  const { clock, parts, toldAt, troubles, shadow } = await rig(t)
  await shadow(200)
  await clock.sleep(100)
  await shadow(50)
  await clock.sleep(100)
  t.strictSame(parts, [100, 400])
  t.ok(toldAt[0] !== undefined && toldAt[0] < 110, 'not only when it has left')
  t.strictSame(troubles, [])
})

test('dust and chatter are no parts', async (t) => {
  const { clock, parts, shadow } = await rig(t, { minBlockedMs: 5, minGapMs: 10 })
  await shadow(4)
  await clock.sleep(50)
  t.strictSame(parts, [], 'too short')
  await shadow(20)
  await clock.sleep(3)
  await shadow(20)
  await clock.sleep(9)
  await shadow(20)
  await clock.sleep(50)
  t.strictSame(parts, [154], 'one part with two holes in it')
  await shadow(20)
  await clock.sleep(10)
  await shadow(20)
  await clock.sleep(50)
  t.equal(parts.length, 3, 'two parts')
})

test('a short shadow whose end is told late is still none', async (t) => {
  const { clock, parts, shadow } = await rig(t, { minBlockedMs: 5 }, 3)
  await shadow(4.9)
  await clock.sleep(100)
  t.strictSame(parts, [])
  await shadow(5)
  await clock.sleep(100)
  t.equal(parts.length, 1)
})

test('without a filter every shadow is a part, told at once', async (t) => {
  const { clock, parts, toldAt, shadow } = await rig(t, { minBlockedMs: 0, minGapMs: 0 }, 0)
  await shadow(1)
  await clock.sleep(1)
  await shadow(1)
  await clock.sleep(10)
  t.strictSame(parts, [100, 102])
  t.strictSame(toldAt, [100, 102])
})

test('a sensor that goes low when blocked', async (t) => {
  const { clock, gpio, parts } = await rig(t, { activeWhenBlocked: false }, 1, true)
  gpio.drive(LINE, false)
  await clock.sleep(50)
  gpio.drive(LINE, true)
  await clock.sleep(50)
  t.strictSame(parts, [100])
})

test('a part that is there when watching begins was not seen to come', async (t) => {
  const { clock, gpio, parts, shadow } = await rig(t, {}, 1, true)
  gpio.drive(LINE, false)
  await clock.sleep(50)
  t.strictSame(parts, [])
  await shadow(20)
  await clock.sleep(50)
  t.strictSame(parts, [150])
})

test('a jam is told once, and its end', async (t) => {
  const { clock, gpio, parts, troubles, shadow } = await rig(t, { maxBlockedMs: 1000 })
  gpio.drive(LINE, true)
  await clock.sleep(990)
  t.strictSame(troubles, [])
  await clock.sleep(5000)
  t.strictSame(troubles, ['jammed'])
  gpio.drive(LINE, false)
  await clock.sleep(50)
  t.strictSame(troubles, ['jammed', undefined])
  await shadow(20)
  await clock.sleep(50)
  t.equal(parts.length, 2)
})

test('a watch that dies is begun anew, told once an outage', async (t) => {
  const { clock, gpio, parts, troubles, shadow } = await rig(t)
  gpio.breakWatch(LINE)
  await clock.sleep(50)
  t.strictSame(troubles, ['lost'])
  await clock.sleep(100)
  t.strictSame(troubles, ['lost', undefined])
  await shadow(20)
  await clock.sleep(100)
  t.equal(parts.length, 1)

  gpio.unplug('simulated')
  await clock.sleep(60_000)
  t.strictSame(troubles, ['lost', undefined, 'lost'], 'tried again and again, told once')
  gpio.plug('simulated')
  await clock.sleep(10_000)
  t.strictSame(troubles, ['lost', undefined, 'lost', undefined], 'at most 10 s later')
  await shadow(20)
  await clock.sleep(100)
  t.equal(parts.length, 2)
})

test('the end: the line is given back, and nothing is told any more', async (t) => {
  const { clock, gpio, parts, end } = await rig(t)
  gpio.drive(LINE, true)
  await end()
  await clock.sleep(10_000)
  t.strictSame(parts, [])
  const input = await gpio.input(LINE)
  input.close()
})

test('options that contradict each other', async (t) => {
  const clock = new VirtualClock()
  const watch = (options: Partial<LightBarrierOptions>): Promise<void> => {
    const told = { part: () => {}, trouble: () => {} }
    const all = { line: LINE, ...options, told }
    return watchLightBarrier(new SimulatedGpio(clock), clock, all, AbortSignal.abort())
  }
  await t.rejects(watch({ minBlockedMs: 10, maxBlockedMs: 10 }), { message: /more than minBlockedMs \(10\)/ })
  await t.rejects(watch({ minGapMs: -1 }), { message: /minGapMs: expected 0 or more, not -1/ })
})
