import { test } from 'tap'
import { Schedule, type WindowPlan } from '../../../drivers/gate/schedule.ts'

const PLAN: WindowPlan = { delay: { by: 'ms', at: 500 }, length: { by: 'ms', at: 100 }, openWithinMs: 25 }

function at(ms: number): { ms: number; pulses: undefined } {
  return { ms, pulses: undefined }
}

test('a part passes in its window if that was said before it opens', (t) => {
  const schedule = new Schedule(PLAN, 10)
  schedule.expect(1, 0)
  t.equal(schedule.next('ms'), 500)
  t.equal(schedule.decide('accept', 1, at(499)), 'in-time')
  schedule.advance(at(499))
  t.equal(schedule.wanted(), 'reject', 'not yet')
  schedule.advance(at(500))
  t.equal(schedule.wanted(), 'accept')
  t.equal(schedule.next('ms'), 600)
  const { closed } = schedule.advance(at(600))
  t.equal(schedule.wanted(), 'reject')
  t.equal(closed[0]?.trigger, 1)
  t.equal(schedule.size, 0)
  t.end()
})

test('the last word before the window counts; one at its opening is late', (t) => {
  const schedule = new Schedule(PLAN, 10)
  schedule.expect(1, 0)
  schedule.decide('accept', 1, at(100))
  t.equal(schedule.decide('hold', 1, at(200)), 'in-time')
  t.equal(schedule.decide('accept', 1, at(500)), 'late', 'the timer need not have come')
  schedule.advance(at(500))
  t.equal(schedule.wanted(), 'hold')
  t.equal(schedule.decide('accept', 1, at(550)), 'late')
  schedule.advance(at(600))
  t.equal(schedule.decide('accept', 1, at(700)), 'late', 'past the gate')
  t.equal(schedule.decide('accept', 2, at(700)), 'unannounced')
  t.end()
})

test('windows that touch leave no gap', (t) => {
  const schedule = new Schedule(PLAN, 10)
  schedule.expect(1, 0)
  schedule.expect(2, 100)
  schedule.decide('accept', 1, at(0))
  schedule.decide('accept', 2, at(0))
  schedule.advance(at(500))
  schedule.advance(at(600))
  t.equal(schedule.wanted(), 'accept')
  t.equal(schedule.size, 1)
  t.end()
})

test('reject wins where windows of different verdicts overlap, and no verdict is a reject', (t) => {
  const schedule = new Schedule(PLAN, 10)
  schedule.expect(1, 0)
  schedule.expect(2, 60)
  schedule.decide('accept', 1, at(0))
  schedule.advance(at(500))
  t.equal(schedule.wanted(), 'accept')
  schedule.advance(at(560))
  t.equal(schedule.wanted(), 'reject')
  const { closed } = schedule.advance(at(600))
  t.equal(closed[0]?.overlapped, true)
  t.equal(schedule.wanted(), 'reject')
  t.end()
})

test('held and accepted parts together are rejected', (t) => {
  const schedule = new Schedule(PLAN, 10)
  for (const [trigger, action] of [
    [1, 'accept'],
    [2, 'hold'],
  ] as const) {
    schedule.expect(trigger, 50 * trigger)
    schedule.decide(action, trigger, at(0))
  }
  schedule.advance(at(550))
  t.equal(schedule.wanted(), 'accept')
  schedule.advance(at(600))
  t.equal(schedule.wanted(), 'reject')
  schedule.advance(at(650))
  t.equal(schedule.wanted(), 'hold')
  t.end()
})

test('a window that would open too late, or that was slept through, stays shut', (t) => {
  for (const [woken, missed] of [
    [525, false],
    [526, true],
    [700, true],
  ] as const) {
    const schedule = new Schedule(PLAN, 10)
    schedule.expect(1, 0)
    schedule.decide('accept', 1, at(0))
    const { opened } = schedule.advance(at(woken))
    t.equal(opened[0]?.missed, missed, `woken at ${woken}`)
    t.equal(schedule.wanted(), missed ? 'reject' : 'accept')
  }
  t.end()
})

test('windows by the belt: they come when the belt does', (t) => {
  const plan: WindowPlan = {
    delay: { by: 'pulses', at: 1000 },
    length: { by: 'pulses', at: 200 },
    openWithinMs: 20,
  }
  const schedule = new Schedule(plan, 10)
  schedule.expect(1, 5000)
  t.equal(schedule.next('pulses'), 6000)
  t.equal(schedule.next('ms'), undefined)
  schedule.decide('accept', 1, { ms: 0, pulses: 5500 })
  schedule.advance({ ms: 1e6, pulses: 5999 })
  t.equal(schedule.wanted(), 'reject')
  schedule.advance({ ms: 2e6, pulses: 6001 })
  t.equal(schedule.wanted(), 'accept')
  schedule.advance({ ms: 2e6, pulses: 5800 })
  t.equal(schedule.wanted(), 'accept', 'a belt that comes back a little changes nothing')
  t.equal(schedule.decide('reject', 1, { ms: 2e6, pulses: 5800 }), 'late')
  t.equal(schedule.next('pulses'), 6200)
  t.equal(schedule.dropByBelt().length, 1, 'without the encoder its end would never come')
  t.equal(schedule.wanted(), 'reject')
  t.end()
})

test('begun by the belt, ended by the clock', (t) => {
  const plan: WindowPlan = {
    delay: { by: 'pulses', at: 1000 },
    length: { by: 'ms', at: 100 },
    openWithinMs: 20,
  }
  const schedule = new Schedule(plan, 10)
  schedule.expect(1, 0)
  schedule.decide('accept', 1, { ms: 0, pulses: 0 })
  schedule.advance({ ms: 777, pulses: 1000 })
  t.equal(schedule.next('ms'), 877)
  t.equal(schedule.dropByBelt().length, 0, 'it needs the belt no more')
  schedule.advance({ ms: 877, pulses: undefined })
  t.equal(schedule.size, 0)
  t.end()
})
