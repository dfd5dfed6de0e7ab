import { test } from 'tap'
import { due, heard, unheard } from '../../../gateway/confirmation/policy.ts'

const LIMITS = { stalledMs: 1000, longestMs: 3000 }

test('what the store confirms, it has', (t) => {
  const state = heard(unheard(0), { position: 5, live: true }, 0)
  t.match(due(state, 5, 10, LIMITS), { action: { kind: 'none' }, standing: 'confirmed' })
  t.match(due(state, 9, 10, LIMITS), { action: { kind: 'none' }, standing: 'waiting' })
  t.end()
})

test('what it does not confirm in time is sent again, each time later', (t) => {
  let state = heard(unheard(0), { position: 5, live: true }, 0)
  const rewinds: number[] = []
  for (let now = 0; now <= 20_000; now += 100) {
    state = heard(state, { position: 5, live: true }, now)
    const looked = due(state, 9, now, LIMITS)
    state = looked.state
    if (looked.action.kind === 'rewind') {
      t.equal(looked.action.to, 5)
      rewinds.push(now)
    }
  }
  // After a rewind the wait begins when something is delivered again, here with the next look.
  t.strictSame(rewinds, [1000, 3100, 6200, 9300, 12_400, 15_500, 18_600])
  const moved = heard(state, { position: 6, live: true }, 20_000)
  t.equal(moved.attempts, 0, 'a step forward begins anew')
  t.end()
})

test('a store that is silent gets no second copy', (t) => {
  let state = heard(unheard(0), { position: 5, live: false }, 0)
  for (let now = 0; now <= 100_000; now += 1000) {
    const looked = due(state, 9, now, LIMITS)
    state = looked.state
    t.equal(looked.action.kind, 'none')
  }
  t.equal(due(state, 9, 100_000, LIMITS).standing, 'silent')
  state = heard(state, { position: 5, live: false }, 100_000)
  t.equal(due(state, 9, 101_000, LIMITS).action.kind, 'none', 'what the broker kept proves nothing')
  state = heard(state, { position: 5, live: true }, 101_000)
  t.strictSame(due(state, 9, 101_000, LIMITS).action, { kind: 'rewind', to: 5 })
  t.end()
})

test('less than before is believed only when the store stays with it', (t) => {
  const state = heard(unheard(0), { position: 50, live: true }, 0)
  const crossed = heard(heard(state, { position: 40, live: true }, 10), { position: 50, live: true }, 20)
  t.equal(due(crossed, 50, 5000, LIMITS).action.kind, 'none', 'two workers were heard in the wrong order')
  const fell = heard(heard(state, { position: 40, live: true }, 10), { position: 40, live: true }, 900)
  t.equal(due(fell, 50, 1000, LIMITS).action.kind, 'none')
  const looked = due(fell, 50, 1010, LIMITS)
  t.strictSame(looked.action, { kind: 'fallen', to: 40 })
  t.equal(looked.state.confirmed, 40)
  t.end()
})
