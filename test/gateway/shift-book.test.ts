import { test } from 'tap'
import { countPart, kpiReportOf, newKpiState } from '../../gateway/kpi.ts'
import { kpiTargets } from '../../gateway/kpi-options.ts'
import type { KpiReport } from '../../gateway/kpi-report.ts'
import { silentLog } from '../../gateway/log.ts'
import { ShiftBook } from '../../gateway/shift-book.ts'
import { shiftDocuments } from '../fakes/shift-documents.ts'

const BEGAN = Date.UTC(2026, 0, 5, 6)

function report(name: string, parts: number): KpiReport {
  const state = newKpiState(name)
  for (let part = 0; part < parts; part += 1) {
    countPart(state, { kind: 'graded', grade: 'A', score: 0.8, action: 'accept', findings: [] })
  }
  return kpiReportOf(state, kpiTargets.parse({}))
}

test('a shift waits for a store that takes nothing, over a restart too', async (t) => {
  const documents = shiftDocuments()
  const book = new ShiftBook(documents, silentLog)
  await book.load(undefined)
  documents.full = true
  book.ended(report('early 2026-01-05', 7), BEGAN)
  await book.settle()
  t.equal(documents.kept.size, 0)
  t.match(
    book.recent,
    [{ kpi: { parts: 7 }, began_at: '2026-01-05T06:00:00.000Z' }],
    'it is shown all the same',
  )

  const remembered: unknown = JSON.parse(JSON.stringify(book.waiting))
  documents.full = false
  const after = new ShiftBook(documents, silentLog)
  await after.load(remembered)
  await after.settle()
  t.strictSame([...documents.kept.keys()], ['early 2026-01-05'])
  t.strictSame(after.waiting, [])
  t.strictSame(after.recent, book.recent)
})

test('a shift that a crash lets end twice is the one that saw more', async (t) => {
  const documents = shiftDocuments()
  const book = new ShiftBook(documents, silentLog)
  book.ended(report('early 2026-01-05', 7), BEGAN)
  await book.settle()
  const after = new ShiftBook(documents, silentLog)
  await after.load('what cannot be read is nothing')
  after.ended(report('early 2026-01-05', 5), BEGAN)
  t.strictSame(after.waiting, [])
  t.match(after.recent, [{ kpi: { parts: 7 } }])
  after.ended(report('early 2026-01-05', 8), BEGAN)
  await after.settle()
  t.match(documents.kept.get('early 2026-01-05'), { value: { kpi: { parts: 8 } } })
})
