import { test } from 'tap'
import { SimulatedBus } from '../../drivers/simulated/bus.ts'
import { SimulatedVl53l8ch } from '../../drivers/simulated/vl53l8ch.ts'
import { Vl53l8ch } from '../../drivers/vl53l8ch/vl53l8ch.ts'
import { observe } from '../drivers/faults/observe.ts'
import { EIGHT, sharedClock } from '../drivers/faults/rig.ts'
import { FOR_EVER, SCENARIOS } from '../drivers/faults/scenarios.ts'
import { StillScene } from '../fakes/still-scene.ts'

/** A mean over so many frames says no more. */
const RATE_TOLERANCE_HZ = 0.1
/** Steps in which a simulated frame tells its age. */
const AGE_STEP_MS = 1

for (const scenario of SCENARIOS) {
  for (const chip of scenario.chips) {
    test(`${chip}: ${scenario.name}`, async (t) => {
      const seen = await observe(chip, scenario)
      if (scenario.fault === undefined) {
        t.match(seen.during, { state: 'ok' })
        t.strictSame(seen.warnings, [], 'cured, and nobody is told')
      } else {
        t.ok((seen.detectedMs ?? FOR_EVER) <= scenario.detectMs, `named after ${seen.detectedMs} ms`)
        const kinds = seen.warnings.map(({ fault, message }) => `${fault}: ${message}`)
        t.equal(new Set(kinds).size, kinds.length, 'each kind of fault is told once')
        t.ok(kinds.length <= scenario.warnings, kinds.join(', '))
      }
      if (scenario.lastsMs >= 3000 && scenario.lastsMs <= 10_000) t.equal(seen.during.state, 'failed')

      if (scenario.lastsMs === FOR_EVER) {
        t.match(seen.after, { state: 'failed', facts: { fault: scenario.fault } })
      } else {
        t.ok((seen.recoveredMs ?? FOR_EVER) <= scenario.recoverMs, `back after ${seen.recoveredMs} ms`)
        t.match(seen.after, { state: 'ok' })
      }
      t.ok(seen.openedAt.length <= scenario.openings, `opened ${seen.openedAt.length} times`)
      t.ok(seen.overdueMs < 1, `nobody waited past the deadline: ${seen.overdueMs} ms`)
      t.ok(seen.staleMs <= AGE_STEP_MS, `no frame was older than asked for: ${seen.staleMs} ms`)
      t.ok(seen.stoppedMs < 3000, `and it can be stopped: ${seen.stoppedMs} ms`)

      t.match(seen.other, { missed: 0, faults: 0 }, 'the other head lost not one frame')
      t.ok(Math.abs(seen.other.perSecond - EIGHT.rateHz) <= RATE_TOLERANCE_HZ, `${seen.other.perSecond} Hz`)
    })
  }
}

test('a head that is away is tried ever more rarely, and no two in step', async (t) => {
  const scenario = SCENARIOS.find(({ lastsMs }) => lastsMs === FOR_EVER)
  if (scenario === undefined) throw new Error('no scenario without end')
  const openings = await Promise.all([1, 2].map((seed) => observe('as7341', scenario, seed)))
  const [one = [], two = []] = openings.map(({ openedAt }) => openedAt)
  for (const times of [one, two]) {
    // The first is at once; an attempt itself takes about 1 ms.
    for (const [i, wait] of times
      .slice(1)
      .map((at, i) => at - (times[i] ?? 0))
      .entries()) {
      const longest = Math.min(5000, 100 * 2 ** i)
      t.ok(wait >= longest / 2 && wait <= longest + 5, `${wait} ms for at most ${longest}`)
    }
  }
  t.notSame(one.slice(1), two.slice(1), 'jitter')
})

test('a chip that is loaded on a 400 kHz bus costs the other one there no frame', async (t) => {
  const clock = sharedClock()
  const bus = new SimulatedBus(clock, 400_000)
  for (const address of [0x29, 0x2a]) {
    bus.attach(address, new SimulatedVl53l8ch({ clock, scene: new StillScene() }))
  }
  const head = await Vl53l8ch.open(bus, clock, EIGHT)
  await head.next()
  let loading = true
  const loaded = Vl53l8ch.open(bus, clock, { ...EIGHT, address: 0x2a }).finally(() => {
    loading = false
  })
  let frames = 0
  for (; loading; frames += 1) await head.next()
  await (await loaded).close()
  t.ok(frames > 30, `${frames} frames meanwhile`)
  t.equal(head.missedFrames, 0)
  await head.close()
})
