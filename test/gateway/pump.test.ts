import { test } from 'tap'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { backoffMs } from '../../gateway/backoff.ts'
import { silentLog } from '../../gateway/log.ts'
import { type OutboxEntry, RefusedError, RetryLaterError, type Sink } from '../../gateway/outbox.ts'
import { Pump } from '../../gateway/pump.ts'
import { entries, entry } from '../fakes/inspections.ts'
import { MemoryOutbox } from '../fakes/memory-outbox.ts'

/** A far end that does as the test says; `answer` is asked for every batch. */
class ScriptedSink implements Sink {
  readonly name = 'plant'
  readonly window = 10
  readonly taken: number[] = []
  readonly askedAt: number[] = []
  readonly #clock: VirtualClock
  answer: (batch: readonly OutboxEntry[]) => number

  constructor(clock: VirtualClock, answer: (batch: readonly OutboxEntry[]) => number) {
    this.#clock = clock
    this.answer = answer
  }

  async send(batch: readonly OutboxEntry[]): Promise<number> {
    this.askedAt.push(this.#clock.now())
    await this.#clock.sleep(1)
    const count = this.answer(batch)
    const taken = batch.slice(0, count)
    this.taken.push(...taken.map(({ sequence }) => sequence))
    const last = taken.at(-1)
    if (last === undefined) throw new Error('connect ECONNREFUSED')
    return last.sequence
  }
}

function setUp(answer: (batch: readonly OutboxEntry[]) => number) {
  const clock = new VirtualClock()
  const outbox = new MemoryOutbox()
  const sink = new ScriptedSink(clock, answer)
  const logged: { level: string; message: string; fields: object }[] = []
  const log = silentLog.child({})
  for (const level of ['info', 'warn', 'error'] as const) {
    log[level] = (fields: object, message?: string) => {
      logged.push({ level, message: message ?? '', fields })
    }
  }
  const pump = new Pump({
    outbox,
    sink,
    clock,
    log,
    backlog: () => outbox.backlog('plant'),
    backoff: { firstMs: 100, longestMs: 1000 },
    random: () => 1,
  })
  return { clock, outbox, sink, pump, logged }
}

test('a pump', async (t) => {
  await t.test('delivers in order, and goes on where the acknowledgements ended', async (t) => {
    const { outbox, sink, pump } = setUp((batch) => Math.min(batch.length, 4))
    outbox.append(...entries(1, 25))
    await pump.start()
    await pump.stop()
    t.strictSame(
      sink.taken,
      Array.from({ length: 25 }, (_, place) => place + 1),
    )
    t.strictSame(pump.status(), {
      state: 'ok',
      facts: { backlog: 0, delivered: 25, last_sequence: 25, failures: 0 },
    })
  })

  await t.test(
    'waits longer and longer while the far end is away, says so once, and then delivers all',
    async (t) => {
      let away = true
      const { clock, outbox, sink, pump, logged } = setUp((batch) => (away ? 0 : batch.length))
      outbox.append(...entries(1, 15))
      await pump.start()
      await clock.sleep(3000)
      const status = pump.status()
      t.equal(status.state, 'degraded')
      t.match(status.detail, /ECONNREFUSED \(6 attempts in 3 s\)/)
      t.equal(status.facts?.backlog, 15)
      t.strictSame(sink.askedAt, [0, 101, 302, 703, 1504, 2505], 'doubled up to a second')
      t.strictSame(
        logged.map(({ level, message }) => `${level} ${message}`),
        ['warn sink away'],
      )
      away = false
      await clock.sleep(1500)
      t.strictSame(
        sink.taken,
        Array.from({ length: 15 }, (_, place) => place + 1),
      )
      t.equal(pump.status().state, 'ok')
      t.strictSame(logged.at(-1)?.message, 'sink back')
      await pump.stop()
    },
  )

  await t.test('names the inspection that is refused for good, and keeps it', async (t) => {
    const { clock, outbox, pump, logged } = setUp((batch) => {
      if (batch[0]?.sequence === 3) throw new RefusedError(3, 'field type conflict')
      return 2
    })
    outbox.append(...entries(1, 5))
    await pump.start()
    await clock.sleep(500)
    t.match(pump.status(), { state: 'degraded', detail: /inspection 3 is refused: field type conflict/ })
    t.equal(outbox.cursor('plant'), 2)
    t.match(logged, [{ level: 'error', message: 'inspection refused' }])
    await pump.stop()
  })

  await t.test('waits as long as the far end asks for', async (t) => {
    let calls = 0
    const { clock, outbox, sink, pump } = setUp((batch) => {
      calls += 1
      if (calls === 1) throw new RetryLaterError(5000, 'HTTP 429')
      return batch.length
    })
    outbox.append(...entries(1, 1))
    await pump.start()
    await clock.sleep(6000)
    t.strictSame(sink.askedAt, [0, 5001])
    await pump.stop()
  })

  await t.test('delivers what is stored before it stops, but waits for nobody who is away', async (t) => {
    const slow = setUp(() => 1)
    slow.outbox.append(...entries(1, 40))
    await slow.pump.start()
    await slow.pump.stop()
    t.equal(slow.outbox.backlog('plant'), 0)

    const away = setUp(() => 0)
    away.outbox.append(...entries(1, 40))
    await away.pump.start()
    await away.pump.stop()
    t.equal(away.outbox.backlog('plant'), 40)
    t.ok(away.clock.now() < 100, 'stops at the first failure')

    const stuck = setUp(() => 1)
    stuck.outbox.append(...entries(1, 6000))
    await stuck.pump.start()
    await stuck.pump.stop()
    t.ok(stuck.clock.now() < 5100, 'the grace time is the limit')
    t.ok(stuck.outbox.cursor('plant') > 1000)
  })

  await t.test('sends one again in between, and asks the far end one thing at a time', async (t) => {
    let atWork = 0
    let most = 0
    const { clock, outbox, sink, pump } = setUp((batch) => Math.min(batch.length, 2))
    const send = sink.send.bind(sink)
    sink.send = async (batch) => {
      atWork += 1
      most = Math.max(most, atWork)
      const sent = await send(batch)
      atWork -= 1
      return sent
    }
    outbox.append(...entries(1, 9))
    await pump.start()
    await pump.resend(entry(99))
    await clock.sleep(100)
    t.equal(most, 1)
    t.ok(sink.taken.indexOf(99) > 0, 'not before what was under way')
    t.strictSame(
      [...sink.taken].sort((a, b) => a - b),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 99],
    )
    await pump.stop()
    await t.rejects(pump.resend(entry(99)), /abort/)
  })

  await t.test('that never started stops at once', async () => {
    await setUp(() => 0).pump.stop()
  })
})

test('backoff lies between half and the whole of a doubling ceiling', (t) => {
  const backoff = { firstMs: 100, longestMs: 1500 }
  const ceilings = [1, 2, 3, 4, 5, 6, 5000].map((failures) => backoffMs(failures, backoff, () => 1))
  t.strictSame(ceilings, [100, 200, 400, 800, 1500, 1500, 1500])
  t.equal(
    backoffMs(3, backoff, () => 0),
    200,
  )
  t.end()
})
