import { test } from 'tap'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { AggregateBook } from '../../../gateway/aggregates/book.ts'
import { momentOf } from '../../../gateway/aggregates/moment-text.ts'
import { reportSums, sumsReport } from '../../../gateway/aggregates/report.ts'
import type { OutboxEntry } from '../../../gateway/outbox.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { inspectionDraft, randomFrom, rawRecord } from '../store/drafts.ts'
import { freshStore } from '../store/opening.ts'

const never = new AbortController().signal
const random = randomFrom(31)

/** One part of each of three lots in each of four hours: 100, 101, 102 cm³, and 10 more each hour. */
async function twelveParts(store: Store): Promise<void> {
  const entries: OutboxEntry[] = []
  for (let hour = 8; hour < 12; hour += 1) {
    for (let lot = 0; lot < 3; lot += 1) {
      const draft = inspectionDraft(random)
      const volume = 1000 * (100 + lot + 10 * (hour - 8))
      const timestamp = `2026-03-01T${String(hour).padStart(2, '0')}:30:00.000Z`
      const made = { timestamp, lot_id: `lot-${lot}`, recipe: { id: 'terrine', revision: 2 } }
      const vl53l8ch = { ...draft.vl53l8ch, volume_mm3: volume }
      entries.push(await store.append({ ...draft, ...made, vl53l8ch }, rawRecord(random, 50)))
    }
  }
  await new AggregateBook(store.aggregates, new VirtualClock()).send(entries, never)
}

test('each lot of an hour, or the hour with all of them', async (t) => {
  const store = await freshStore(t)
  await twelveParts(store)
  const query = { period: 'hour', limit: 100 } as const
  const lots = sumsReport.parse(await reportSums(store.aggregates, { ...query, each: 'lot' }))
  t.equal(lots.rows.length, 12, 'more than are read at once')
  t.match(lots.rows[4], {
    starts_at: '2026-03-01T09:00:00.000Z',
    ...{ station: 'site/line/station', recipe: { id: 'terrine', revision: 2 }, lot_id: 'lot-1', parts: 1 },
  })
  const hours = sumsReport.parse(await reportSums(store.aggregates, { ...query, each: 'period' }))
  t.match(hours, { by: 'hour', total: { parts: 12 } })
  t.same(
    hours.rows.map(({ parts, lot_id, measures }) => [parts, lot_id, measures.volume_mm3?.mean]),
    [101, 111, 121, 131].map((mean) => [3, undefined, mean * 1000]),
  )
  t.same(hours.total, lots.total, 'whatever has a row')
  t.match(hours.total.measures.volume_mm3, { count: 12, mean: 116_000, min: 100_000, max: 132_000 })
  // Rank 5 of 12 is 112 cm³, and a quantile is right to half a per cent.
  t.ok(Math.abs((hours.total.measures.volume_mm3?.p50 ?? 0) / 112_000 - 1) <= 0.005)
})

test('a page ends with a whole hour, and says where the next begins', async (t) => {
  const store = await freshStore(t)
  await twelveParts(store)
  for (const each of ['lot', 'period'] as const) {
    const starts: string[] = []
    let pages = 0
    for (let from: string | undefined; ; ) {
      const report = await reportSums(store.aggregates, { period: 'hour', each, limit: 3, from })
      starts.push(...new Set(report.rows.map(({ starts_at }) => starts_at)))
      pages += 1
      from = report.next_from
      if (from === undefined) break
      t.equal(report.total.parts, 9, 'of the page')
    }
    t.equal(pages, 2)
    t.same(
      starts.map((at) => at.slice(11, 13)),
      ['08', '09', '10', '11'],
      each,
    )
  }
})

test('of a lot, of a time; of nothing there is nothing', async (t) => {
  const store = await freshStore(t)
  await twelveParts(store)
  const ask = { period: 'hour', each: 'period', limit: 9 } as const
  const one = await reportSums(store.aggregates, { ...ask, lot: 'lot-2', from: '2026-03-01T10:00:00.000Z' })
  t.match(one, { rows: [{ parts: 1 }, { parts: 1 }], total: { parts: 2 } })
  const none = sumsReport.parse(await reportSums(store.aggregates, { ...ask, recipe: 'other' }))
  t.match(none, { rows: [], total: { parts: 0, measures: {} } })
  t.notHas(none, 'next_from')
})

test('a day or a time with its zone', (t) => {
  t.equal(momentOf('2026-11-21'), '2026-11-21T00:00:00.000Z')
  t.equal(momentOf('2026-11-21T09:30:00+01:00'), '2026-11-21T08:30:00.000Z')
  for (const wrong of ['', '2026', '2026-02-30', '2026-11-21T08:00', '21.11.2026', 'yesterday']) {
    t.equal(momentOf(wrong), undefined, wrong)
  }
  t.end()
})
