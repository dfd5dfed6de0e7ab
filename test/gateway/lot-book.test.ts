import { test } from 'tap'
import { VirtualClock } from '../../drivers/simulated/clock.ts'
import { dayLotId, lotRecord } from '../../gateway/lot.ts'
import { LotBook } from '../../gateway/lot-book.ts'
import { emptyTotals, withPart } from '../../gateway/lot-totals.ts'
import type { InspectionDraft } from '../../gateway/message.ts'
import type { OutboxEntry } from '../../gateway/outbox.ts'
import type { Store } from '../../gateway/store/store.ts'
import { inspectionDraft, randomFrom, rawRecord } from './store/drafts.ts'
import { freshStore, reopen, storeDir } from './store/opening.ts'

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
  const book = new LotBook(store.documents, new VirtualClock())
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
  const book = new LotBook(store.documents, clock)
  const entries = await Promise.all(
    Array.from({ length: book.window }, (_, index) => part(store, 'lot-1', index % 2 ? ACCEPTED : UNGRADED)),
  )
  const [first] = entries
  if (first === undefined) throw new RangeError('no part')
  await book.send([first], never)
  const text = entries.map(({ epoch, sequence, id, payload }) => ({ epoch, sequence, id, payload }))
  const before = clock.now()
  await book.send(text.slice(0, 100), never)
  t.equal(clock.now() - before, 250, 'each writing syncs the disk')
  t.equal(await book.send(entries, never), entries.at(-1)?.sequence)
  t.equal(clock.now() - before, 250, 'it has fallen behind')
  const { actions, parts } = (await book.get('lot-1'))?.totals ?? {}
  t.same({ actions, parts }, { actions: { accept: 128, reject: 128, hold: 0 }, parts: 256 })
})

test('a lot is closed, counts what was still under way, and can be taken up again', async (t) => {
  const dir = await storeDir(t)
  const store = await reopen(dir)
  const book = new LotBook(store.documents, new VirtualClock(Date.UTC(2026, 5, 1)))
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
