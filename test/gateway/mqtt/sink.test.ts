import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import mqtt from 'mqtt'
import { type Test, test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { silentLog } from '../../../gateway/log.ts'
import { Broker } from '../../../gateway/mqtt/broker.ts'
import { MqttSink, type MqttSinkOptions } from '../../../gateway/mqtt/sink.ts'
import { stateMessage } from '../../../gateway/mqtt/state.ts'
import { stationTopics } from '../../../gateway/mqtt/topics.ts'
import { Pump } from '../../../gateway/pump.ts'
import { entries, entry, inspection } from '../../fakes/inspections.ts'
import { MemoryOutbox } from '../../fakes/memory-outbox.ts'
import { Mosquitto } from '../../fakes/mosquitto.ts'
import { Relay } from '../../fakes/relay.ts'
import { installed } from '../../fakes/server-process.ts'
import { Subscriber } from '../../fakes/subscriber.ts'

const STATION = { site: 'lyon', line: 'l1', station: 's1' }
const topics = stationTopics(STATION)
const skip = installed('mosquitto') ? false : 'SKIPPED: mosquitto is not installed'

/** A sink and the pump that drives it, with an outbox to fill; both end with the test. */
function setUp(t: Test, url: string, changes: Partial<MqttSinkOptions> = {}) {
  const outbox = new MemoryOutbox()
  const stopping = new AbortController()
  const sink = new MqttSink({
    name: 'upstream',
    endpoint: { url, protocolVersion: '5', clientId: 'poincon-gw-1' },
    topics,
    clock: systemClock,
    log: silentLog,
    facts: () => ({ device_id: 'gw-1', ...STATION, software: '0.1.0', lot_id: 'L42' }),
    backoff: { firstMs: 10, longestMs: 100 },
    ...changes,
  })
  const pump = new Pump({
    outbox,
    sink,
    clock: systemClock,
    log: silentLog,
    backlog: () => outbox.backlog('upstream'),
    backoff: { firstMs: 10, longestMs: 200 },
  })
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopping.abort()
    stopped ??= pump.stop().then(() => sink.stop())
    return stopped
  }
  const start = async (): Promise<void> => {
    await sink.start(stopping.signal)
    await pump.start()
  }
  t.teardown(stop)
  return { outbox, sink, pump, start, stop, stopping }
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, place) => place + 1)
}

