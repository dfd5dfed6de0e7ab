import { test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { PrimaryHost } from '../../../gateway/sparkplug/host-state.ts'
import { entries, entry } from '../../fakes/inspections.ts'
import { Mosquitto } from '../../fakes/mosquitto.ts'
import { installed } from '../../fakes/server-process.ts'
import { Host } from './host.ts'
import { edgeNode } from './node.ts'

const skip = installed('mosquitto') ? false : 'SKIPPED: mosquitto is not installed'

test('a primary host', { skip }, async (t) => {
  const broker = await Mosquitto.start()
  t.teardown(() => broker.close())
  const host = await Host.open(broker.url)
  t.teardown(() => host.close())
  const { outbox, sink, pump, start, drained } = edgeNode(t, broker.url, {
    primaryHost: 'scada',
    deadlineMs: 1000,
  })
  const waits = /waits for the primary host scada to be online/

  await t.test('is waited for: no birth, and the cursor stands', async (t) => {
    outbox.append(entry(1))
    await start()
    while (!waits.test(pump.status().detail ?? '')) await systemClock.sleep(5)
    await host.say(true, 5000, 'another')
    await host.sayRaw('ONLINE')
    await host.sayRaw('{"online":"true","timestamp":1000}')
    await host.say(false, 1000)
    while (sink.status().facts?.host_online !== false) await systemClock.sleep(5)
    t.match(sink.status(), { state: 'degraded', detail: waits })
    t.strictSame(host.types, [])
    t.equal(outbox.cursor('sparkplug'), 0)
    await host.say(true, 1000)
    await drained()
    await host.next('DDATA')
    t.strictSame(host.sequences, [-1], 'stored before anybody listened')
    t.strictSame(host.types.slice(0, 2), ['NBIRTH', 'DBIRTH'])
    t.match(sink.status(), { state: 'ok', facts: { host_online: true } })
  })

  await t.test('whose old death comes late is still there', async (t) => {
    await host.say(false, 999)
    outbox.append(entry(2))
    await drained()
    await host.next('DDATA', 2)
    t.strictSame(host.sequences, [-1, 2])
    t.strictSame(host.of('NDEATH'), [])
    await host.say(true, 1000)
  })

  await t.test('that goes offline ends the session with a death; what is stored waits', async (t) => {
    await host.say(false, 2000)
    const death = await host.next('NDEATH')
    t.match(host.values(death), { bdSeq: 0 })
    outbox.append(...entries(3, 5))
    while (!waits.test(sink.status().detail ?? '')) await systemClock.sleep(5)
    t.equal(outbox.cursor('sparkplug'), 2)
    await host.say(true, 1999)
    await host.say(true, 3000)
    await drained()
    await host.next('DDATA', 5)
    t.strictSame(host.sequences, [-1, 2, -3, -4, -5])
    const births = host.of('NBIRTH').map((birth) => host.values(birth).bdSeq)
    t.strictSame([...new Set(births)], [0, 1])
    t.equal(host.of('NDEATH').length, 1)
  })

  await t.test('that flaps while parts come loses none', async (t) => {
    for (let turn = 0; turn < 5; turn += 1) {
      outbox.append(...entries(6 + turn * 20, 25 + turn * 20))
      await host.say(false, 4000 + turn * 10)
      await host.say(true, 4001 + turn * 10)
    }
    await drained()
    await host.until(() => Math.abs(host.sequences.at(-1) ?? 0) === 105)
    const came = [...new Set(host.sequences.map(Math.abs))]
    t.strictSame(
      came,
      Array.from({ length: 105 }, (_, place) => place + 1),
      'each at least once, and first comes in order',
    )
    const dead = new Set<unknown>()
    const risen = host.heard.filter((message) => {
      const { bdSeq } = host.values(message)
      if (message.type === 'NDEATH') dead.add(bdSeq)
      return message.type === 'NBIRTH' && dead.has(bdSeq)
    })
    t.strictSame(risen, [], 'no birth after its own death')
  })
})

test('what a host says is weighed by its time stamp', (t) => {
  const host = new PrimaryHost('scada')
  const say = (online: unknown, timestamp: unknown) =>
    host.hear(Buffer.from(JSON.stringify({ online, timestamp })))
  t.equal(host.online, undefined)
  t.equal(say(false, 50), 'offline', 'the first counts whatever its time')
  t.equal(say(true, 50), 'online', 'an equal time is not older')
  t.equal(say(false, 49), 'stale')
  t.equal(host.online, true)
  host.forget()
  t.equal(host.online, undefined, 'a new connection knows nothing')
  t.equal(say(true, 49), 'stale', 'but what is old stays old')
  t.equal(say(true, 51), 'online')
  for (const text of ['', 'ONLINE', '{}', '{"online":true}', '{"online":1,"timestamp":60}', '[]', 'null'])
    t.equal(host.hear(Buffer.from(text)), 'invalid', text)
  t.equal(say(true, -1), 'invalid')
  t.equal(say(true, 1.5), 'invalid')
  t.equal(host.hear(Buffer.from(`{"online":false,"timestamp":60${' '.repeat(5000)}}`)), 'invalid')
  t.equal(host.online, true)
  t.end()
})
