import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { test } from 'tap'
import { type Clock, systemClock } from '../../drivers/clock.ts'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { dayLotId, lotRecord } from '../../gateway/lot.ts'
import { LotBook } from '../../gateway/lot-book.ts'
import { emptyTotals, withPart } from '../../gateway/lot-totals.ts'
import type { InspectionDraft } from '../../gateway/message.ts'
import { drain, type OutboxEntry } from '../../gateway/outbox.ts'
import type { Store } from '../../gateway/store/store.ts'
import { inspectionDraft, randomFrom, rawRecord } from './store/drafts.ts'
import { freshStore, reopen, storeDir, storeIn } from './store/opening.ts'

const never = new AbortController().signal
const random = randomFrom(7)
const RECIPE = { id: 'foiegras_standard_barquette', revision: 2 }

const ACCEPTED: InspectionDraft['verdict'] = {
  kind: 'graded',
  grade: 'A',
  score: 0.8,
  action: 'accept',
  reasons: ['freshness'],
  findings: [{ code: 'freshness', contribution: 0.2 }],
  latency_ms: 100,
}
const UNGRADED: InspectionDraft['verdict'] = {
  kind: 'ungraded',
  action: 'reject',
  reasons: ['sensor-absent:tof'],
  latency_ms: 100,
}

function part(store: Store, lot: string, verdict: InspectionDraft['verdict']): Promise<OutboxEntry> {
  const draft = { ...inspectionDraft(random), lot_id: lot, verdict, mass_g: { estimate: 500, std: 10 } }
  return store.append(draft, rawRecord(random))
}

test('totals: what became of the parts, and why those that did not pass did not', (t) => {
  let totals = withPart(emptyTotals(), { verdict: ACCEPTED, mass_g: { estimate: 512.5, std: 9 } })
  totals = withPart(totals, { verdict: UNGRADED })
  totals = withPart(totals, { verdict: { ...ACCEPTED, grade: 'REJECT', action: 'reject' } })
  t.match(totals, {
    parts: 3,
    actions: { accept: 1, reject: 2, hold: 0 },
    grades: { A: 1, REJECT: 1, C: 0 },
    ungraded: 1,
    reasons: { 'sensor-absent': 1, freshness: 1 },
    mass_g: 512.5,
    mass_parts: 1,
  })
  t.end()
})

test('each inspection is counted once, in its own lot, whatever is sent again', async (t) => {
  const store = await freshStore(t)
  const book = new LotBook({ documents: store.documents, clock: new VirtualClock() })
  await book.begin('lot-1', RECIPE, 'Anne')
  const first = await part(store, 'lot-1', ACCEPTED)
  const second = await part(store, 'lot-1', UNGRADED)
  const other = await part(store, 'lot-2', ACCEPTED)
  t.equal(await book.send([first, second, other], never), other.sequence)
  // As after a crash between the totals and the cursor.
  await book.send([second, other, await part(store, 'lot-2', ACCEPTED)], never)
  t.match(await book.get('lot-1'), {
    started_by: 'Anne',
    recipe: RECIPE,
    totals: { parts: 2, actions: { accept: 1, reject: 1 }, mass_g: 500 },
  })
  t.match(
    await book.get('lot-2'),
    { started_by: 'poincon', totals: { parts: 2, mass_g: 1000 } },
    'begun by its part',
  )
  t.equal(await book.get('lot-3'), undefined)
  await book.overridden('lot-2')
  await book.overridden('lot-3')
  t.match(await book.get('lot-2'), { totals: { parts: 2, overridden: 1 } })
  t.equal(await book.get('lot-3'), undefined, 'no lot comes of an override')
})

test('a part counts the same as an object at hand and as text, and a full batch is not paused before', async (t) => {
  const store = await freshStore(t)
  const clock = new VirtualClock()
  const book = new LotBook({ documents: store.documents, clock })
  const entries = await Promise.all(
    Array.from({ length: book.window }, (_, index) => part(store, 'lot-1', index % 2 ? ACCEPTED : UNGRADED)),
  )
  const [first] = entries
  if (first === undefined) throw new RangeError('no part')
  await book.send([first], never)
  const text = entries.map(({ epoch, sequence, id, payload }) => ({ epoch, sequence, id, payload }))
  const before = clock.now()
  await book.send(text.slice(0, 100), never)
  t.equal(clock.now() - before, 5000, 'each writing costs the flash two pages')
  t.equal(await book.send(entries, never), entries.at(-1)?.sequence)
  t.equal(clock.now() - before, 5000, 'it has fallen behind')
  const { actions, parts } = (await book.get('lot-1'))?.totals ?? {}
  t.same({ actions, parts }, { actions: { accept: 128, reject: 128, hold: 0 }, parts: 256 })
})

