import { test } from 'tap'
import { Audience, matches } from '../../../gateway/mqtt/audience.ts'

test('topic filters as MQTT 3.1.1 has them (4.7)', (t) => {
  const yes = [
    ['poincon/a/preview/tof', 'poincon/a/preview/tof'],
    ['poincon/+/preview/+', 'poincon/a/preview/tof'],
    ['poincon/#', 'poincon/a/preview/tof'],
    ['poincon/a/#', 'poincon/a'],
    ['#', 'poincon/a'],
    ['+/+', '/finance'],
    ['/+', '/finance'],
  ] as const
  const no = [
    ['poincon/a', 'poincon/a/preview'],
    ['poincon/+', 'poincon/a/preview'],
    ['poincon/a/preview/tof', 'poincon/a/preview'],
    ['+', '/finance'],
    ['#', '$SYS/broker'],
    ['+/broker', '$SYS/broker'],
  ] as const
  for (const [filter, topic] of yes) t.ok(matches(filter, topic), `${filter} covers ${topic}`)
  for (const [filter, topic] of no) t.notOk(matches(filter, topic), `${filter} does not cover ${topic}`)
  t.end()
})

test('who unsubscribes or leaves listens no more', (t) => {
  const audience = new Audience()
  t.notOk(audience.listensTo('a/b'))
  audience.subscribed('one', ['a/+', 'c'])
  audience.subscribed('two', ['a/b'])
  audience.unsubscribed('one', ['a/+'])
  t.ok(audience.listensTo('a/b'))
  audience.left('two')
  t.notOk(audience.listensTo('a/b'))
  t.ok(audience.listensTo('c'))
  t.end()
})
