import { test } from 'tap'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import type { HeadPlan } from '../../gateway/hardware.ts'
import { HeadRack } from '../../gateway/head-rack.ts'
import { silentLog } from '../../gateway/log.ts'

/** A rack of one head, which opens when it is told to. */
function rackOfOne() {
  const calls = { opened: 0, closed: 0 }
  let clear = (): void => {}
  const cleared = new Promise<void>((resolve) => {
    clear = resolve
  })
  const plan: HeadPlan = {
    id: 'spectral',
    kind: 'as7341',
    open: async () => {
      calls.opened += 1
      await cleared
      return {
        measure: () => Promise.resolve({ kind: 'as7341', takenAt: 0, counts: {}, saturated: [] }),
        close: () => {
          calls.closed += 1
          return Promise.resolve()
        },
      }
    },
  }
  const rack = new HeadRack([plan], { clock: new VirtualClock(), log: silentLog, random: () => 0 })
  return { rack, calls, clear: () => clear() }
}

test('heads that began early are opened once, and whoever comes later hears of it', async (t) => {
  const { rack, calls, clear } = rackOfOne()
  rack.begin()
  t.match(rack.status(), { state: 'failed', detail: 'absent: spectral' })
  let heard = 0
  rack.opened = () => {
    heard += 1
  }
  clear()
  await rack.start(new AbortController().signal)
  t.match(rack.status(), { state: 'ok' })
  t.strictSame([calls.opened, heard], [1, 1])
  await rack.stop()
  await rack.stop()
  t.equal(calls.closed, 1, 'stopped by who started it, and by who began it')
})

test('a start that ended early closes what it began to open', async (t) => {
  const { rack, calls, clear } = rackOfOne()
  rack.begin()
  const stopped = rack.stop()
  clear()
  await stopped
  t.equal(calls.closed, calls.opened)
})
