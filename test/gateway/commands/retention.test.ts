import { join } from 'node:path'
import { test } from 'tap'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { AggregateBook } from '../../../gateway/aggregates/book.ts'
import { reportSums } from '../../../gateway/aggregates/report.ts'
import { retentionCommand } from '../../../gateway/commands/retention.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { configFor, said } from '../rejudge/logs.ts'
import { appendMany, faultOf, reopen, storeDir } from '../store/opening.ts'
import { retentionOf } from '../store/retention/limits.ts'

const never = new AbortController().signal

/** 80 parts; the eight oldest are gone; a sink that was once there has got ten. */
async function usedStore(dir: string): Promise<void> {
  const before = await reopen(dir)
  await before.registerSink('old-broker')
  await appendMany(before, 10)
  await before.advance('old-broker', 10)
  await before.close()
  const store = await reopen(dir)
  await store.registerSink('aggregates')
  const entries = await appendMany(store, 70)
  await new AggregateBook(store.aggregates, new VirtualClock()).send(
    [...(await store.from(1, 10)), ...entries],
    never,
  )
  await store.advance('aggregates', 80)
  await appendMany(store, 1)
  await retentionOf(store, { most: { inspections: 1 }, rowsAtOnce: 8 }).sweep(never)
  await store.close()
}

async function partsIn(dir: string, change?: (store: Store) => Promise<void>): Promise<number> {
  const store = await reopen(dir)
  try {
    await change?.(store)
    const days = { period: 'day', each: 'period', limit: 9 } as const
    return (await reportSums(store.aggregates, days)).total.parts
  } finally {
    await store.close()
  }
}

test('retention: what is stored and what holds it back, as lines and as JSON', async (t) => {
  const folder = await storeDir(t)
  const config = await configFor(folder)
  const dir = join(folder, 'data')
  await usedStore(dir)
  const retention = (...words: string[]) => said(t, () => retentionCommand([...words, '--config', config]))

  const shown = await retention()
  t.equal(shown.code, 0)
  t.match(shown.stdout, /^inspections: 73$/m)
  t.match(shown.stdout, /^oldest_at: 2026-03-01T08:00:00\.000Z$/m)
  t.match(shown.stdout, /^undelivered: 71$/m)
  t.match(shown.stdout, /^sink old-broker: 71 not delivered$/m)
  t.match(shown.stdout, /^sink aggregates: 1 not delivered$/m)
  t.match(shown.stdout, /^removed up to sequence 8, last at .*: every link held$/m)
  const json = await retention('show', '--json')
  t.match(JSON.parse(json.stdout), {
    ...{ inspections: 73, undelivered: 71, sinks: { 'old-broker': 71, aggregates: 1 } },
    anchors: [{ removed: 8, hash: /^[0-9a-f]{64}$/ }],
    old_heads: [],
  })
})

test('retention: a sink is given up, once, by its name', async (t) => {
  const folder = await storeDir(t)
  const config = await configFor(folder)
  const dir = join(folder, 'data')
  await usedStore(dir)
  const retention = (...words: string[]) => said(t, () => retentionCommand([...words, '--config', config]))
  t.match(await retention('forget', 'old-brokr'), {
    code: 1,
    stderr: /^old-brokr: no such sink; known are .*old-broker/,
  })
  t.match(await retention('forget', 'old-broker'), { code: 0, stdout: /^old-broker is forgotten/ })
  t.match(await retention('forget', 'old-broker'), { code: 1 })
  t.match(JSON.parse((await retention('--json')).stdout), { undelivered: 1 })
})

test('retention: sums are counted anew from what is still there', async (t) => {
  const folder = await storeDir(t)
  const config = await configFor(folder)
  const dir = join(folder, 'data')
  await usedStore(dir)
  const damaged = await partsIn(dir, async ({ aggregates }) => {
    const [day] = await aggregates.find({ period: 'day', limit: 1 })
    const [hour] = await aggregates.find({ period: 'hour', limit: 1 })
    if (day === undefined || hour === undefined) throw new Error('80 parts were counted')
    await aggregates.save([{ ...day, parts: 3, value: { ...Object(day.value), parts: 3 } }], undefined)
  })
  t.equal(damaged, 3)
  const rebuilt = await said(t, () => retentionCommand(['rebuild', '--config', config]))
  t.match(rebuilt, { code: 0, stdout: /1.*1/ })
  t.equal(
    await partsIn(dir),
    72,
    'of 80 that were counted the eight oldest are gone; the hour still knows them',
  )
})

test('retention: what it does not understand it says, and a station that runs is left alone', async (t) => {
  const folder = await storeDir(t)
  const config = await configFor(folder)
  const dir = join(folder, 'data')
  await usedStore(dir)
  const retention = (...words: string[]) => said(t, () => retentionCommand([...words, '--config', config]))
  for (const wrong of [['forget'], ['rebuild', 'all'], ['sweep'], ['show', 'all'], ['forget', 'a', 'b']]) {
    t.match(await retention(...wrong), { code: 2, stderr: /retention forget SINK/ }, wrong.join(' '))
  }
  t.match(await retention('--help'), { code: 0, stdout: /retention rebuild/ })
  const running = await reopen(dir)
  t.teardown(() => running.close())
  t.match(await retention(), { code: 0 }, 'looking disturbs nobody')
  t.equal(await faultOf(retention('rebuild')), 'locked')
})
