import { test } from 'tap'
import type { Verdict } from '../../gateway/inspection.ts'
import { KpiBoard } from '../../gateway/kpi-board.ts'
import { kpiTargets } from '../../gateway/kpi-options.ts'
import { ShiftCalendar } from '../../gateway/kpi-shifts.ts'
import { shiftsOptions } from '../../gateway/shift-options.ts'

const TARGETS = kpiTargets.parse({})
const GOOD: Verdict = { kind: 'graded', grade: 'A', score: 0.9, action: 'accept', findings: [] }
const MINUTE = 60_000
const SHIFTS = shiftsOptions.parse({
  shifts: [
    { name: 'early', from: '06:00', to: '14:00', breaks: [{ from: '09:00', to: '09:30' }] },
    { name: 'late', from: '14:00', to: '22:00' },
  ],
})

function boardAt(utc: string, options = SHIFTS): KpiBoard {
  const calendar = new ShiftCalendar(options)
  return new KpiBoard({ calendar, shifts: options.shifts.length > 0, lot: 'L1', wallMs: Date.parse(utc) })
}

/** A part every minute, and the clock's ticks between them. */
function produce(board: KpiBoard, from: string, to: string): void {
  for (let ms = Date.parse(from); ms < Date.parse(to); ms += MINUTE) {
    board.see(GOOD, ms)
    board.advance(ms + MINUTE / 2)
  }
  board.advance(Date.parse(to))
}

test('a lot over two shifts: each has its own figures, planned time leaves out the break', (t) => {
  const board = boardAt('2026-11-19T08:00:00Z')
  produce(board, '2026-11-19T08:00:00Z', '2026-11-19T15:00:00Z')
  const [early, ...more] = board.takeEndedShifts().map(({ state }) => state)
  t.same(more, [])
  t.match(early, { name: 'early 2026-11-19', parts: 360, plannedMs: 330 * MINUTE, stoppedMs: 0 })
  t.match(board.shiftReport(TARGETS), { name: 'late 2026-11-19', parts: 60, planned_s: 3600 })
  t.match(board.lotReport(TARGETS), { name: 'L1', parts: 420, planned_s: 390 * 60 })
  t.equal(board.shiftReport(TARGETS)?.cadence_per_h, 60)
  t.same(board.takeEndedShifts(), [], 'told once')
  t.end()
})

test('stops count in planned time only', (t) => {
  const board = boardAt('2026-11-19T08:50:00Z')
  const say = (time: string) => Date.parse(`2026-11-19T${time}:00Z`)
  board.line(true, say('08:50'))
  for (let ms = say('08:50'); ms <= say('09:35'); ms += MINUTE) board.advance(ms)
  board.line(false, say('09:35'))
  board.line(false, say('09:36'))
  board.advance(say('09:45'))
  const report = board.shiftReport(TARGETS)
  t.equal(report?.stopped_s, 15 * 60, 'ten minutes before the break and five after it')
  t.equal(report?.planned_s, 25 * 60)
  t.equal(report?.oee.availability, 0.4)
  t.end()
})

test('the time of an update is not planned, and what it turns away costs no figure', (t) => {
  const board = boardAt('2026-11-19T08:00:00Z')
  produce(board, '2026-11-19T08:00:00Z', '2026-11-19T08:10:00Z')
  board.update(true, Date.parse('2026-11-19T08:10:00Z'))
  for (let s = 0; s < 30; s += 1) {
    const atMs = Date.parse('2026-11-19T08:10:00Z') + s * 1000
    board.see({ kind: 'ungraded', action: 'reject', reasons: ['updating'] }, atMs)
  }
  board.update(false, Date.parse('2026-11-19T08:10:30Z'))
  produce(board, '2026-11-19T08:10:30Z', '2026-11-19T08:20:30Z')
  for (const report of [board.lotReport(TARGETS), board.shiftReport(TARGETS)]) {
    t.match(report, { parts: 20, updating: 30, planned_s: 1200, stopped_s: 0, uncounted_s: 30 })
    t.match(report, { cadence_per_h: 60, reject: { count: 0 }, oee: { quality: 1, availability: 1 } })
  }
  t.end()
})

test('what a release before this one remembered is taken up', (t) => {
  const board = boardAt('2026-11-19T08:00:00Z')
  produce(board, '2026-11-19T08:00:00Z', '2026-11-19T08:10:00Z')
  // It did not know of updates; nor would it read this one, when a trial fails and it is put back.
  const text = JSON.stringify(board.snapshot())
  t.notMatch(text, /updating/)
  const next = boardAt('2026-11-19T08:10:00Z')
  t.equal(next.restore(JSON.parse(text)), true)
  t.match(next.lotReport(TARGETS), { parts: 10, updating: 0 })
  t.end()
})