test('a lot is closed, counts what was still under way, and can be taken up again', async (t) => {
  const dir = await storeDir(t)
  const store = await reopen(dir)
  const book = new LotBook({ documents: store.documents, clock: new VirtualClock(Date.UTC(2026, 5, 1)) })
  await book.begin('L1', RECIPE, 'Anne')
  const late = await part(store, 'L1', ACCEPTED)
  const closed = await book.close('L1', RECIPE, 'Bruno')
  t.match(closed, { closed_by: 'Bruno', closed_at: /^2026-06-01T/ })
  t.strictSame(
    (await store.documents.open('lot')).map(({ id }) => id),
    [],
  )
  await book.send([late], never)
  t.match(await book.get('L1'), { closed_by: 'Bruno', totals: { parts: 1 } })
  const again = await book.begin('L1', RECIPE, 'Chloé')
  t.match(again, { started_by: 'Anne', totals: { parts: 1 } })
  t.equal(again.closed_at, undefined)
  await store.close()

  const later = await reopen(dir)
  t.teardown(() => later.close())
  const [kept] = await later.documents.newest('lot', 10)
  t.match(lotRecord.parse(kept?.value), { id: 'L1', totals: { parts: 1 } })
  t.strictSame(
    (await later.documents.open('lot')).map(({ id }) => id),
    ['L1'],
  )
})

test('whenever it crashes, after the next start the totals are those of the log', async (t) => {
  const dir = await storeDir(t)
  const store = await storeIn(t, dir, { cursorCommitMs: 1 })
  await store.registerSink('lots')
  const stop = new AbortController()
  const drained = drain(store, new LotBook({ documents: store.documents, clock: systemClock }), stop.signal)
  for (let round = 1; round <= 6; round += 1) {
    for (let made = 0; made < 5; made += 1) await part(store, 'L1', ACCEPTED)
    // Full batches are not paused before: some are counted now, the others wait.
    if (round === 3) await Promise.all(Array.from({ length: 300 }, () => part(store, 'L1', UNGRADED)))
    const crashed = await storeDir(t)
    for (const name of ['poincon.db', 'poincon.db-wal']) await copyFile(join(dir, name), join(crashed, name))
    const next = await reopen(crashed)
    await next.registerSink('lots')
    const waiting = next.backlog('lots')
    const book = new LotBook({ documents: next.documents, clock: new VirtualClock() })
    const over = new AbortController()
    const going = drain(next, book, over.signal)
    while (next.backlog('lots') > 0) await setImmediate()
    over.abort()
    await t.rejects(going)
    const { parts, actions } = (await book.get('L1'))?.totals ?? {}
    t.strictSame(
      { parts, actions },
      {
        parts: next.end,
        actions: { accept: round * 5, reject: round < 3 ? 0 : 300, hold: 0 },
      },
      `${waiting} were not counted`,
    )
    await next.close()
  }
  stop.abort()
  await t.rejects(drained)
})

test('who closes a lot, or the station, does not wait for the next writing', async (t) => {
  const store = await freshStore(t)
  await store.registerSink('lots')
  const ending = new AbortController()
  // A clock that stands still: whoever pauses, pauses for ever.
  const still: Clock = {
    now: () => 0,
    wall: () => 0,
    after: () => () => {},
    sleep: (ms, signal) =>
      ms < 100
        ? setImmediate()
        : new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
  }
  const behind = (): number => store.backlog('lots')
  const book = new LotBook({ documents: store.documents, clock: still, behind, ending: ending.signal })
  const stop = new AbortController()
  const drained = drain(store, book, stop.signal)
  const stored = async (count: number): Promise<void> => {
    for (let made = 0; made < count; made += 1) await part(store, 'L1', ACCEPTED)
  }
  await stored(3)
  t.match(await book.close('L1', RECIPE, 'Anne'), { totals: { parts: 3 } })
  await stored(1)
  t.equal((await book.get('L1'))?.totals.parts, 3, 'it waits for more')
  ending.abort()
  while (behind() > 0) await setImmediate()
  t.equal((await book.get('L1'))?.totals.parts, 4)
  await stored(1)
  while (behind() > 0) await setImmediate()
  t.equal((await book.get('L1'))?.totals.parts, 5, 'nor does it wait again')
  stop.abort()
  await t.rejects(drained)
})

test('who could not wait for the totals keeps nobody else from pausing', async (t) => {
  const store = await freshStore(t)
  const clock = new VirtualClock()
  let broken = true
  const behind = (): number => {
    if (broken) throw new Error('the cursor cannot be read')
    return 0
  }
  const book = new LotBook({ documents: store.documents, clock, behind })
  await book.send([await part(store, 'L1', ACCEPTED)], never)
  await t.rejects(book.close('L1', RECIPE, 'Anne'), { message: 'the cursor cannot be read' })
  broken = false
  const before = clock.now()
  await book.send([await part(store, 'L1', ACCEPTED)], never)
  t.equal(clock.now() - before, 5000, 'each writing costs the flash two pages')
})

test('a lot that nobody names is called after the day', (t) => {
  const noon = Date.UTC(2026, 10, 21, 12)
  t.equal(
    dayLotId(noon, () => false),
    'lot-20261121',
  )
  const taken = new Set(['lot-20261121', 'lot-20261121-2'])
  t.equal(
    dayLotId(noon, (id) => taken.has(id)),
    'lot-20261121-3',
  )
  t.end()
})
