import { test } from 'tap'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { AggregateBook } from '../../../gateway/aggregates/book.ts'
import { type FoundSums, readSums, type SumsChoice } from '../../../gateway/aggregates/read.ts'
import { Sums, sumsOnWire } from '../../../gateway/aggregates/sums.ts'
import type { InspectionDraft } from '../../../gateway/message.ts'
import type { OutboxEntry } from '../../../gateway/outbox.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { inspectionDraft, randomFrom, rawRecord } from '../store/drafts.ts'
import { append, freshStore, reopen, storeDir, storeIn } from '../store/opening.ts'
import { retentionOf } from '../store/retention/limits.ts'

const never = new AbortController().signal
const random = randomFrom(23)
const ALL = { period: 'day' } as const

function bookOf(store: Store): AggregateBook {
  return new AggregateBook(store.aggregates, new VirtualClock())
}

async function found(store: Store, choice: SumsChoice): Promise<FoundSums[]> {
  const rows: FoundSums[] = []
  for await (const row of readSums(store.aggregates, choice)) rows.push(row)
  return rows
}

async function total(store: Store, choice: SumsChoice): Promise<Sums> {
  const all = new Sums()
  for (const { sums } of await found(store, choice)) all.merge(sums)
  return all
}

interface Part {
  readonly at: string
  readonly lot?: string
  readonly volume?: number
  readonly revision?: number
  readonly verdict?: InspectionDraft['verdict']
}

function part(
  store: Store,
  { at, lot = 'lot-1', volume = 100_000, revision = 1, verdict }: Part,
): Promise<OutboxEntry> {
  const draft = inspectionDraft(random)
  return store.append(
    {
      ...draft,
      timestamp: at,
      lot_id: lot,
      recipe: { id: 'terrine', revision },
      vl53l8ch: { ...draft.vl53l8ch, volume_mm3: volume },
      ...(verdict === undefined ? {} : { verdict }),
    },
    rawRecord(random, 50),
  )
}

const UNGRADED: InspectionDraft['verdict'] = {
  kind: 'ungraded',
  action: 'hold',
  reasons: ['late'],
  latency_ms: 500,
}

/** Four parts: three in an hour, of two lots, and one the next day. */
async function fourParts(store: Store): Promise<OutboxEntry[]> {
  return [
    await part(store, { at: '2026-03-01T08:10:00.000Z', volume: 100_000 }),
    await part(store, { at: '2026-03-01T08:59:59.999Z', volume: 110_000 }),
    await part(store, { at: '2026-03-01T08:30:00.000Z', lot: 'lot-2', verdict: UNGRADED }),
    await part(store, { at: '2026-03-02T00:00:00.000Z', volume: 130_000, revision: 2 }),
  ]
}

test('each part is counted in its hour and its day, by station, recipe and lot', async (t) => {
  const store = await freshStore(t)
  const book = bookOf(store)
  const entries = await fourParts(store)
  t.equal(await book.send(entries, never), 4)
  const hours = await found(store, { period: 'hour' })
  t.match(
    hours.map(({ key }) => key),
    [
      { startsAt: '2026-03-01T08:00:00.000Z', station: 'site/line/station', recipe: 'terrine', lot: 'lot-1' },
      { startsAt: '2026-03-01T08:00:00.000Z', lot: 'lot-2' },
      { startsAt: '2026-03-02T00:00:00.000Z', lot: 'lot-1', revision: 2 },
    ],
  )
  const wire = sumsOnWire.parse(hours[0]?.sums.onWire())
  t.match(wire, {
    parts: 2,
    grades: { A: 2, REJECT: 0 },
    actions: { accept: 2, hold: 0 },
    ungraded: 0,
    measures: { volume_mm3: { count: 2, mean: 105_000, min: 100_000, max: 110_000 } },
  })
  t.ok(Math.abs((wire.measures.volume_mm3?.std ?? 0) - 7071.0678) < 0.001)
  t.match(hours[1]?.sums.onWire(), {
    parts: 1,
    ungraded: 1,
    actions: { hold: 1 },
    measures: { latency_ms: { max: 500 } },
  })
  t.notOk('score' in (hours[1]?.sums.onWire().measures ?? {}), 'what was not given is no 0')
})

test('asked for a lot, a recipe, a time, and all of it in one', async (t) => {
  const store = await freshStore(t)
  const book = bookOf(store)
  await book.send(await fourParts(store), never)
  t.equal((await total(store, ALL)).parts, 4)
  t.equal((await total(store, { ...ALL, lot: 'lot-2' })).parts, 1)
  t.equal((await total(store, { ...ALL, recipe: 'other' })).parts, 0)
  t.equal((await total(store, { ...ALL, from: '2026-03-02T00:00:00.000Z' })).parts, 1)
  t.equal((await total(store, { ...ALL, to: '2026-03-02T00:00:00.000Z' })).parts, 3)
  const day = await total(store, ALL)
  const hours = await total(store, { period: 'hour' })
  t.same(hours.toStore().measures.volume_mm3?.sketch, day.toStore().measures.volume_mm3?.sketch)
})

