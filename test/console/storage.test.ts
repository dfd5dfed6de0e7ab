import { test } from 'tap'
import { formatFor } from '../../gateway/console/format.ts'
import { keptText, roomCondition } from '../../gateway/console/storage.ts'
import { TEXTS } from '../../gateway/console/texts.ts'
import { parseStorage, type Storage } from '../../gateway/console/wire-storage.ts'
import { FakeStation } from '../fakes/api.ts'

const NOON = Date.UTC(2026, 10, 21, 12, 0, 0)
const EN = formatFor('en', TEXTS.en)
const FR = formatFor('fr', TEXTS.fr)

/** What the gateway answers, as the page reads it. */
function read(overrides: object = {}): Storage {
  return parseStorage(JSON.parse(JSON.stringify({ ...new FakeStation().storage, ...overrides })))
}

test('the room is as the store says, and short where it lasts less than somebody wanted to know of', (t) => {
  t.equal(roomCondition(read()), 'ok')
  t.equal(roomCondition(read({ state: 'degraded', detail: 'the disk' })), 'degraded', 'with room for days')
  t.equal(roomCondition(read({ state: 'failed' })), 'failed')
  t.equal(roomCondition(read({ room: { hours_left: 71, alert_hours: 72 } })), 'degraded')
  t.equal(roomCondition(read({ room: { alert_hours: 72 } })), 'ok')
  t.end()
})

test('what is kept: not known yet, nothing, so many until then', (t) => {
  t.same(keptText({}, EN, NOON), ['–', ''])
  t.same(keptText({ stored: 0 }, EN, NOON), ['none', ''])
  t.same(keptText({ stored: 0 }, FR, NOON), ['0', ''])
  const kept = { stored: 41_000, oldest_at: '2026-11-01T08:00:00.000Z' }
  t.match(keptText(kept, EN, NOON), [/^41,000 since .*Nov 1/, 'until room is needed'])
  const limited = { ...kept, due_at: '2026-11-22T12:00:00.000Z', keep_parts: 50_000 }
  t.match(keptText(limited, EN, NOON)[1], 'the oldest is due on Nov 22, 2026, the newest 50,000 stay')
  t.match(keptText(limited, FR, NOON)[1], /^échéance le 22 nov\. 2026, 50\s000 au plus$/)
  t.end()
})
