import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { Database } from '../../../../gateway/store/database.ts'
import { NEWEST_KEPT } from '../../../../gateway/store/retention/plan.ts'
import type { Store } from '../../../../gateway/store/store.ts'
import { inspectionDraft, randomFrom, rawRecord } from '../drafts.ts'
import { append, appendMany, faultOf, reopen, storeDir, storeIn } from '../opening.ts'
import { onDisk, retentionOf } from './limits.ts'

const forever = new AbortController().signal

/** A store with one sink that has got everything, on disk. */
async function delivered(store: Store, count: number): Promise<void> {
  await store.registerSink('plant')
  const entries = await appendMany(store, count)
  await store.advance('plant', entries.at(-1)?.sequence ?? 0)
  await append(store)
}

test('by count: the newest stay, the chain goes on from the anchor, also for the next run', async (t) => {
  const dir = await storeDir(t)
  const store = await reopen(dir)
  await delivered(store, 299)
  const removed = await store.from(100, 1)
  const retention = retentionOf(store, { most: { raw: 100, inspections: 200 } })
  await retention.sweep(forever)
  t.match(await onDisk(dir), { oldest: 101, oldestRaw: 201, inspections: 200, raws: 100, chain: [] })
  t.match(store.anchors, [{ base: 0, position: 100, removedAt: /^2026-03-11T12:00/ }])
  t.match(removed[0]?.payload, new RegExp(store.anchors[0]?.hash ?? 'no anchor'))
  t.equal(await store.raw(200), undefined)
  t.ok(await store.raw(201))
  t.match(retention.status(), {
    state: 'ok',
    facts: { inspections: 200, raw_records: 100, removed_raw: 200, removed_inspections: 100 },
  })
  await store.close()

  const next = await storeIn(t, dir)
  t.equal((await append(next)).sequence, 301, 'the epoch goes on')
  t.match(next.anchors, [{ position: 100 }])
  await next.registerSink('plant')
  await next.registerSink('new')
  t.equal(next.backlog('new'), 201, 'a new sink begins with the oldest that is there')
  t.equal((await next.next('new', 1, forever))[0]?.sequence, 101)
})

test('by age, while somebody vouches for the clock', async (t) => {
  const dir = await storeDir(t)
  const store = await storeIn(t, dir)
  await delivered(store, 199)
  const age = { rawMs: 5 * 86_400_000, inspectionMs: 20 * 86_400_000 }
  const rowsAtOnce = 8
  await retentionOf(store, { age }, { clockTrusted: () => false }).sweep(forever)
  t.match(await onDisk(dir), { raws: 200, inspections: 200 }, 'a clock that is 1970 or 2099 takes nothing')
  await retentionOf(store, { age, rowsAtOnce }).sweep(forever)
  t.match(await onDisk(dir), { raws: NEWEST_KEPT, inspections: 200 })
  await retentionOf(store, { age: { inspectionMs: 86_400_000 }, rowsAtOnce }).sweep(forever)
  t.match(await onDisk(dir), { raws: NEWEST_KEPT, inspections: NEWEST_KEPT, chain: [] }, 'the newest stay')
})

test('one part whose clock was wrong does not hold back those behind it', async (t) => {
  const dir = await storeDir(t)
  const store = await storeIn(t, dir)
  const random = randomFrom(5)
  for (const year of ['2026', '2099', '2026', '2026']) {
    const timestamp = `${year}-03-01T08:00:00.000Z`
    await store.append({ ...inspectionDraft(random), timestamp }, rawRecord(random))
  }
  await appendMany(store, NEWEST_KEPT)
  await retentionOf(store, { age: { inspectionMs: 86_400_000 }, rowsAtOnce: 4 }).sweep(forever)
  t.match(await onDisk(dir), { oldest: 5, chain: [] })
})