test('a batch that comes again changes nothing, in whatever pieces, also after a restart', async (t) => {
  const dir = await storeDir(t)
  const first = await reopen(dir)
  const entries = await fourParts(first)
  const book = bookOf(first)
  await book.send(entries.slice(0, 3), never)
  const before = await found(first, ALL)
  t.equal(await book.send(entries.slice(0, 3), never), 3)
  t.same(await found(first, ALL), before)
  await first.close()

  const store = await storeIn(t, dir)
  const again = bookOf(store)
  const read = await store.from(1, 10)
  t.equal(await again.send(read.slice(1), never), 4)
  t.equal((await total(store, ALL)).parts, 4)
  t.same((await total(store, ALL)).onWire().measures.volume_mm3?.max, 130_000, 'from text as from memory')
})

test('a new epoch counts from 1 again, and what comes again of the old one is known', async (t) => {
  const dir = await storeDir(t)
  const before = await reopen(dir)
  const old = await fourParts(before)
  await bookOf(before).send(old, never)
  await before.close()
  const store = await storeIn(t, dir, { deviceId: 'another' })
  const book = bookOf(store)
  await book.send([await part(store, { at: '2026-03-05T08:00:00.000Z' })], never)
  await book.send(old, never)
  t.equal((await total(store, ALL)).parts, 5)
})

test('a commit that fails counts nothing, and the same batch is counted when it works', async (t) => {
  const store = await freshStore(t)
  const entries = await fourParts(store)
  let broken = true
  const { aggregates } = store
  const book = new AggregateBook(
    {
      counted: (epoch) => aggregates.counted(epoch),
      get: (key, room) => aggregates.get(key, room),
      find: (query) => aggregates.find(query),
      save: (rows, counted, room) =>
        broken
          ? aggregates.save([...rows, { ...rows[0], value: Number.NaN } as never], counted, room)
          : aggregates.save(rows, counted, room),
      clearScratch: () => aggregates.clearScratch(),
      adoptScratch: () => aggregates.adoptScratch(),
    },
    new VirtualClock(),
  )
  await t.rejects(book.send(entries, never))
  t.equal((await total(store, ALL)).parts, 0)
  t.equal(await aggregates.counted(store.epoch.epoch), 0)
  broken = false
  await book.send(entries, never)
  t.equal((await total(store, ALL)).parts, 4)
})

test('counted anew it is the same; sums whose inspections are gone stay', async (t) => {
  const store = await freshStore(t)
  const book = bookOf(store)
  const entries: OutboxEntry[] = []
  for (let index = 0; index < 120; index += 1) {
    const hour = String(8 + Math.floor(index / 40)).padStart(2, '0')
    entries.push(await part(store, { at: `2026-03-01T${hour}:00:00.000Z`, volume: 90_000 + index }))
  }
  await book.send(entries, never)
  const before = await found(store, { period: 'hour' })
  t.same(await book.rebuild(store), { replaced: 4, kept: 0 })
  t.same(await found(store, { period: 'hour' }), before)

  // 56 of 120 go: the first hour wholly, the second in part.
  await retentionOf(store, { most: { inspections: 64 }, rowsAtOnce: 8 }).sweep(never)
  t.equal((await store.from(1, 1))[0]?.sequence, 57)
  t.same(
    await book.rebuild(store),
    { replaced: 1, kept: 2 },
    'the last hour; the second and the day are kept',
  )
  t.same(await found(store, { period: 'hour' }), before)
  t.equal((await total(store, ALL)).parts, 120, 'the day still knows all')
})

test('sums that were damaged come back from the log', async (t) => {
  const store = await freshStore(t)
  const book = bookOf(store)
  await book.send(await fourParts(store), never)
  const [row] = await store.aggregates.find({ ...ALL, limit: 1 })
  if (row === undefined) throw new Error('four parts were counted')
  await store.aggregates.save([{ ...row, parts: 0, value: 'nonsense' }], undefined)
  await t.rejects(found(store, ALL))
  await book.rebuild(store)
  t.equal((await total(store, ALL)).parts, 4)
})

test('what cannot be read is in no sum, and holds up nobody', async (t) => {
  const store = await freshStore(t)
  const book = bookOf(store)
  const good = await append(store)
  const foreign = { ...good, sequence: 2, message: undefined, payload: '{"schema":"another"}' }
  t.equal(await book.send([good, foreign, { ...foreign, sequence: 3, payload: 'no json' }], never), 3)
  t.equal(book.unreadable, 2)
  t.equal((await total(store, ALL)).parts, 1)
})

test('few writings: while it keeps up, one in half a minute', async (t) => {
  const store = await freshStore(t)
  const clock = new VirtualClock()
  const book = new AggregateBook(store.aggregates, clock)
  await book.send([await append(store)], never)
  const beganAt = clock.now()
  await book.send([await append(store)], never)
  t.equal(clock.now() - beganAt, 30_000)
  const stop = new AbortController()
  stop.abort(new Error('the station stops'))
  await t.rejects(book.send([await append(store)], stop.signal), { message: 'the station stops' })
  t.equal((await total(store, ALL)).parts, 2, 'it is counted after the next start')
})
