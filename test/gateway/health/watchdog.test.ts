import { type Test, test } from 'tap'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { SimulatedGate } from '../../../drivers/simulated/gate.ts'
import { Acquisition, type AcquisitionOptions } from '../../../gateway/acquisition.ts'
import { SupervisedHead } from '../../../gateway/head.ts'
import { PartCounters } from '../../../gateway/health/counters.ts'
import type { Notice } from '../../../gateway/health/notify.ts'
import { Watchdog, type WatchdogOptions, watchdogUnits } from '../../../gateway/health/watchdog.ts'
import { notInspected } from '../../../gateway/inspect.ts'
import { silentLog } from '../../../gateway/log.ts'

const WITHIN_MS = 30_000
const DEADLINE_MS = 500

/** A loop, a head and what watches them; `inspect` is what the heads do with a part. */
async function stationOf(
  t: Test,
  inspect: AcquisitionOptions['inspect'],
  { measure = () => new Promise<never>(() => {}), ...options }: Partial<WatchdogOptions> & Instrument = {},
) {
  const clock = new VirtualClock()
  const told: Notice[] = []
  const acquisition = new Acquisition({
    ...{ clock, log: silentLog, gate: new SimulatedGate(true), dryRun: false },
    limits: { waiting: 16, appending: 100 },
    deadlineMs: () => DEADLINE_MS,
    inspect,
    // The disk takes nothing.
    ...{ storable: () => false, retry: () => false, record: () => () => Promise.reject(new Error('full')) },
    ...{ stored: () => {}, seen: () => {}, decided: () => {}, counters: new PartCounters() },
    ...{ source: () => Promise.resolve(), sourceName: 'interval' as const },
  })
  const head = new SupervisedHead({
    ...{ id: 'spectral', kind: 'as7341', clock, log: silentLog, random: () => 0 },
    open: () => Promise.resolve({ measure, close: () => Promise.resolve() }),
  })
  await head.start(new AbortController().signal)
  const watchdog = new Watchdog({
    ...{ withinMs: WITHIN_MS, work: acquisition, heads: [head], clock, log: silentLog },
    notifier: { listening: true, tell: (notice) => Promise.resolve(void told.push(notice)) },
    turn: () => Promise.resolve(),
    ...options,
  })
  await watchdog.start()
  t.teardown(() => watchdog.stop())
  const signs = (): number => told.filter(({ WATCHDOG }) => WATCHDOG === '1').length
  return { clock, acquisition, head, watchdog, told, signs }
}

interface Instrument {
  readonly measure?: () => Promise<never>
}

const good = notInspected({
  verdict: { kind: 'graded', grade: 'A', score: 1, action: 'accept', findings: [] },
})
const never = new Promise<never>(() => {})

test('a station without parts gives three signs within the patience of its manager', async (t) => {
  const { clock, signs, watchdog } = await stationOf(t, () => Promise.resolve(good))
  await clock.sleep(WITHIN_MS - 1)
  t.equal(signs(), 3)
  t.match(watchdog.status(), { state: 'ok', facts: { signs: 3, after_work: 0 } })
})

test('a part after the other: the signs follow looks that ended, though the disk takes nothing', async (t) => {
  const { clock, signs, acquisition, watchdog, told } = await stationOf(t, () => Promise.resolve(good))
  for (let part = 0; part < 29; part += 1) {
    acquisition.trigger('interval').catch(() => {})
    await clock.sleep(1000)
  }
  t.equal(signs(), 3)
  t.equal(acquisition.cycles, 29)
  t.match(watchdog.status(), { state: 'ok', facts: { after_work: 2 } })
  t.equal(told.at(-1)?.STATUS, 'inspects: 20 looks ended')
})

test('a look that does not end: every part is still decided by its deadline, and no sign is given', async (t) => {
  const { clock, signs, acquisition, watchdog, told } = await stationOf(t, () => never)
  acquisition.trigger('interval').catch(() => {})
  const before = signs()
  for (let part = 0; part < 60; part += 1) {
    acquisition.trigger('interval').catch(() => {})
    await clock.sleep(1000)
  }
  t.equal(acquisition.alive, true, 'the gate rejects each in time')
  t.equal(acquisition.stuck, true)
  t.equal(signs(), before)
  t.match(watchdog.status(), { state: 'failed', detail: 'the look at a part does not end' })
  t.same(told.at(-1), { STATUS: 'hangs: the look at a part does not end' })
})

test('a look may last as long as its part has time', async (t) => {
  const { clock, signs, acquisition } = await stationOf(t, async (_, signal) => {
    await clock.sleep(DEADLINE_MS * 3, signal).catch(() => {})
    return good
  })
  for (let part = 0; part < 59; part += 1) {
    acquisition.trigger('interval').catch(() => {})
    await clock.sleep(DEADLINE_MS)
  }
  t.equal(acquisition.stuck, false)
  t.equal(signs(), 3)
})

test('a driver that does not come back stops the signs, whoever asked it', async (t) => {
  const { clock, signs, head, watchdog } = await stationOf(t, () => Promise.resolve(good))
  const asked = new AbortController()
  head.measure(0, asked.signal).catch(() => {})
  await clock.sleep(1000)
  asked.abort(new Error('late'))
  await clock.sleep(19_500)
  const before = signs()
  await clock.sleep(WITHIN_MS)
  t.equal(signs(), before)
  t.match(watchdog.status(), { state: 'failed', detail: 'no answer from the driver of spectral' })
})

test('a driver that fails is a state, and no reason to be ended', async (t) => {
  const { clock, signs, head } = await stationOf(t, () => Promise.resolve(good), {
    measure: () => Promise.reject(new Error('no acknowledge')),
  })
  await t.rejects(head.measure(0, new AbortController().signal))
  t.equal(head.askedForMs, 0)
  await clock.sleep(WITHIN_MS - 1)
  t.equal(signs(), 3)
})

test('threads that are all stuck stop the signs, though timers fire', async (t) => {
  const { clock, signs } = await stationOf(t, () => Promise.resolve(good), { turn: () => never })
  await clock.sleep(WITHIN_MS)
  t.equal(signs(), 0)
})

test('a station that moves again says so', async (t) => {
  let end = (): void => {}
  const held = new Promise<void>((resolve) => {
    end = resolve
  })
  const { clock, signs, acquisition, watchdog } = await stationOf(t, async () => {
    await held
    return good
  })
  acquisition.trigger('interval').catch(() => {})
  await clock.sleep(WITHIN_MS)
  t.equal(watchdog.status().state, 'failed')
  end()
  await clock.sleep(WITHIN_MS / 3)
  t.equal(watchdog.status().state, 'ok')
  t.equal(signs(), 2)
})

test('there is a watchdog where the manager of this very process wants one', (t) => {
  const clock = new VirtualClock()
  const parts = { clock, log: silentLog, acquisition: { cycles: 0, alive: true, stuck: false }, heads: [] }
  const named = (env: Record<string, string>): string[] =>
    watchdogUnits({ ...parts, env }).map(({ name }) => name)
  const wanted = { NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: '30000000' }
  t.strictSame(named(wanted), ['watchdog'])
  t.strictSame(named({ ...wanted, WATCHDOG_PID: String(process.pid) }), ['watchdog'])
  t.strictSame(named({ ...wanted, WATCHDOG_PID: '1' }), [])
  t.strictSame(named({ WATCHDOG_USEC: '30000000' }), [])
  t.strictSame(named({ NOTIFY_SOCKET: '/run/notify' }), [])
  t.end()
})