test('a station on a real mosquitto', { skip }, async (t) => {
  const broker = await Mosquitto.start()
  t.teardown(() => broker.close())

  await t.test(
    'delivers every inspection once and in order, with its identity as MQTT 5 properties',
    async (t) => {
      const subscriber = await Subscriber.open(broker.url, `${topics.base}/#`)
      const { outbox, pump, start, stop } = setUp(t, broker.url)
      outbox.append(...entries(1, 1200))
      await start()
      await subscriber.until(() => subscriber.sequences.length >= 1200)
      t.strictSame(subscriber.sequences, upTo(1200))
      const first = await subscriber.packet(topics.inspection)
      const { id, epoch } = inspection(1)
      t.match(first.properties, {
        contentType: 'application/json',
        userProperties: { id, epoch, sequence: '1' },
      })
      t.strictSame(JSON.parse(first.payload.toString()), inspection(1))
      t.equal(first.qos, 1)
      await stop()
      t.match(pump.status(), { state: 'ok', facts: { backlog: 0, delivered: 1200 } })
      await subscriber.close()
    },
  )

  await t.test('keeps the newest checkpoint for whoever comes later', async (t) => {
    let last: { readonly number: number } | undefined
    const { sink, start, stop } = setUp(t, broker.url, { checkpoint: () => last })
    await start()
    sink.signed()
    last = { number: 1 }
    const first = await Subscriber.open(broker.url, topics.checkpoint)
    sink.signed()
    t.strictSame(JSON.parse((await first.packet(topics.checkpoint)).payload.toString()), { number: 1 })
    await stop()
    last = { number: 2 }
    const again = setUp(t, broker.url, { checkpoint: () => last })
    await again.start()
    await first.packet(topics.checkpoint, (text) => text.includes('2'))
    const later = await Subscriber.open(broker.url, topics.checkpoint)
    const kept = await later.packet(topics.checkpoint)
    t.match(kept, { retain: true, qos: 1 })
    t.strictSame(JSON.parse(kept.payload.toString()), { number: 2 }, 'said again at the next connection')
    await Promise.all([first.close(), later.close(), again.stop()])
  })

  await t.test('alerts on one connection, however many, leave nothing behind on it', async (t) => {
    const warned: Error[] = []
    const hear = (warning: Error): void => void warned.push(warning)
    process.on('warning', hear)
    t.teardown(() => process.off('warning', hear))
    const subscriber = await Subscriber.open(broker.url, `${topics.base}/#`)
    const { sink, start, stop } = setUp(t, broker.url)
    await start()
    await subscriber.packet(topics.state, (text) => text.includes('"online"'))
    for (let number = 1; number <= 30; number += 1) await sink.alert(`{"number":${number}}`)
    await subscriber.packet(topics.alert, (text) => text.includes('30'))
    await systemClock.sleep(0)
    t.strictSame(warned, [], 'Node warns of the eleventh listener')
    await Promise.all([stop(), subscriber.close()])
  })

  await t.test('is online, draining, offline; health follows', async (t) => {
    const subscriber = await Subscriber.open(broker.url, `${topics.base}/#`)
    const { sink, start, stop, stopping } = setUp(t, broker.url, { health: () => ({ stored: 7 }) })
    await start()
    const online = await subscriber.packet(topics.state, (text) => text.includes('"online"'))
    t.match(stateMessage.parse(JSON.parse(online.payload.toString())), { state: 'online', lot_id: 'L42' })
    t.strictSame(JSON.parse((await subscriber.packet(topics.health)).payload.toString()), { stored: 7 })
    t.match(sink.status(), { state: 'ok', facts: { connected: true, connections: 1 } })
    stopping.abort()
    await subscriber.packet(topics.state, (text) => text.includes('"draining"'))
    await stop()
    await subscriber.packet(topics.state, (text) => text.includes('"offline"') && text.includes('"stopped"'))
    const late = await Subscriber.open(broker.url, topics.state)
    t.match((await late.packet(topics.state)).retain, true, 'the last state is retained')
    t.match(sink.status().state, 'degraded')
    await Promise.all([subscriber.close(), late.close()])
  })

  await t.test('speaks MQTT 3.1.1 as well', async (t) => {
    const subscriber = await Subscriber.open(broker.url, topics.inspection, 4)
    const endpoint = { url: broker.url, protocolVersion: '3.1.1', clientId: 'poincon-gw-3' } as const
    const { outbox, start } = setUp(t, broker.url, { endpoint })
    outbox.append(...entries(1, 600))
    await start()
    await subscriber.until(() => subscriber.sequences.length >= 600)
    t.strictSame(subscriber.sequences, upTo(600))
    await subscriber.close()
  })

  await t.test('leaves the matrices at home when the line is thin', async (t) => {
    const subscriber = await Subscriber.open(broker.url, topics.inspection)
    const heads = { tof2: { kind: 'vl53l8ch' as const, distance_matrix: [[1]], volume_mm3: 5 } }
    const { outbox, start } = setUp(t, broker.url, { inspection: 'lean' })
    outbox.append(entry(1, { heads }))
    await start()
    const message = JSON.parse((await subscriber.packet(topics.inspection)).payload.toString())
    const { vl53l8ch } = inspection(1)
    t.strictSame(message.heads, { tof2: { kind: 'vl53l8ch', volume_mm3: 5 } })
    t.notOk(Object.keys(message.vl53l8ch).some((key) => key.endsWith('_matrix')))
    t.strictSame(message.vl53l8ch.defects, vl53l8ch?.defects)
    t.strictSame(message.verdict, inspection(1).verdict)
    await subscriber.close()
  })

  await t.test('refuses to send what the broker never takes, and says which inspection', async (t) => {
    const small = await Mosquitto.start(() => ['max_packet_size 8000'])
    t.teardown(() => small.close())
    const subscriber = await Subscriber.open(small.url, topics.inspection)
    const { outbox, pump, start } = setUp(t, small.url)
    outbox.append(...entries(1, 2), entry(3, { sample_id: 'x'.repeat(9000) }), entry(4))
    await start()
    await subscriber.until(() => subscriber.sequences.includes(2))
    while (pump.status().state === 'ok') await systemClock.sleep(5)
    t.match(pump.status().detail, /inspection 3 is refused: the broker takes at most 8000 bytes/)
    t.equal(outbox.cursor('upstream'), 2)
    t.strictSame(subscriber.sequences, [1, 2])
    await subscriber.close()
  })
})

