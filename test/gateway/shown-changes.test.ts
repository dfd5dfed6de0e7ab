import { test } from 'tap'
import { type ShownChange, shownChanges } from '../../gateway/shown-changes.ts'

test('what can lead a station elsewhere comes first, and no list ends without saying so', (t) => {
  const many: ShownChange[] = Array.from({ length: 150 }, (_, index) => ({ key: `kpi.${index}`, after: '1' }))
  const reach = ['mqtt.host', 'mqtt.users_file', 'mqtt.tls.port', 'influx.url', 'influx.token_file']
  const shown = shownChanges([...many, ...reach.map((key) => ({ key, after: 'x' }))])
  t.same(
    shown.slice(0, 6).map(({ key }) => key),
    [...reach, 'kpi.0'],
  )
  t.equal(shown.length, 100)
  t.same(shown.at(-1), { key: 'and 56 more' })
  t.equal(shownChanges(many.slice(0, 100)).at(-1)?.key, 'kpi.99', 'what fits is listed whole')
  t.end()
})

test('cut text says that it is cut', (t) => {
  const [long] = shownChanges([{ key: 'k'.repeat(300), before: 'b'.repeat(501), after: 'a'.repeat(500) }])
  t.match(long, { key: /^k{199}…$/, before: /^b{499}…$/, after: /^a{500}$/ })
  t.end()
})
