import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import mqtt from 'mqtt'
import { type Test, test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { silentLog } from '../../../gateway/log.ts'
import { Rivals } from '../../../gateway/mqtt/rivals.ts'
import { MqttSink, type MqttSinkOptions } from '../../../gateway/mqtt/sink.ts'
import { stationTopics } from '../../../gateway/mqtt/topics.ts'
import { entry, inspection } from '../../fakes/inspections.ts'
import { Mosquitto } from '../../fakes/mosquitto.ts'
import { Relay } from '../../fakes/relay.ts'
import { installed } from '../../fakes/server-process.ts'
import { Subscriber } from '../../fakes/subscriber.ts'
import { Authority } from './certificates.ts'

const STATION = { site: 'lyon', line: 'l1', station: 's1' }
const topics = stationTopics(STATION)
const { epoch: EPOCH } = inspection(1)
const OTHER_EPOCH = '01980000-0000-7000-8000-0000000000ff'
const skip = installed('mosquitto') ? false : 'SKIPPED: mosquitto is not installed'

async function stationOn(t: Test, url: string, changes: Partial<MqttSinkOptions> = {}): Promise<MqttSink> {
  const sink = new MqttSink({
    name: 'upstream',
    endpoint: { url, protocolVersion: '5', clientId: 'poincon-gw-1' },
    ...{ topics, clock: systemClock, log: silentLog },
    facts: () => ({ device_id: 'gw-1', ...STATION, software: '0.1.0', epoch: EPOCH }),
    own: () => ({ deviceId: 'gw-1', epoch: EPOCH }),
    known: (sequence) =>
      Promise.resolve(sequence <= 5 ? { id: inspection(sequence).id, newest: 5 } : { newest: 5 }),
    backoff: { firstMs: 10, longestMs: 50 },
    ...changes,
  })
  await sink.start(new AbortController().signal)
  t.teardown(() => sink.stop())
  while (sink.status().facts?.connected !== true) await systemClock.sleep(5)
  return sink
}

async function detailOf(sink: MqttSink): Promise<string> {
  for (;;) {
    const { detail } = sink.status()
    if (detail !== undefined) return detail
    await systemClock.sleep(5)
  }
}

test('a second station of one name, on a real mosquitto', { skip }, async (t) => {
  const plant = await Mosquitto.start()
  t.teardown(() => plant.close())

  await t.test('takes the client id: what it left as the station’s state gives it away', async (t) => {
    const sink = await stationOn(t, plant.url)
    t.equal(sink.status().state, 'ok')
    const second = await stationOn(t, plant.url, {
      facts: () => ({ device_id: 'gw-1', ...STATION, software: '0.1.0', epoch: OTHER_EPOCH }),
      own: () => ({ deviceId: 'gw-1', epoch: OTHER_EPOCH }),
    })
    // Each throws the other out; sooner or later each has seen what the other says.
    const us = `epoch ${EPOCH}`
    while (!/publishes on the topics/.test(await detailOf(sink))) await systemClock.sleep(5)
    t.match(
      await detailOf(sink),
      `device gw-1, epoch ${OTHER_EPOCH}, publishes on the topics of this station, device gw-1, ${us}`,
    )
    t.match(second.status().facts?.connections, Number)
  })

  await t.test('publishes with another epoch or device on our topics', async (t) => {
    const sink = await stationOn(t, plant.url)
    t.equal(await sink.send([entry(1), entry(2)], new AbortController().signal), 2)
    t.equal(sink.status().state, 'ok', 'what we publish does not come back')
    const other = await mqtt.connectAsync(plant.url, { clientId: 'elsewhere', protocolVersion: 5 })
    t.teardown(() => other.endAsync(true))
    const foreign = inspection(17, { epoch: OTHER_EPOCH })
    await other.publishAsync(topics.inspection, JSON.stringify(foreign), { qos: 1 })
    const both = `device gw-1, epoch ${OTHER_EPOCH}, sequence 17, publishes on the topics of this station, device gw-1, epoch ${EPOCH}`
    t.match(await detailOf(sink), both)
  })

  await t.test('a copied card: our epoch, our sequence, another inspection', async (t) => {
    const sink = await stationOn(t, plant.url)
    const other = await mqtt.connectAsync(plant.url, { clientId: 'elsewhere', protocolVersion: 5 })
    t.teardown(() => other.endAsync(true))
    await other.publishAsync(topics.inspection, JSON.stringify(inspection(4)), { qos: 1 })
    await other.publishAsync(topics.inspection, 'not even JSON', { qos: 1 })
    const { id } = inspection(99)
    await other.publishAsync(topics.inspection, JSON.stringify(inspection(5, { id })), { qos: 1 })
    t.match(
      await detailOf(sink),
      new RegExp(`inspection ${id} as sequence 5 of this station, device gw-1.*a copy of this`),
    )
    t.equal(sink.status().facts?.rivals, 1, 'an echo of our own is none')
  })

  await t.test('with MQTT 3.1.1 its state gives it away', async (t) => {
    const endpoint = { url: plant.url, protocolVersion: '3.1.1', clientId: 'poincon-gw-3' } as const
    const sink = await stationOn(t, '', { endpoint })
    const watcher = await Subscriber.open(plant.url, topics.state, 4)
    await watcher.packet(topics.state, (text) => text.includes('"online"'))
    t.equal(sink.status().state, 'ok')
    await stationOn(t, plant.url, {
      endpoint: { ...endpoint, clientId: 'poincon-gw-4' },
      facts: () => ({ device_id: 'gw-2', ...STATION, software: '0.1.0', epoch: OTHER_EPOCH }),
      own: () => ({ deviceId: 'gw-2', epoch: OTHER_EPOCH }),
    })
    t.match(
      await detailOf(sink),
      /device gw-2, epoch .*ff, publishes on the topics of this station, device gw-1/,
    )
    await watcher.close()
  })
})

/** The least of a broker that speaks MQTT 5: it accepts whoever comes and says nothing but what it is told to say. */
async function mute(
  t: Test,
): Promise<{ readonly url: string; say(...bytes: number[]): void; connections(): number }> {
  let connections = 0
  let latest: Socket | undefined
  const server = createServer((socket) => {
    latest = socket
    socket.on('error', () => {})
    socket.once('data', () => {
      connections += 1
      socket.write(Buffer.of(0x20, 3, 0, 0, 0))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    latest?.destroy()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  return {
    url: `mqtt://127.0.0.1:${port}`,
    say: (...bytes) => latest?.end(Buffer.from(bytes)),
    connections: () => connections,
  }
}

test('the broker says that the session was taken over: both are named, and the station comes back', async (t) => {
  const broker = await mute(t)
  const sink = await stationOn(t, broker.url)
  t.equal(sink.status().state, 'ok')
  // DISCONNECT with reason 0x8E (MQTT 5 §3.14).
  broker.say(0xe0, 1, 0x8e)
  while (broker.connections() < 2) await systemClock.sleep(5)
  t.match(sink.status(), {
    state: 'degraded',
    detail: new RegExp(
      `another client has taken the client id poincon-gw-1 of this station, device gw-1, epoch ${EPOCH}.*seen 1 time`,
    ),
    facts: { rivals: 1 },
  })
})

test('a broker that closes connection after connection and gives no reason is a suspicion', async (t) => {
  const broker = await mute(t)
  const sink = await stationOn(t, broker.url)
  for (let i = 1; i <= 5; i++) {
    while (broker.connections() < i || sink.status().facts?.connections !== i) await systemClock.sleep(5)
    broker.say()
  }
  while (sink.status().facts?.rivals !== 1) await systemClock.sleep(5)
  t.match(sink.status().detail, /closed 5 connections .* another client may have the client id poincon-gw-1/)
})

test('a rival that was not seen for ten minutes is gone; a flood of messages is not read', async (t) => {
  let nowMs = 0
  let asked = 0
  const rivals = new Rivals({
    where: 'mqtt://plant',
    own: () => ({ deviceId: 'gw-1', epoch: EPOCH }),
    known: () => {
      asked += 1
      return Promise.resolve({ newest: 10 })
    },
    now: () => nowMs,
    log: silentLog,
  })
  rivals.takenOver('poincon-gw-1')
  rivals.takenOver('poincon-gw-1')
  t.match(rivals.detail(), /client id poincon-gw-1.*seen 2 times, 0 s ago/)
  await rivals.heard(Buffer.from(JSON.stringify({ device_id: 'gw-9' })))
  rivals.takenOver('poincon-gw-1')
  t.match(
    rivals.detail(),
    /device gw-9, epoch unknown, publishes/,
    'who it is says more than that it is there',
  )
  nowMs += 600_000
  t.equal(rivals.detail(), undefined)
  t.equal(rivals.count, 0)
  const ours = Buffer.from(JSON.stringify(inspection(3)))
  for (let i = 0; i < 100; i++) await rivals.heard(ours)
  t.equal(asked, 20)
  t.equal(rivals.detail(), undefined, 'what is not kept any more says nothing')
  nowMs += 1000
  await rivals.heard(Buffer.from(JSON.stringify(inspection(11))))
  t.match(rivals.detail(), /sequence 11 .*a copy/, 'it is ahead of us')
})

test('a session that the broker keeps: a command sent while the line was cut comes after it', {
  skip,
}, async (t) => {
  const plant = await Mosquitto.start()
  t.teardown(() => plant.close())
  const relay = await Relay.open(plant.port)
  t.teardown(() => relay.close())
  const heard: string[] = []
  const sink = await stationOn(t, `mqtt://127.0.0.1:${relay.port}`)
  sink.listen(topics.commands, ({ payload }) => heard.push(payload.toString()))
  const client = await mqtt.connectAsync(plant.url, { protocolVersion: 5 })
  t.teardown(() => client.endAsync(true))
  const ask = (payload: string) => client.publishAsync(`${topics.base}/cmd/inspect`, payload, { qos: 1 })
  while (heard.length === 0) {
    await ask('before')
    await systemClock.sleep(5)
  }
  relay.closed = true
  while (sink.status().facts?.connected === true) await systemClock.sleep(5)
  await ask('meanwhile')
  relay.closed = false
  while (!heard.includes('meanwhile')) await systemClock.sleep(5)
  t.match(sink.status().facts, { resumed: 1 })
})

test('TLS 1.3 with a client certificate to a real mosquitto; 1.2 only where it is allowed', {
  skip: skip || (installed('openssl') ? false : 'SKIPPED: openssl is not installed'),
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-tls-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const authority = await Authority.open(folder)
  await authority.issue('server', 'localhost')
  await authority.issue('gw', 'gw-1')
  await authority.issue('old', 'gw-1', -1)
  const file = (name: string): string => authority.file(name)
  const listener = (version: string) => [
    ...[`cafile ${file('ca.crt')}`, `certfile ${file('server.crt')}`, `keyfile ${file('server.key')}`],
    ...['require_certificate true', `tls_version ${version}`],
  ]
  const endpoint = (port: number, name: string) => ({
    ...({ url: `mqtts://localhost:${port}`, protocolVersion: '5', clientId: 'poincon-gw-1' } as const),
    ...{ caFile: file('ca.crt'), certFile: file(`${name}.crt`), keyFile: file(`${name}.key`) },
  })
  const modern = await Mosquitto.start(() => listener('tlsv1.3'))
  t.teardown(() => modern.close())
  const sink = await stationOn(t, '', { endpoint: endpoint(modern.port, 'gw') })
  t.equal(await sink.send([entry(1)], new AbortController().signal), 1)

  const refusedBy = async (url: ReturnType<typeof endpoint> & { tlsMinVersion?: '1.2' }): Promise<string> => {
    const bad = new MqttSink({
      ...{ name: 'upstream', endpoint: url, topics, clock: systemClock, log: silentLog },
      facts: () => ({ device_id: 'gw-1', ...STATION, software: '0.1.0' }),
      backoff: { firstMs: 10, longestMs: 50 },
    })
    await bad.start(new AbortController().signal)
    while (bad.status().state !== 'ok' && bad.status().detail === 'not connected yet')
      await systemClock.sleep(5)
    const { state, detail = state } = bad.status()
    await bad.stop()
    return detail
  }
  t.match(await refusedBy(endpoint(modern.port, 'old')), /expired|closed|reset/i)
  // A server that speaks 1.2 and nothing newer, as brokers of some plants do.
  const old = createTlsServer({
    cert: readFileSync(file('server.crt')),
    key: readFileSync(file('server.key')),
    maxVersion: 'TLSv1.2',
  })
  const spoken: (string | null)[] = []
  old.on('secureConnection', (socket) => {
    spoken.push(socket.getProtocol())
    socket.destroy()
  })
  old.listen(0, 'localhost')
  await once(old, 'listening')
  t.teardown(() => old.close())
  const address = old.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  t.match(await refusedBy(endpoint(port, 'gw')), /protocol version/)
  t.strictSame(spoken, [])
  await refusedBy({ ...endpoint(port, 'gw'), tlsMinVersion: '1.2' })
  t.match(spoken, ['TLSv1.2'])
})
