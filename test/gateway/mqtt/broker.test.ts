import { once } from 'node:events'
import { connect as connectTcp, createServer } from 'node:net'
import mqtt, { type MqttClient } from 'mqtt'
import { test } from 'tap'
import { silentLog } from '../../../gateway/log.ts'
import { Broker } from '../../../gateway/mqtt/broker.ts'
import { mqttOptions } from '../../../gateway/mqtt/options.ts'
import { PacketMeter } from '../../../gateway/mqtt/packet-limit.ts'
import { commandName, mayReplyTo, replyTopic, stationTopics } from '../../../gateway/mqtt/topics.ts'

const LOCAL = { host: '127.0.0.1', port: 0, log: silentLog }

function connect(port: number, options: mqtt.IClientOptions = {}): Promise<MqttClient> {
  return mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, ...options })
}

function closed(client: MqttClient): Promise<void> {
  return new Promise((resolve) => client.once('close', resolve))
}

test('the embedded broker', async (t) => {
  const broker = new Broker({ ...LOCAL, maxPacketBytes: 10_000, maxRetained: 2 })
  await broker.start()
  t.teardown(() => broker.stop())

  await t.test('carries QoS 1 between clients and keeps what is retained', async (t) => {
    const publisher = await connect(broker.port)
    await publisher.publishAsync('poincon/a/state', 'online', { qos: 1, retain: true })
    const subscriber = await connect(broker.port)
    const arrived = new Promise((resolve) => {
      subscriber.once('message', (topic, payload) => resolve([topic, payload.toString()]))
    })
    await subscriber.subscribeAsync('poincon/#', { qos: 1 })
    t.strictSame(await arrived, ['poincon/a/state', 'online'])
    t.match(broker.status(), { state: 'ok', facts: { clients: 2, retained: 1 } })
    await Promise.all([publisher.endAsync(), subscriber.endAsync()])
  })

  await t.test('ends a connection that announces too large a packet, before it has come', async (t) => {
    const client = await connect(broker.port)
    client.publish('poincon/a/b', Buffer.alloc(20_000), { qos: 1 })
    await closed(client)
    t.equal(broker.status().state, 'ok')
  })

  await t.test('keeps no session of absent clients', async (t) => {
    const session = { clean: false, clientId: 'absent' }
    const before = await connect(broker.port, session)
    await before.subscribeAsync('poincon/x', { qos: 1 })
    await before.endAsync()
    const after = mqtt.connect(`mqtt://127.0.0.1:${broker.port}`, { reconnectPeriod: 0, ...session })
    const sessionPresent = await new Promise((resolve) => {
      after.once('connect', (connack) => resolve(connack.sessionPresent))
    })
    t.equal(sessionPresent, false)
    await after.endAsync()
  })

  await t.test('limits the topics that hold a retained message', async (t) => {
    const client = await connect(broker.port)
    client.on('error', () => {})
    await client.publishAsync('poincon/a/health', '{}', { retain: true, qos: 1 })
    client.publish('poincon/a/third', 'x', { retain: true, qos: 1 })
    await closed(client)
    t.equal(broker.status().facts?.retained, 2)
  })

  await t.test('says which setting changes a port that is taken', async (t) => {
    const second = new Broker({ ...LOCAL, port: broker.port })
    await t.rejects(second.start(), {
      message: new RegExp(`port ${broker.port} on 127.0.0.1 is taken.*mqtt\\.port \\(POINCON_MQTT_PORT\\)`),
    })
  })
})

test('stop closes every client, also one that never said CONNECT, and frees the port', async (t) => {
  const broker = new Broker(LOCAL)
  await broker.start()
  const { port } = broker
  const client = await connect(port)
  const mute = connectTcp(port, '127.0.0.1')
  await once(mute, 'connect')
  const gone = Promise.all([closed(client), once(mute, 'close')])
  await broker.stop()
  await gone
  const again = createServer().listen(port, '127.0.0.1')
  await once(again, 'listening')
  again.close()
  t.equal(broker.status().state, 'failed')
})

test('one client too many is turned away and counted', async (t) => {
  const broker = new Broker({ ...LOCAL, maxClients: 1 })
  await broker.start()
  const first = await connect(broker.port)
  const second = mqtt.connect(`mqtt://127.0.0.1:${broker.port}`, { reconnectPeriod: 0 })
  await closed(second)
  t.match(broker.status().facts, { clients: 1, refused_connections: 1 })
  await first.endAsync()
  await broker.stop()
})

test('the packet meter follows lengths across chunks', (t) => {
  const body = (length: number) => new Uint8Array(length)
  const packet = (length: number) => Uint8Array.of(0x30, (length & 0x7f) | 0x80, length >> 7, ...body(length))
  const stream = Uint8Array.of(...packet(300), 0xc0, 0x00, ...packet(500), 0x40, 0x02, 0x00, 0x01)
  const meter = new PacketMeter(500)
  t.ok(
    stream.every((byte) => meter.feed(Uint8Array.of(byte))),
    'byte by byte',
  )
  t.ok(new PacketMeter(500).feed(stream), 'all at once')
  t.notOk(new PacketMeter(499).feed(stream), 'one byte too long')
  t.notOk(
    new PacketMeter(500).feed(Uint8Array.of(0x30, 0xff, 0xff, 0xff, 0xff)),
    'a length of more than four bytes',
  )
  t.end()
})

test('topics', (t) => {
  const topics = stationTopics({ site: 'lyon', line: 'l1', station: 's1' })
  t.equal(topics.inspection, 'poincon/lyon/l1/s1/inspection')
  t.equal(commandName(topics, 'poincon/lyon/l1/s1/cmd/recipe/select'), 'recipe/select')
  t.equal(commandName(topics, 'poincon/lyon/l1/s2/cmd/inspect'), undefined)
  t.equal(replyTopic(topics, 'inspect', 'tablet 1'), 'poincon/lyon/l1/s1/cmd/inspect/reply/tablet 1')
  t.equal(replyTopic(topics, 'inspect', 'a/+/#%'), 'poincon/lyon/l1/s1/cmd/inspect/reply/a%2F%2B%2F%23%25')
  t.ok(mayReplyTo(topics, 'mes/replies/7'))
  t.ok(mayReplyTo(topics, 'poincon/lyon/l1/s1/cmd/inspect/reply/7'))
  for (const topic of ['poincon/lyon/l1/s1/state', 'poincon/lyon/l1/s1/cmd/lot/start', 'a/#', '$SYS/x', '']) {
    t.notOk(mayReplyTo(topics, topic), topic)
  }
  t.end()
})

test('options', (t) => {
  t.strictSame(mqttOptions.parse({}), { enabled: true, host: '127.0.0.1', port: 1883, inspection: 'full' })
  const upstream = { url: 'mqtts://plant:8883', username: 'gw' }
  t.match(mqttOptions.parse({ upstream }).upstream, { ...upstream, protocol_version: '5' })
  for (const wrong of [
    { host: '0.0.0.0' },
    { upstream: { url: 'http://plant' } },
    { upstream: { url: 'mqtt://user:secret@plant' } },
    { upstream: { url: 'mqtt://plant', password: 'a', password_file: 'b' } },
    { upstream: { url: 'mqtts://plant', cert_file: 'gw.crt' } },
    { unknown: 1 },
  ]) {
    t.notOk(mqttOptions.safeParse(wrong).success, JSON.stringify(wrong))
  }
  t.end()
})
