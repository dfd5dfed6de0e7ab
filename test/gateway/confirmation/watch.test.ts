import { test } from 'tap'
import { ConfirmationWatch } from '../../../gateway/confirmation/watch.ts'
import { silentLog } from '../../../gateway/log.ts'

const EPOCH = '01980000-0000-7000-8000-000000000001'
const OWN = 'ab'.repeat(32)

/** A watch over a log of 100 rows, all delivered; time passes when the test says so. */
function stand(oldest = 1) {
  let now = 0
  let timers: { at: number; act: () => void }[] = []
  let receive: (payload: Uint8Array, retained: boolean) => void = () => {}
  const log = { delivered: 100, kept: 0 }
  const watch = new ConfirmationWatch({
    topic: 'poincon/lyon/l1/s1/confirmed',
    store: {
      deviceId: 'gw-1',
      epochs: () => [{ epoch: EPOCH, base: 0, end: 100 }],
      hashAt: (_epoch, sequence) => Promise.resolve(sequence >= oldest ? OWN : undefined),
      delivered: () => log.delivered,
      rewind: (position) => {
        log.delivered = Math.max(position, oldest - 1)
        return Promise.resolve(log.delivered)
      },
      kept: {
        position: () => log.kept,
        advance: (position) => {
          log.kept = position
          return Promise.resolve()
        },
        rewind: (position) => {
          log.kept = position
          return Promise.resolve(position)
        },
      },
    },
    listen: (_topic, take) => {
      receive = take
    },
    limits: { stalledMs: 1000, longestMs: 8000 },
    clock: {
      now: () => now,
      wall: () => now,
      sleep: () => Promise.resolve(),
      after: (ms, act) => {
        const timer = { at: now + ms, act }
        timers.push(timer)
        return () => {
          timers = timers.filter((other) => other !== timer)
        }
      },
    },
    log: silentLog,
  })
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  const say = async (upTo: number, more: object = {}, retained = false): Promise<void> => {
    const place = { device_id: 'gw-1', epoch: EPOCH, from: 1, up_to: upTo, count: upTo, beyond: 0, hash: OWN }
    const at = '2026-11-21T08:00:00Z'
    const message = { schema: 'poincon.confirmed/1', at, ...place, others: [], ...more }
    receive(Buffer.from(JSON.stringify(message)), retained)
    await settled()
  }
  const pass = async (ms: number): Promise<void> => {
    for (const end = now + ms; now < end; now += 100) {
      const ready = timers.filter(({ at }) => at <= now)
      timers = timers.filter(({ at }) => at > now)
      for (const { act } of ready) act()
      await settled()
    }
  }
  return { watch, log, say, pass, text: (bytes: string) => receive(Buffer.from(bytes), false), settled }
}

test('retention follows what is confirmed', async (t) => {
  const { watch, log, say, pass } = stand()
  await watch.start()
  await say(40, {}, true)
  t.equal(log.kept, 40)
  await say(100)
  await pass(3000)
  t.strictSame([log.kept, log.delivered], [100, 100])
  t.match(watch.status(), { state: 'ok', facts: { confirmed: 100, unconfirmed: 0, resent: 0 } })
  await watch.stop()
})

test('what a broker lost is sent again', async (t) => {
  const { watch, log, say, pass } = stand()
  await watch.start()
  await say(40)
  await pass(500)
  await say(40, { beyond: 30 })
  await pass(700)
  t.equal(log.delivered, 40, 'the cursor stands where the store does')
  t.match(watch.status(), {
    state: 'degraded',
    detail: /misses position 41: sent again 1 times/,
    facts: { resent: 60 },
  })
  log.delivered = 100
  await say(100)
  await pass(300)
  t.match(watch.status(), { state: 'ok' })
  await watch.stop()
})

test('a store that lost what it had gets it again, and retention waits', async (t) => {
  const { watch, log, say, pass } = stand()
  await watch.start()
  await say(100)
  await say(70)
  await pass(2000)
  t.strictSame([log.delivered, log.kept], [70, 70])
  await watch.stop()
})

test('another history frees nothing and is sent nothing', async (t) => {
  const { watch, log, say, pass } = stand()
  await watch.start()
  await say(40, { hash: 'cd'.repeat(32) })
  await pass(5000)
  t.strictSame([log.delivered, log.kept], [100, 0])
  t.match(watch.status(), { state: 'degraded', detail: /sequence 40: the store holds (cd)+, this log (ab)+/ })
  await watch.stop()
})

test('what the store misses and nobody has any more is said', async (t) => {
  const { watch, log, say, pass } = stand(60)
  await watch.start()
  await say(0, { hash: '0'.repeat(64), beyond: 41 })
  await pass(500)
  await say(0, { hash: '0'.repeat(64), beyond: 41 })
  await pass(1000)
  t.equal(log.delivered, 59)
  t.match(watch.status(), { detail: /misses position 1 to 59, which are gone here: poincon ingest accept/ })
  await watch.stop()
})

test('what is no confirmation is said, and changes nothing', async (t) => {
  const { watch, log, text, settled } = stand()
  await watch.start()
  text('{"schema":"poincon.confirmed/2"}')
  await settled()
  t.match(watch.status(), { state: 'degraded', detail: /is no confirmation/ })
  t.equal(log.kept, 0)
  await watch.stop()
})
