import { test } from 'tap'
import type { Spectrum } from '../../drivers/as7341/counts.ts'
import { BusError } from '../../drivers/bus.ts'
import { SensorError } from '../../drivers/sensor.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { type Instrument, SupervisedHead } from '../../gateway/head.ts'
import { silentLog } from '../../gateway/log.ts'

const never = new AbortController().signal

/** A head over a script: what each opening and each measurement gives, in turn; the last one repeats. */
function scripted(
  openings: readonly ('ok' | Error)[],
  measurements: readonly ('ok' | Error)[],
  { takesMs = 0, patienceMs = 0 } = {},
) {
  const clock = new VirtualClock()
  const lines: string[] = []
  const log = silentLog.child({}, { level: 'info' })
  log.info = (...[, message]: unknown[]) => void lines.push(String(message))
  log.warn = (...[, message]: unknown[]) => void lines.push(String(message))
  const calls = { opened: 0, measured: 0, closed: 0 }
  const openedAt: number[] = []
  const instrument: Instrument<Spectrum> = {
    async measure(_since, signal) {
      const step = measurements[Math.min(calls.measured, measurements.length - 1)]
      calls.measured += 1
      await clock.sleep(step instanceof Error ? patienceMs : takesMs, signal)
      if (step instanceof Error) throw step
      return { kind: 'as7341', takenAt: clock.now(), counts: {}, saturated: [] }
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
    log,
    random: () => 0.5,
    open: () => {
      const step = openings[Math.min(calls.opened, openings.length - 1)]
      calls.opened += 1
      openedAt.push(clock.now())
      return step instanceof Error ? Promise.reject(step) : Promise.resolve(instrument)
    },
  })
  return { head, clock, calls, openedAt, lines }
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
  t.strictSame(waits, [75, 150, 300, 600, 1200, 2400, 3750, 3750], 'exponential backoff with an end')
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
  const { head, clock, lines } = scripted([nack], ['ok'])
  await head.start(never)
  await clock.sleep(60_000)
  t.strictSame(lines, ['head absent, trying on'])
  await head.stop()
})

test('one that comes and goes is told once, and once more when it has been well for a while', async (t) => {
  const rounds = Array.from({ length: 20 }, () => [nack, nack, 'ok'] as const).flat()
  const { head, clock, lines } = scripted(['ok'], [...rounds, 'ok'])
  await head.start(never)
  while (clock.now() < 30_000) {
    await head.measure(0, never).catch(() => {})
    await clock.sleep(100)
  }
  t.strictSame(lines, [
    'head ready',
    'head fault',
    'head well again',
    'head comes and goes',
    'head steady again',
  ])
  t.match(head.status(), { state: 'ok', facts: { faults: 20, second_looks: 20 } })
  await head.stop()
})

test('one disturbed transfer is cured by a second look, and counted', async (t) => {
  for (const fault of ['short-transfer', 'arbitration-lost'] as const) {
    const cause = new BusError(fault, 'read 3 of 13 bytes')
    const { head, calls, lines } = scripted(
      ['ok'],
      [new SensorError('as7341', 'failed', fault, { cause }), 'ok'],
    )
    await head.start(never)
    t.match(await head.measure(0, never), { kind: 'as7341' })
    t.equal(calls.opened, 1)
    t.match(head.status(), { state: 'ok', facts: { faults: 0, second_looks: 1 } })
    t.strictSame(lines, ['head ready'])
    await head.stop()
  }
})

/** One look after the other, each with so much time. */
async function looks(
  { head, clock }: Pick<ReturnType<typeof scripted>, 'head' | 'clock'>,
  count: number,
  deadlineMs: number,
): Promise<readonly unknown[]> {
  const ends: unknown[] = []
  for (let i = 0; i < count; i += 1) {
    const late = new AbortController()
    const cancel = clock.after(deadlineMs, () => late.abort(new Error('late')))
    const from = clock.now()
    const error = await head.measure(0, late.signal).catch((reason: unknown) => reason)
    cancel()
    ends.push(error instanceof Error ? error.message : `well after ${clock.now() - from} ms`)
  }
  return ends
}

test('a fault that takes longer than anybody waits for is named all the same', async (t) => {
  const frozen = new SensorError('as7341', 'frozen', 'the same measurement again')
  const there = scripted(['ok'], ['ok', frozen], { patienceMs: 300 })
  await there.head.start(never)
  await there.head.measure(0, never)
  t.strictSame(await looks(there, 4, 200), ['late', 'late', 'late', 'late'], 'nobody waits longer for it')
  await there.clock.sleep(150)
  t.match(there.head.status(), { state: 'failed', facts: { fault: 'frozen' } })
  t.strictSame(there.lines, ['head ready', 'head fault'])
  await there.head.stop()
})

test('a head that is merely slower than its callers want has no fault', async (t) => {
  const there = scripted(['ok'], ['ok'], { takesMs: 130 })
  await there.head.start(never)
  t.strictSame(
    await looks(there, 20, 60),
    Array.from({ length: 20 }, () => 'late'),
  )
  await there.clock.sleep(200)
  t.match(there.head.status(), { state: 'ok', facts: { faults: 0, opened: 1 } })
  t.strictSame(await looks(there, 1, 200), ['well after 130 ms'])
  await there.head.stop()
})

test('wires that fail after the deadline only have failed, not been late', async (t) => {
  const cause = new BusError('timeout', 'clock held low')
  const clock = new VirtualClock()
  const held: Instrument<Spectrum> = {
    // A transfer under way hears no signal.
    measure: () => clock.sleep(1000).then(() => Promise.reject(cause)),
    close: () => Promise.resolve(),
  }
  const head = new SupervisedHead({
    ...{ id: 'spectral', kind: 'as7341', clock, log: silentLog, random: () => 0.5 },
    open: () => Promise.resolve(held),
  })
  await head.start(never)
  t.strictSame(await looks({ head, clock }, 1, 500), ['late'])
  t.equal(clock.now(), 500, 'its caller waited no longer')
  t.match(head.status(), { state: 'ok' })
  await clock.sleep(501)
  t.match(head.status(), { facts: { faults: 1, opened: 2 } }, 'opened anew')
  await head.stop()
})

test('a head that opened twice without measuring is not called well before it has measured', async (t) => {
  const failed = new SensorError('as7341', 'failed', 'it was reset')
  const { head, clock } = scripted(['ok'], [failed, failed, 'ok'])
  await head.start(never)
  await t.rejects(head.measure(0, never), { name: 'SensorError', fault: 'failed' })
  await clock.sleep(1)
  t.match(head.status(), { state: 'ok' }, 'it is open again')
  await t.rejects(head.measure(0, never), { name: 'SensorError', fault: 'failed' })
  await clock.sleep(200)
  t.match(head.status(), { state: 'failed', facts: { opened: 3, fault: 'failed' } })
  await head.measure(0, never)
  t.match(head.status(), { state: 'ok' })
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
  t.ok(Math.max(...waits) >= 3750, 'up to the longest wait')
  await head.stop()
})