test('a line to the broker that breaks', { skip }, async (t) => {
  const broker = await Mosquitto.start()
  t.teardown(() => broker.close())
  const relay = await Relay.open(broker.port)
  t.teardown(() => relay.close())
  const subscriber = await Subscriber.open(broker.url, topics.inspection)
  t.teardown(() => subscriber.close())
  const { outbox, sink, pump, start } = setUp(t, `mqtt://127.0.0.1:${relay.port}`, { deadlineMs: 300 })
  await start()

  await t.test('cut in the middle of batches: nothing lost, in order, at least once', async (t) => {
    outbox.append(...entries(1, 2000))
    for (const bytes of [100_000, 700_000, 1_234_567]) {
      await relay.passed(bytes)
      relay.cut()
    }
    await subscriber.until(() => subscriber.sequences.at(-1) === 2000)
    let reached = 0
    const skips: number[] = []
    for (const sequence of subscriber.sequences) {
      if (sequence > reached + 1) skips.push(sequence)
      reached = Math.max(reached, sequence)
    }
    t.strictSame(skips, [])
    t.equal(reached, 2000)
    t.ok(subscriber.sequences.length > 2000, 'what was under way at a cut comes twice')
    t.match(sink.status().facts, { connections: 4 })
    while (outbox.backlog('upstream') > 0) await systemClock.sleep(5)
  })

  await t.test('away for a while: the backlog grows, and goes out when it is back', async (t) => {
    relay.closed = true
    outbox.append(...entries(2001, 2100))
    while (pump.status().state === 'ok') await systemClock.sleep(5)
    t.match(pump.status(), { state: 'degraded', facts: { backlog: 100 } })
    t.match(sink.status(), { state: 'degraded', detail: /mqtt:\/\/127\.0\.0\.1:\d+: / })
    relay.closed = false
    while (pump.status().state !== 'ok') await systemClock.sleep(5)
    await subscriber.until(() => subscriber.sequences.at(-1) === 2100)
  })

  await t.test('a broker that hangs with its sockets open: the deadline breaks the connection', async (t) => {
    broker.freeze()
    outbox.append(...entries(2101, 2200))
    while (pump.status().state === 'ok') await systemClock.sleep(5)
    t.match(pump.status().detail, /no acknowledgement within 300 ms/)
    broker.thaw()
    while (pump.status().state !== 'ok') await systemClock.sleep(5)
    await subscriber.until(() => subscriber.sequences.at(-1) === 2200)
  })

  await t.test('a broker killed and started again is found again', async (t) => {
    await broker.kill()
    await broker.restart()
    outbox.append(...entries(2201, 2300))
    while (outbox.backlog('upstream') > 0) await systemClock.sleep(5)
    t.equal(outbox.cursor('upstream'), 2300)
  })
})

