import { test } from 'tap'
import type { Grade, Verdict } from '../../gateway/inspection.ts'
import { countPart, countTime, type KpiState, kpiReportOf, newKpiState, wilson } from '../../gateway/kpi.ts'
import { kpiTargets } from '../../gateway/kpi-options.ts'
import { kpiReport } from '../../gateway/kpi-report.ts'

const TARGETS = kpiTargets.parse({})

function graded(grade: Grade): Verdict {
  const action = grade === 'REJECT' ? 'reject' : 'accept'
  return { kind: 'graded', grade, score: 0.5, action, findings: [] }
}

function stateOf(...verdicts: readonly (readonly [number, Verdict])[]): KpiState {
  const state = newKpiState('L1')
  for (const [times, verdict] of verdicts) for (let i = 0; i < times; i += 1) countPart(state, verdict)
  return state
}

const LATE: Verdict = { kind: 'ungraded', action: 'reject', reasons: ['late'] }
const HELD: Verdict = { kind: 'ungraded', action: 'hold', reasons: ['sensor-absent:tof'] }
const UPDATING: Verdict = { kind: 'ungraded', action: 'reject', reasons: ['updating'] }
const EMPTY: Verdict = { kind: 'ungraded', action: 'reject', reasons: ['no-product'] }

test('Wilson intervals are those of the literature', (t) => {
  // Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
  for (const [hits, of, low, high] of [
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ] as const) {
    const interval = wilson(hits, of)
    t.same(
      [interval.low.toFixed(4), interval.high.toFixed(4)],
      [low.toFixed(4), high.toFixed(4)],
      `${hits} of ${of}`,
    )
  }
  t.equal(wilson(20, 20).high, 1)
  t.end()
})

test('every part counts once, and in the figures it belongs to', (t) => {
  const state = stateOf(
    [80, graded('A')],
    [5, graded('A+')],
    [6, graded('B')],
    [2, graded('C')],
    [3, graded('REJECT')],
    [2, LATE],
    [2, HELD],
    [7, EMPTY],
    [5, UPDATING],
  )
  const { parts, empty, updating, conformity, downgrade, reject, hold, ungraded, oee } = kpiReportOf(
    state,
    TARGETS,
  )
  t.equal(parts, 100)
  t.equal(empty, 7, 'places without a part are none')
  t.equal(updating, 5, 'what an update turned away was not looked at, and is no reject')
  t.match(conformity, { count: 93, of: 96 })
  t.match(downgrade, { count: 8, of: 96, rating: 'tolerable' })
  t.match(reject, { count: 5, of: 100, share: 0.05, rating: 'tolerable' }, 'rejected for whatever reason')
  t.match(hold, { count: 2, of: 100 })
  t.match(ungraded, { count: 4, of: 100 })
  t.equal(oee.quality, 0.93, 'a part without a grade is not a good one')
  t.equal(state.accepted + state.rejected + state.held, state.parts)
  t.end()
})

test('ratings against 98, 99 and 97 %, and whether so few parts can tell', (t) => {
  const rating = (good: number, bad: number) => {
    const { conformity } = kpiReportOf(stateOf([good, graded('A')], [bad, graded('REJECT')]), TARGETS)
    return [conformity.rating, conformity.certain]
  }
  t.same(rating(99, 1), ['excellent', false])
  t.same(rating(98, 2), ['on_target', false])
  t.same(rating(97, 3), ['tolerable', false])
  t.same(rating(96, 4), ['off_limit', false])
  t.same(rating(90, 60), ['off_limit', true])
  t.same(rating(9980, 20), ['excellent', true])
  t.end()
})

test('cadence and availability', (t) => {
  const state = stateOf([90, graded('A')])
  countTime(state, 3_000_000, false)
  countTime(state, 600_000, true)
  const report = kpiReportOf(state, TARGETS)
  t.equal(report.cadence_per_h, 90)
  t.equal(report.cadence_rating, 'tolerable')
  t.equal(report.running_cadence_per_h?.toFixed(6), '108.000000')
  t.equal(report.oee.availability?.toFixed(6), (50 / 60).toFixed(6))
  t.equal(report.planned_s, 3600)
  t.equal(report.stopped_s, 600)
  t.end()
})

test('with nothing made there is no share, no rate, and no rating', (t) => {
  const report = kpiReportOf(newKpiState('L1'), TARGETS)
  t.same(report.conformity, { count: 0, of: 0 })
  t.same(report.oee, {})
  t.notOk('cadence_per_h' in report)
  t.same(kpiReport.parse(report), report)
  const stopped = newKpiState('L1')
  countTime(stopped, 1000, true)
  t.equal(kpiReportOf(stopped, TARGETS).oee.availability, 0)
  t.notOk('running_cadence_per_h' in kpiReportOf(stopped, TARGETS))
  t.end()
})

test('targets that contradict each other are refused', (t) => {
  const wrong = (input: unknown) => kpiTargets.safeParse(input).error?.issues[0]
  t.match(wrong({ conformity: { target: 0.995 } }), { message: 'expected limit ≤ target ≤ excellent' })
  t.match(wrong({ reject: { target: 0.1 } }), {
    path: ['reject', 'limit'],
    message: 'expected no less than target',
  })
  t.match(wrong({ cadence_per_h: { target: 50 } }), { message: 'expected no more than target' })
  t.end()
})