test('a part whose clock nobody had set takes no younger one with it: the next that was disciplined decides', async (t) => {
  const dir = await storeDir(t)
  const store = await storeIn(t, dir)
  const random = randomFrom(6)
  const part = (clock: 'synchronised' | 'holdover', at: string) =>
    store.append({ ...inspectionDraft(random), clock, timestamp: `${at}T08:00:00.000Z` }, rawRecord(random))
  const [old, young] = ['2026-03-01', '2026-03-11']
  await part('synchronised', old)
  await part('synchronised', young)
  await part('holdover', old)
  await part('synchronised', young)
  for (let count = 0; count < NEWEST_KEPT; count += 1) await part('synchronised', young)
  const limits = { age: { inspectionMs: 86_400_000 }, rowsAtOnce: 1 }
  await retentionOf(store, limits).sweep(forever)
  t.match(await onDisk(dir), { oldest: 2, chain: [] }, 'the holdover says nothing, whatever its stamp')
  await retentionOf(store, { ...limits, rowsAtOnce: 2 }).sweep(forever)
  t.match(await onDisk(dir), { oldest: 2 }, 'nor does it for those before it')
})

test('parts of a station that waited for its time go when the first that has it is old', async (t) => {
  const dir = await storeDir(t)
  const store = await storeIn(t, dir)
  const random = randomFrom(7)
  // By a clock that stands at 2099, as after an empty battery that counts from anywhere.
  const waiting = Array.from({ length: 40 }, () => ({
    ...inspectionDraft(random),
    ...{ clock: 'holdover' as const, timestamp: '2099-01-01T08:00:00.000Z' },
  }))
  await Promise.all(waiting.map((draft) => store.append(draft, rawRecord(random))))
  const retention = retentionOf(store, { age: { inspectionMs: 86_400_000 }, rowsAtOnce: 8 })
  await retention.sweep(forever)
  t.match(await onDisk(dir), { oldest: 1 }, 'nobody knows yet')
  await append(store)
  await appendMany(store, NEWEST_KEPT)
  await retention.sweep(forever)
  t.match(await onDisk(dir), { oldest: 41, chain: [] }, 'all that came before one of ten days ago')
})

test('by quota: raw data first, then inspections, down to what is undelivered; then full', async (t) => {
  const dir = await storeDir(t)
  const maxBytes = 2_000_000
  const store = await storeIn(t, dir, { maxBytes })
  const retention = retentionOf(store, { maxBytes, beginShare: 0.8 })
  await store.registerSink('plant')
  await appendMany(store, 100)
  for (let round = 0; round < 4; round += 1) {
    await appendMany(store, 60)
    await store.advance('plant', 160 + 60 * round - 1)
    await append(store)
    await retention.sweep(forever)
  }
  const { oldest, oldestRaw, chain, inspections } = await onDisk(dir)
  t.same(chain, [])
  t.ok((oldestRaw ?? 0) > 100, 'raw data of delivered parts went')
  t.ok(oldest !== null && oldest <= (oldestRaw ?? 0), 'before inspections')
  t.ok(inspections > 200)

  // Nothing is delivered any more: the store fills to its end, and what is undelivered is all there.
  let stored = 0
  for (; stored < 2000; stored += 20) {
    const faults = await Promise.all(Array.from({ length: 20 }, () => faultOf(append(store))))
    await retention.sweep(forever)
    if (faults.some((fault) => fault === 'full')) break
    t.ok(faults.every((fault) => fault === undefined))
  }
  t.match(store.status(), { state: 'failed' })
  t.match(await onDisk(dir), { chain: [], leastCursor: 339 })
  t.ok(((await onDisk(dir)).oldest ?? 0) <= 340)

  await store.advance('plant', store.backlog('plant') + 339)
  await faultOf(append(store))
  await retention.sweep(forever)
  await append(store)
  t.match(store.status(), { state: 'ok' }, 'delivered: there is room again')
})

