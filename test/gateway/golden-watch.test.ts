import { test } from 'tap'
import { parse } from 'yaml'
import { type GoldenOptions, goldenOptions } from '../../gateway/golden-options.ts'
import { GoldenWatch, goldenSnapshot } from '../../gateway/golden-watch.ts'
import { examplesIn } from '../tools/docs/examples.ts'

const HOUR = 3_600_000
const T0 = Date.UTC(2026, 2, 1, 8)
const options: GoldenOptions = {
  part: 'g1',
  every_h: 8,
  every_parts: 1000,
  tolerances: { volume_percent: 3 },
  hold: true,
}
const check = {
  part: 'g1',
  decision: 'passed',
  at: new Date(T0).toISOString(),
  id: '01890a5d-ac96-774b-bcce-b302099a8057',
} as const

test('a station whose golden part was never checked grades nothing, where the recipe holds', (t) => {
  t.match(new GoldenWatch(options).standing(T0), { state: 'overdue', obstacle: 'golden-due', parts: 0 })
  const alertOnly = new GoldenWatch({ ...options, hold: false }).standing(T0)
  t.equal(alertOnly.state, 'overdue')
  t.equal(alertOnly.obstacle, undefined)
  t.strictSame(new GoldenWatch(undefined).standing(T0), { state: 'off', parts: 0 })
  t.end()
})

test('by the hours: passed, due in the last tenth, then overdue, until it passes again', (t) => {
  const watch = new GoldenWatch(options)
  t.ok(watch.checked(check))
  t.equal(watch.standing(T0 + 7.1 * HOUR).state, 'passed')
  t.match(watch.standing(T0 + 7.3 * HOUR), { state: 'due', obstacle: undefined })
  t.match(watch.standing(T0 + 8 * HOUR), {
    state: 'overdue',
    obstacle: 'golden-due',
    detail: 'golden part g1 is overdue: 8.0 of 8 h, 0 of 1000 parts',
  })
  watch.checked({ ...check, at: new Date(T0 + 9 * HOUR).toISOString() })
  t.equal(watch.standing(T0 + 9 * HOUR).state, 'passed')
  t.end()
})

test('by the parts, and the count outlives a restart', (t) => {
  const before = new GoldenWatch(options)
  before.checked(check)
  before.inspected(899)
  t.equal(before.standing(T0).state, 'passed')
  before.inspected()
  const snapshot = goldenSnapshot.parse(JSON.parse(JSON.stringify(before.snapshot)))
  const after = new GoldenWatch(options, snapshot)
  t.equal(after.standing(T0).state, 'due')
  after.inspected(100)
  t.equal(after.standing(T0).state, 'overdue')
  t.end()
})

test('out of tolerance holds at once; an inconclusive check neither helps nor harms', (t) => {
  const watch = new GoldenWatch(options)
  watch.checked(check)
  watch.checked({ ...check, decision: 'inconclusive' })
  t.equal(watch.standing(T0).state, 'passed')
  watch.checked({ ...check, decision: 'failed' })
  t.match(watch.standing(T0), { state: 'failed', obstacle: 'golden-failed' })
  watch.checked({ ...check, decision: 'inconclusive' })
  t.equal(watch.standing(T0).state, 'failed')
  watch.checked(check)
  t.equal(watch.standing(T0).state, 'passed')
  t.end()
})

test('another golden part says nothing of this one: neither its check nor its snapshot', (t) => {
  const watch = new GoldenWatch(options)
  t.notOk(watch.checked({ ...check, part: 'g2' }))
  watch.checked(check)
  t.equal(new GoldenWatch({ ...options, part: 'g2' }, watch.snapshot).standing(T0).state, 'overdue')
  t.end()
})

test('a clock that was set back before the check asks for a new one, and stops nothing', (t) => {
  const watch = new GoldenWatch(options)
  watch.checked(check)
  t.match(watch.standing(T0 - HOUR), { state: 'due', obstacle: undefined, detail: /which is to come/ })
  t.end()
})

test('options that would check nothing, or never, are none', (t) => {
  t.match(
    goldenOptions.safeParse({ part: 'g1', every_h: 8, tolerances: {} }).error?.message,
    /at least one tolerance/,
  )
  t.match(
    goldenOptions.safeParse({ part: 'g1', tolerances: { volume_percent: 3 } }).error?.message,
    /else it is never due/,
  )
  t.equal(goldenOptions.parse({ part: 'g1', every_h: 8, tolerances: { delta_e: 2 } }).hold, false)
  t.end()
})

test('the example of the guide is one', (t) => {
  const example = examplesIn('docs/calibration.md', 'yaml').find(({ text }) => text.startsWith('golden:'))
  t.match(goldenOptions.parse(parse(example?.text ?? '').golden), {
    part: 'g1',
    every_parts: 5000,
    hold: true,
  })
  t.end()
})
