import { test } from 'tap'
import { CONFIRMED_CURSOR, confirmationStore } from '../../gateway/confirming.ts'
import { appendMany, freshStore, reopen, storeDir, storeIn } from './store/opening.ts'
import { retentionOf } from './store/retention/limits.ts'

const UPSTREAM = { deviceId: 'poincon-test', sink: 'upstream', required: true }
const ever = new AbortController().signal

test('retention frees what is confirmed, and no more', async (t) => {
  const store = await freshStore(t)
  await store.registerSink('upstream')
  await store.registerSink(CONFIRMED_CURSOR)
  await appendMany(store, 200)
  await store.next('upstream', 200, ever)
  await store.advance('upstream', 200)
  const log = confirmationStore(store, UPSTREAM)
  await log.kept?.advance(60)
  // A commit takes the cursors along.
  await appendMany(store, 1)
  const retention = retentionOf(store, { most: { raw: 1, inspections: 1 } })
  await retention.sweep(ever)
  t.equal((await store.from(1, 1))[0]?.sequence, 61)
  t.equal(await log.rewind(10), 60, 'and what is gone cannot be sent again')
  const hash = await log.hashAt(store.epoch.epoch, 60)
  t.match(hash, /^[0-9a-f]{64}$/, 'but what the store says of the last of it can still be checked')
})

test('a sink is put back to what is confirmed, and sends from there', async (t) => {
  const store = await freshStore(t)
  await store.registerSink('upstream')
  await store.registerSink(CONFIRMED_CURSOR)
  await appendMany(store, 30)
  const log = confirmationStore(store, UPSTREAM)
  const first = await store.next('upstream', 20, ever)
  await store.advance('upstream', 20)
  t.equal(log.delivered(), 20)
  t.equal(await log.rewind(5), 5)
  const again = await store.next('upstream', 3, ever)
  t.strictSame(
    again.map(({ sequence, id }) => ({ sequence, id })),
    first.slice(5, 8).map(({ sequence, id }) => ({ sequence, id })),
  )
  t.equal(await log.rewind(25), 5, 'never forward')
  t.same(
    store.sinks().find(({ name }) => name === 'upstream'),
    {
      ...{ name: 'upstream', stored: 30, delivered: 5, backlog: 25, quarantined: 0 },
    },
  )
})

test('a batch that was under way when the cursor was put back does not undo it', async (t) => {
  const store = await freshStore(t)
  await store.registerSink('upstream')
  await appendMany(store, 30)
  await store.next('upstream', 20, ever)
  await store.advance('upstream', 20)
  await store.next('upstream', 10, ever)
  await store.rewind('upstream', 5)
  await store.advance('upstream', 30)
  t.equal(store.position('upstream'), 5)
  const [next] = await store.next('upstream', 1, ever)
  t.equal(next?.sequence, 6)
  await store.advance('upstream', 6)
  t.equal(store.position('upstream'), 6)
})

test('who waits for news is woken by a cursor that is put back', async (t) => {
  const store = await freshStore(t)
  await store.registerSink('upstream')
  await appendMany(store, 3)
  await store.next('upstream', 3, ever)
  await store.advance('upstream', 3)
  const waiting = store.next('upstream', 3, ever)
  await store.rewind('upstream', 1)
  t.strictSame(
    (await waiting).map(({ sequence }) => sequence),
    [2, 3],
  )
})

test('a cursor that was put back is found there after a restart, over epochs', async (t) => {
  const dir = await storeDir(t)
  const before = await reopen(dir)
  await before.registerSink('upstream')
  await before.registerSink(CONFIRMED_CURSOR)
  const entries = await appendMany(before, 12)
  await before.next('upstream', 12, ever)
  await before.advance('upstream', 12)
  const log = confirmationStore(before, UPSTREAM)
  await log.kept?.advance(9)
  await log.kept?.rewind(7)
  await log.rewind(7)
  const hash = /"hash":"([0-9a-f]{64})"/.exec(entries[6]?.payload ?? '')?.[1]
  t.equal(await log.hashAt(before.epoch.epoch, 7), hash)
  t.equal(await log.hashAt(before.epoch.epoch, 13), undefined, 'not stored')
  t.equal(await log.hashAt('01980000-0000-7000-8000-000000000001', 1), undefined, 'another log')
  await before.close()
  const store = await storeIn(t, dir)
  await store.registerSink('upstream')
  await store.registerSink(CONFIRMED_CURSOR)
  const after = confirmationStore(store, UPSTREAM)
  t.strictSame([after.delivered(), after.kept?.position()], [7, 7])
  t.equal(after.epochs().at(-1)?.end, 12)
  t.throws(() => store.advanceTo(CONFIRMED_CURSOR, 13), /not stored/)
  t.throws(() => store.rewind('upstream', -1), /cannot be put back/)
})