test('a sink that is not configured any more holds back until it is forgotten', async (t) => {
  const dir = await storeDir(t)
  const before = await reopen(dir)
  await before.registerSink('plant')
  await before.registerSink('old')
  await append(before)
  await before.close()
  const store = await storeIn(t, dir)
  await store.registerSink('plant')
  await appendMany(store, 199)
  await store.advance('plant', 200)
  await append(store)
  const retention = retentionOf(store, { most: { raw: 100 } })
  await retention.sweep(forever)
  t.match(await onDisk(dir), { raws: 201 })
  t.match(retention.status(), {
    state: 'degraded',
    detail: 'old is not configured any more and holds back 201 inspections: poincon retention forget old',
  })
  t.same(store.orphans(), [{ name: 'old', backlog: 201 }])
  t.equal(await faultOf(store.forgetSink('plant')), 'invalid', 'one that is at work')
  t.equal(await store.forgetSink('old'), true)
  t.equal(await store.forgetSink('old'), false)
  await retention.sweep(forever)
  t.match(await onDisk(dir), { raws: 101 }, 'less than a step is left')
  t.match(retention.status(), { state: 'ok' })
})

test('what the final store has not confirmed stays, whatever the sinks acknowledged', async (t) => {
  const dir = await storeDir(t)
  const store = await storeIn(t, dir)
  await delivered(store, 199)
  const { epoch } = store.epoch
  let upTo: { epoch: string; sequence: number } | undefined
  const retention = retentionOf(store, { most: { raw: 70 } }, { confirmed: () => upTo })
  await retention.sweep(forever)
  t.match(await onDisk(dir), { raws: 200 })
  upTo = { epoch: 'another', sequence: 200 }
  await retention.sweep(forever)
  t.match(await onDisk(dir), { raws: 200 }, 'of a foreign history')
  upTo = { epoch, sequence: 40 }
  await retention.sweep(forever)
  t.match(await onDisk(dir), { raws: 160 })
})

test('room that nobody needs goes back to the disk, a few pages at a time', async (t) => {
  const dir = await storeDir(t)
  const store = await reopen(dir)
  await delivered(store, 1499)
  await retentionOf(store, { most: { raw: 100, inspections: 100 }, rowsAtOnce: 128 }).sweep(forever)
  const figures = await onDisk(dir)
  t.match(figures, { chain: [] })
  await store.close()
  const { size } = await stat(join(dir, 'poincon.db'))
  t.ok(size < 7e6, `${size} bytes of some 12 MB`)
})

test('what was changed is told before it goes, and the chain behind it still holds', async (t) => {
  const dir = await storeDir(t)
  const store = await storeIn(t, dir)
  await delivered(store, 199)
  const meddler = await Database.open(join(dir, 'poincon.db'), 'write')
  await meddler.exec(
    `UPDATE inspections SET payload = replace(payload, 'LOT-0001', 'LOT-0002') WHERE position = 10`,
  )
  await meddler.close()
  const retention = retentionOf(store, { most: { inspections: 100 } })
  await retention.sweep(forever)
  t.match(await onDisk(dir), { oldest: 101, chain: [] })
  t.match(store.anchors, [{ broken: /sequence 10: hash is/ }])
  t.match(retention.status(), { state: 'degraded', detail: /what was removed did not hold: sequence 10/ })
})

test('a station whose log is old and whose parts are all gone but the newest goes on in its epoch', async (t) => {
  const dir = await storeDir(t)
  const before = await reopen(dir)
  await delivered(before, 99)
  await retentionOf(before, { age: { inspectionMs: 1000 } }).sweep(forever)
  await before.close()
  const store = await storeIn(t, dir)
  t.equal(store.epoch.epoch, before.epoch.epoch)
  t.equal((await append(store)).sequence, 101)
  t.match(await onDisk(dir), { chain: [] })
})

test('an old epoch goes as a whole, and each keeps its anchor', async (t) => {
  const dir = await storeDir(t)
  await (await opened(dir, 50)).close()
  const store = await storeIn(t, dir, { deviceId: 'another' })
  await appendMany(store, 150)
  await retentionOf(store, { most: { inspections: 100 }, rowsAtOnce: 4 }).sweep(forever)
  t.match(await onDisk(dir), { inspections: 102, chain: [] }, '50 and 48: steps of four within each epoch')
  t.match(store.anchors, [
    { base: 0, position: 50 },
    { base: 50, position: 98 },
  ])
})

async function opened(dir: string, count: number): Promise<Store> {
  const store = await reopen(dir)
  await appendMany(store, count)
  return store
}
