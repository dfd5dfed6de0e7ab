import { test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { entry } from '../../fakes/inspections.ts'
import { edgeNode, TOPIC } from './node.ts'
import { PACKET, RawBroker, readConnect, subscriptions, topicOf } from './raw-broker.ts'
import { readPayload } from './wire.ts'

for (const protocolVersion of ['3.1.1', '5'] as const) {
  const version5 = protocolVersion === '5'

  test(`the packets of a session, MQTT ${protocolVersion}`, async (t) => {
    const broker = await RawBroker.open(version5)
    t.teardown(() => broker.close())
    const endpoint = { url: broker.url, protocolVersion, clientId: 'gw-1' }
    const { sink, start, stop } = edgeNode(t, broker.url, { endpoint })
    await start()
    while (sink.status().state !== 'ok') await systemClock.sleep(5)
    await stop()
    const [connect, subscribe, ...after] = broker.packets

    await t.test('CONNECT is clean, with the death as will', (t) => {
      const { will, ...said } = readConnect(connect?.body ?? Buffer.alloc(0))
      t.strictSame(said, {
        clean: true,
        willQos: 1,
        willRetain: false,
        sessionExpiry: version5 ? 0 : undefined,
        willTopic: TOPIC('NDEATH'),
      })
      const { seq, metrics } = readPayload(will)
      t.equal(seq, undefined)
      t.strictSame(
        metrics.map(({ name, datatype, value }) => ({ name, datatype, value })),
        [{ name: 'bdSeq', datatype: 4, value: ['long_value', 0] }],
      )
      t.end()
    })

    await t.test('commands are subscribed at QoS 1 before the first birth', (t) => {
      t.equal(subscribe?.type, PACKET.subscribe)
      t.strictSame(subscriptions(subscribe?.body ?? Buffer.alloc(2), version5), [
        [TOPIC('NCMD'), 1],
        [TOPIC('DCMD', 'inspection'), 1],
      ])
      t.end()
    })

    await t.test('the end is a death and then a DISCONNECT', (t) => {
      const packets = after.map((packet) => (packet.type === PACKET.publish ? topicOf(packet) : packet.type))
      t.strictSame(packets, [
        TOPIC('NBIRTH'),
        TOPIC('DBIRTH', 'inspection'),
        TOPIC('NDEATH'),
        PACKET.disconnect,
      ])
      const body = after.at(-1)?.body ?? Buffer.alloc(0)
      if (version5) t.equal(body[0], 0x04, 'with the will: the broker publishes the death too')
      else t.equal(body.length, 0)
      t.end()
    })
  })

  test(`a broker that lets nobody command, MQTT ${protocolVersion}`, async (t) => {
    const broker = await RawBroker.open(version5, version5 ? 0x87 : 0x80)
    t.teardown(() => broker.close())
    const endpoint = { url: broker.url, protocolVersion, clientId: 'gw-1' }
    const { sink, start } = edgeNode(t, broker.url, { endpoint })
    await start()
    await broker.first(PACKET.subscribe)
    while (sink.status().detail === 'no session yet') await systemClock.sleep(5)
    t.match(sink.status(), { state: 'degraded', facts: { sessions: 0 } })
    t.match(
      sink.status().detail,
      /the broker refuses a subscription to spBv1.0.*: .*(Not authorized|Unspecified error)/,
    )
    t.notOk(broker.packets.some(({ type }) => type === PACKET.publish))
  })
}

test('with a primary host its state is subscribed too, and nothing is published before it speaks', async (t) => {
  const broker = await RawBroker.open(false)
  t.teardown(() => broker.close())
  const { sink, start, stop } = edgeNode(t, broker.url, { primaryHost: 'scada' })
  await start()
  const { body } = await broker.first(PACKET.subscribe)
  t.strictSame(subscriptions(body, false).at(-1), ['spBv1.0/STATE/scada', 1])
  while (!sink.status().detail?.startsWith('waits')) await systemClock.sleep(5)
  await stop()
  // No death of its own without a birth, and no DISCONNECT that would make the broker forget the will.
  t.strictSame(
    broker.packets.map(({ type }) => type),
    [PACKET.connect, PACKET.subscribe],
  )
})

test('what was on its way when the primary host went is sent again', async (t) => {
  const broker = await RawBroker.open(false)
  t.teardown(() => broker.close())
  const state = 'spBv1.0/STATE/scada'
  // The broker has read the data by then, but whether the host got them nobody knows.
  broker.before = ({ type }) => {
    if (type === PACKET.pingreq) broker.say(state, '{"online":false,"timestamp":2}')
  }
  const { outbox, pump, sink, start } = edgeNode(t, broker.url, { primaryHost: 'scada' })
  outbox.append(entry(1))
  await start()
  while (!sink.status().detail?.startsWith('waits')) await systemClock.sleep(5)
  broker.say(state, '{"online":true,"timestamp":1}')
  await broker.first(PACKET.pingreq)
  while (pump.status().state === 'ok') await systemClock.sleep(5)
  t.match(pump.status().detail, /the session ended before the broker had everything/)
  t.equal(outbox.cursor('sparkplug'), 0)
  const published = broker.packets.filter(({ type }) => type === PACKET.publish).map(topicOf)
  t.ok(published.includes(TOPIC('DDATA', 'inspection')))
  t.ok(published.includes(TOPIC('NDEATH')))
})

for (const [what, type] of [
  ['CONNECT', PACKET.connect],
  ['the death', PACKET.publish],
] as const) {
  test(`a broker that does not answer ${what} does not hold up the end`, async (t) => {
    const broker = await RawBroker.open(false, 1, [type])
    t.teardown(() => broker.close())
    const { start, stop } = edgeNode(t, broker.url)
    await start()
    await broker.first(type)
    await stop()
    t.notOk(
      broker.packets.some((packet) => packet.type === PACKET.disconnect),
      'the will stays',
    )
  })
}
