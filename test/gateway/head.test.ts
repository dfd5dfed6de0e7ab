import { test } from 'tap'
import type { Spectrum } from '../../drivers/as7341/counts.ts'
import { BusError } from '../../drivers/bus.ts'
import { SensorError } from '../../drivers/sensor.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { type Instrument, SupervisedHead } from '../../gateway/head.ts'
import { silentLog } from '../../gateway/log.ts'

const never = new AbortController().signal

/** A head over a script: what each opening and each measurement gives, in turn; the last one repeats. */
function scripted(openings: readonly ('ok' | Error)[], measurements: readonly ('ok' | Error)[]) {
  const clock = new VirtualClock()
  const calls = { opened: 0, measured: 0, closed: 0 }
  const openedAt: number[] = []
  const instrument: Instrument<Spectrum> = {
    measure() {
      const step = measurements[Math.min(calls.measured, measurements.length - 1)]
      calls.measured += 1
      if (step instanceof Error) return Promise.reject(step)
      return Promise.resolve({ kind: 'as7341', takenAt: clock.now(), counts: {}, saturated: [] })
    },
    close() {
      calls.closed += 1
      return Promise.resolve()
    },
  }
  const head = new SupervisedHead({
    id: 'spectral',
    kind: 'as7341',
    clock,
    log: silentLog,
    random: () => 0.5,
    open: () => {
      const step = openings[Math.min(calls.opened, openings.length - 1)]
      calls.opened += 1
      openedAt.push(clock.now())
      return step instanceof Error ? Promise.reject(step) : Promise.resolve(instrument)
    },
  })
  return { head, clock, calls, openedAt }
}

const nack = new BusError('no-acknowledge', 'no acknowledge at 0x39')

test('a head that answers is open before the station goes on', async (t) => {
  const { head } = scripted(['ok'], ['ok'])
  await head.start(never)
  t.match(await head.measure(0, never), { kind: 'as7341' })
  t.match(head.status(), { state: 'ok', facts: { measured: 1, faults: 0 } })
  await head.stop()
})

test('a head that is not there does not hold up the start, and joins when it answers', async (t) => {
  const { head, clock, openedAt } = scripted([...Array.from({ length: 8 }, () => nack), 'ok'], ['ok'])
  await head.start(never)
  t.equal(clock.now(), 4000, 'the start waited its four seconds')
  t.match(head.status(), { state: 'failed', facts: { fault: 'absent' } })
  await t.rejects(head.measure(0, never), { name: 'SensorError', fault: 'absent' })
  await clock.sleep(20_000)
  t.match(head.status(), { state: 'ok' })
  const waits = openedAt.slice(1).map((at, index) => Math.round(at - (openedAt[index] ?? 0)))
  t.strictSame(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000], 'exponential backoff with an end')
  await head.stop()
})

test('one lost acknowledge is cured by a second look, within the same inspection', async (t) => {
  const { head, calls } = scripted(['ok'], [nack, 'ok'])
  await head.start(never)
  t.match(await head.measure(0, never), { kind: 'as7341' })
  t.equal(calls.opened, 1)
  await head.stop()
})

test('a chip that says it failed is opened anew at once', async (t) => {
  const { head, clock, calls } = scripted(['ok'], [new SensorError('as7341', 'failed', 'it was reset'), 'ok'])
  await head.start(never)
  await t.rejects(head.measure(0, never), { name: 'SensorError', fault: 'failed' })
  await clock.sleep(1)
  t.match(calls, { opened: 2, closed: 1 })
  t.match(await head.measure(0, never), { kind: 'as7341' })
  t.equal(head.status().state, 'ok')
  await head.stop()
})

test('a head that freezes is opened anew after its second fault in a row', async (t) => {
  const frozen = new SensorError('as7341', 'frozen', 'the same measurement again')
  const { head, clock, calls } = scripted(['ok'], [frozen, frozen, 'ok'])
  await head.start(never)
  await t.rejects(head.measure(0, never), { name: 'SensorError', fault: 'frozen' })
  t.match(head.status(), { state: 'failed', detail: /the same measurement again/ })
  t.equal(calls.opened, 1)
  await t.rejects(head.measure(0, never), { name: 'SensorError', fault: 'frozen' })
  await clock.sleep(1)
  t.equal(calls.opened, 2)
  t.match(await head.measure(0, never), { kind: 'as7341' })
  await head.stop()
})

test('the log says once that a head is gone, not at every attempt', async (t) => {
  const lines: string[] = []
  const clock = new VirtualClock()
  const log = silentLog.child({}, { level: 'info' })
  log.warn = (...[, message]: unknown[]) => void lines.push(String(message))
  const head = new SupervisedHead({
    id: 'tof',
    kind: 'vl53l8ch',
    clock,
    log,
    random: () => 0.5,
    open: () => Promise.reject(new BusError('no-acknowledge', 'no acknowledge at 0x29')),
  })
  await head.start(never)
  await clock.sleep(60_000)
  t.strictSame(lines, ['head absent, trying on'])
  await head.stop()
})

test('a measurement that lost its deadline is let end before the next begins', async (t) => {
  const clock = new VirtualClock()
  let running = false
  const head = new SupervisedHead({
    id: 'spectral',
    kind: 'as7341',
    clock,
    log: silentLog,
    random: () => 0.5,
    open: () =>
      Promise.resolve({
        async measure(_since: number, signal?: AbortSignal) {
          if (running) throw new Error('a measurement is already running')
          running = true
          try {
            await clock.sleep(130, signal)
            return { kind: 'as7341' as const, takenAt: clock.now(), counts: {}, saturated: [] }
          } finally {
            // The lamp goes off, the chip to rest: transfers that no signal cuts short.
            await clock.sleep(2)
            running = false
          }
        },
        close: () => Promise.resolve(),
      }),
  })
  await head.start(never)
  const late = new AbortController()
  const first = head.measure(0, late.signal)
  await clock.sleep(60)
  late.abort(new Error('late'))
  const second = head.measure(clock.now(), never)
  await t.rejects(first, { message: 'late' })
  t.match(await second, { kind: 'as7341' })
  t.match(head.status(), { state: 'ok', facts: { faults: 0, opened: 1 } })
  await head.stop()
})

test('a head that opens and never measures is opened ever more rarely', async (t) => {
  const frozen = new SensorError('as7341', 'frozen', 'the same measurement again')
  const { head, clock, openedAt } = scripted(['ok'], [frozen])
  await head.start(never)
  while (clock.now() < 60_000) {
    await head.measure(clock.now(), never).catch(() => {})
    await clock.sleep(250)
  }
  const waits = openedAt.slice(1).map((at, index) => at - (openedAt[index] ?? 0))
  t.ok(openedAt.length < 25, `${openedAt.length} openings in a minute`)
  t.ok(Math.max(...waits) >= 5000, 'up to the longest wait')
  await head.stop()
})
