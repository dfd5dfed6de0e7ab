import { test } from 'tap'
import type { Verdict } from '../../gateway/inspection.ts'
import { type RejectStop, RejectWatch } from '../../gateway/reject-watch.ts'
import { rejectWatchOptions } from '../../gateway/reject-watch-options.ts'

const PARTS: Readonly<Record<string, Verdict>> = {
  a: { kind: 'graded', grade: 'A', score: 0.9, action: 'accept', findings: [] },
  r: { kind: 'graded', grade: 'REJECT', score: 0.2, action: 'reject', findings: [] },
  l: { kind: 'ungraded', action: 'reject', reasons: ['late'] },
  h: { kind: 'ungraded', action: 'hold', reasons: ['starved:spectral'] },
  _: { kind: 'ungraded', action: 'reject', reasons: ['no-product'] },
}

/** Feeds parts by letter; tells at which one (from 1) the line had to stop, and why. */
function feed(watch: RejectWatch, parts: string): { at: number; stop: RejectStop }[] {
  return [...parts].flatMap((letter, index) => {
    const verdict = PARTS[letter]
    const stop = verdict === undefined ? undefined : watch.see(verdict)
    return stop === undefined ? [] : [{ at: index + 1, stop }]
  })
}

function watchOf(options: unknown): RejectWatch {
  return new RejectWatch(rejectWatchOptions.parse(options))
}

test('rejects in a row stop the line, once, whatever they were rejected for', (t) => {
  const watch = watchOf({ in_a_row: 3 })
  t.same(feed(watch, 'rrarra'), [])
  t.same(feed(watch, 'rlrrr'), [{ at: 3, stop: { reason: 'rejects_in_a_row', value: 3, limit: 3 } }])
  t.equal(watch.stopped, true)
  watch.reset()
  t.equal(watch.stopped, false)
  t.same(feed(watch, 'rra'), [], 'the row begins anew')
  t.same(feed(watch, 'rrr').length, 1)
  t.end()
})

test('an empty place neither counts nor ends a row; an accepted or held part ends it', (t) => {
  t.same(feed(watchOf({ in_a_row: 3 }), '____'), [])
  t.equal(feed(watchOf({ in_a_row: 3 }), 'r_r_r')[0]?.at, 5)
  t.same(feed(watchOf({ in_a_row: 3 }), 'rrhrr'), [])
  t.equal(feed(watchOf({ in_a_row: 3, count_held: true }), 'rrh')[0]?.at, 3)
  t.end()
})

test('a share of the last parts stops the line as soon as no further part could change it', (t) => {
  const options = { share: { percent: 30, window: 10 } }
  t.same(feed(watchOf(options), 'rr'), [])
  t.same(feed(watchOf(options), 'rrr'), [{ at: 3, stop: { reason: 'reject_share', value: 3, limit: 3 } }])
  t.same(feed(watchOf(options), 'raaaaraaaa'.repeat(20)), [], '20 %')
  t.same(
    feed(watchOf(options), 'raaaaaaaaarr').map(({ at }) => at),
    [],
    'the first has left the window',
  )
  t.same(
    feed(watchOf(options), 'raaaaaaarr').map(({ at }) => at),
    [10],
  )
  t.end()
})

test('the share is exact: 7 % of 100 parts are 7 parts', (t) => {
  for (const [percent, window, limit] of [
    [7, 100, 7],
    [10, 30, 3],
    [33, 10, 4],
    [0.1, 10, 1],
    [100, 5, 5],
  ] as const) {
    t.equal(
      feed(watchOf({ share: { percent, window } }), 'r'.repeat(200))[0]?.at,
      limit,
      `${percent} % of ${window}`,
    )
  }
  t.end()
})

test('it agrees with counting anew at every part', (t) => {
  let state = 12345
  const watch = watchOf({ share: { percent: 50, window: 7 } })
  let window = ''
  for (let i = 0; i < 2000; i += 1) {
    state = (state * 48271) % 2147483647
    const letter = state % 3 === 0 ? 'r' : 'a'
    window = (window + letter).slice(-7)
    const expected = [...window].filter((one) => one === 'r').length >= 4
    t.equal(feed(watch, letter).length === 1, expected)
    if (!expected) continue
    watch.reset()
    window = ''
  }
  t.end()
})

test('a restart forgets neither the count nor that the line was stopped', (t) => {
  const options = { in_a_row: 4, share: { percent: 60, window: 5 } }
  const watch = watchOf(options)
  feed(watch, 'aaaarr')
  const again = watchOf(options)
  t.equal(again.restore(JSON.parse(JSON.stringify(watch.snapshot()))), true)
  t.same(feed(again, 'r'), [{ at: 1, stop: { reason: 'reject_share', value: 3, limit: 3 } }])
  const stopped = watchOf(options)
  t.equal(stopped.restore(again.snapshot()), true)
  t.equal(stopped.stopped, true)
  t.same(feed(stopped, 'rrrr'), [])
  t.equal(stopped.restore({ version: 1, row: -1 }), false)
  t.end()
})

test('without options it never stops the line', (t) => {
  t.same(feed(watchOf({}), 'r'.repeat(500)), [])
  t.notOk(rejectWatchOptions.safeParse({ in_a_row: 0 }).success)
  t.notOk(rejectWatchOptions.safeParse({ share: { percent: 101, window: 5 } }).success)
  t.end()
})