test('a station that dies is declared offline by its last will', { skip }, async (t) => {
  const broker = await Mosquitto.start()
  t.teardown(() => broker.close())
  const subscriber = await Subscriber.open(broker.url, topics.state)
  const { start } = setUp(t, broker.url)
  await start()
  await subscriber.packet(topics.state, (text) => text.includes('"online"'))
  // The same client id again: mosquitto throws the first connection out, as a dead one, with its will.
  const usurper = await mqtt.connectAsync(broker.url, { clientId: 'poincon-gw-1', protocolVersion: 5 })
  const will = await subscriber.packet(topics.state, (text) => text.includes('"offline"'))
  t.match(stateMessage.parse(JSON.parse(will.payload.toString())), { reason: 'connection-lost' })
  await usurper.endAsync(true)
  await subscriber.close()
})

test('TLS with a client certificate, a user and a password from a file', {
  skip: skip || (installed('openssl') ? false : 'SKIPPED: openssl is not installed'),
}, async (t) => {
  const broker = await Mosquitto.start(
    (folder) => [
      `cafile ${folder}/ca.crt`,
      `certfile ${folder}/server.crt`,
      `keyfile ${folder}/server.key`,
      'require_certificate true',
    ],
    undefined,
    certificates,
  )
  t.teardown(() => broker.close())
  const file = (name: string): string => join(broker.folder, name)
  await writeFile(file('password'), 'secret\n')
  const endpoint = {
    url: `mqtts://localhost:${broker.port}`,
    protocolVersion: '5',
    clientId: 'poincon-gw-1',
    username: 'gw',
    passwordFile: file('password'),
    caFile: file('ca.crt'),
    certFile: file('gw.crt'),
    keyFile: file('gw.key'),
  } as const
  const good = setUp(t, '', { endpoint })
  good.outbox.append(...entries(1, 10))
  await good.start()
  while (good.outbox.backlog('upstream') > 0) await systemClock.sleep(5)
  t.equal(good.sink.status().state, 'ok')

  const { certFile: _cert, keyFile: _key, ...stranger } = endpoint
  const bad = setUp(t, '', { endpoint: { ...stranger, clientId: 'stranger' }, deadlineMs: 200 })
  bad.outbox.append(entry(1))
  await bad.start()
  while (bad.pump.status().state === 'ok') await systemClock.sleep(5)
  t.equal(bad.sink.status().state, 'degraded')
  t.equal(bad.outbox.backlog('upstream'), 1)

  const lost = setUp(t, '', { endpoint: { ...endpoint, caFile: file('missing.crt') }, deadlineMs: 200 })
  await lost.start()
  while (lost.sink.status().detail === 'not connected yet') await systemClock.sleep(5)
  t.match(lost.sink.status().detail, /missing\.crt/, 'a file that is not there is named')
})

/** A CA, a server certificate for localhost, a client certificate. */
async function certificates(folder: string): Promise<void> {
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args, { cwd: folder })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
  await openssl('req', '-x509', ...key, '-subj', '/CN=Test CA', '-keyout', 'ca.key', '-out', 'ca.crt')
  for (const [name, subject] of [
    ['server', '/CN=localhost'],
    ['gw', '/CN=gw-1'],
  ] as const) {
    const san = ['-addext', 'subjectAltName=DNS:localhost']
    const ca = ['-CA', 'ca.crt', '-CAkey', 'ca.key']
    await openssl(
      'req',
      '-x509',
      ...key,
      ...ca,
      ...san,
      '-subj',
      subject,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
    )
  }
}

test('a station on the embedded broker', async (t) => {
  const broker = new Broker({ host: '127.0.0.1', port: 0, log: silentLog })
  await broker.start()
  t.teardown(() => broker.stop())
  const url = `mqtt://127.0.0.1:${broker.port}`
  const subscriber = await Subscriber.open(url, `${topics.base}/#`, 4)
  const { outbox, start, stop } = setUp(t, url, {
    endpoint: { url, protocolVersion: '3.1.1', clientId: 'poincon-gw-1' },
  })
  outbox.append(...entries(1, 800))
  await start()
  await subscriber.until(() => subscriber.sequences.length >= 800)
  t.strictSame(subscriber.sequences, upTo(800))
  await stop()
  await subscriber.packet(topics.state, (text) => text.includes('"stopped"'))
  await subscriber.close()
})