test('between shifts nothing is planned; parts count for their lot', (t) => {
  const board = boardAt('2026-11-19T21:58:30Z')
  produce(board, '2026-11-19T21:58:30Z', '2026-11-19T22:10:30Z')
  t.equal(board.shiftReport(TARGETS), undefined)
  t.match(board.takeEndedShifts(), [{ state: { name: 'late 2026-11-19', parts: 2, plannedMs: 90_000 } }])
  t.match(board.lotReport(TARGETS), { parts: 12, planned_s: 90 })
  t.end()
})

test('without a calendar all time is planned', (t) => {
  const board = boardAt('2026-11-21T03:00:00Z', shiftsOptions.parse({}))
  produce(board, '2026-11-21T03:00:00Z', '2026-11-21T04:00:00Z')
  t.equal(board.shiftReport(TARGETS), undefined)
  t.match(board.lotReport(TARGETS), { parts: 60, planned_s: 3600 })
  t.end()
})

test('a new lot begins at nothing, and hands over the one that ends', (t) => {
  const board = boardAt('2026-11-19T08:00:00Z')
  produce(board, '2026-11-19T08:00:00Z', '2026-11-19T08:10:00Z')
  t.match(board.beginLot('L2', Date.parse('2026-11-19T08:10:00Z')), {
    name: 'L1',
    parts: 10,
    plannedMs: 10 * MINUTE,
  })
  t.match(board.lotReport(TARGETS), { name: 'L2', parts: 0, planned_s: 0 })
  t.equal(board.shiftReport(TARGETS)?.parts, 10, 'the shift goes on')
  t.end()
})

test('a clock that is set counts as time nobody watched, not as planned', (t) => {
  const board = boardAt('2026-11-19T08:00:00Z')
  produce(board, '2026-11-19T08:00:00Z', '2026-11-19T08:10:00Z')
  board.see(GOOD, Date.parse('2026-11-19T12:10:00Z'))
  t.match(board.lotReport(TARGETS), { parts: 11, planned_s: 600, uncounted_s: 4 * 3600 })
  board.see(GOOD, Date.parse('2026-11-19T12:09:59Z'))
  t.match(board.lotReport(TARGETS), { parts: 12, planned_s: 600 }, 'a second back stands still')
  board.see(GOOD, Date.parse('2026-11-19T08:20:00Z'))
  board.advance(Date.parse('2026-11-19T08:21:00Z'))
  t.match(board.lotReport(TARGETS), { parts: 13, planned_s: 660 }, 'hours back: it goes on from there')
  t.end()
})

test('a restart goes on with lot and shift; a shift that ended meanwhile is handed over', (t) => {
  const board = boardAt('2026-11-19T08:00:00Z')
  produce(board, '2026-11-19T08:00:00Z', '2026-11-19T08:10:00Z')
  const snapshot: unknown = JSON.parse(JSON.stringify(board.snapshot()))
  const soon = boardAt('2026-11-19T08:40:00Z')
  t.equal(soon.restore(snapshot), true)
  produce(soon, '2026-11-19T08:40:00Z', '2026-11-19T08:50:00Z')
  t.match(soon.lotReport(TARGETS), { parts: 20, planned_s: 1200, uncounted_s: 1800 })
  t.match(soon.shiftReport(TARGETS), { parts: 20, planned_s: 1200, uncounted_s: 1800 })

  const later = boardAt('2026-11-19T15:00:00Z')
  t.equal(later.restore(snapshot), true)
  t.match(later.takeEndedShifts(), [
    { state: { name: 'early 2026-11-19', parts: 10 }, beginMs: Date.parse('2026-11-19T06:00:00Z') },
  ])
  t.match(later.shiftReport(TARGETS), { name: 'late 2026-11-19', parts: 0 })

  t.equal(boardAt('2026-11-19T15:00:00Z').restore({ version: 2 }), false)
  const other = new KpiBoard({ calendar: new ShiftCalendar(SHIFTS), shifts: true, lot: 'L9', wallMs: 0 })
  t.equal(other.restore(snapshot), false, 'another lot')
  t.match(other.takeEndedShifts(), [{ state: { parts: 10 } }], 'the shift is the same')
  t.end()
})
