import { rename, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { silentLog } from '../../../gateway/log.ts'
import { MqttSink } from '../../../gateway/mqtt/sink.ts'
import { stationTopics } from '../../../gateway/mqtt/topics.ts'
import { Pump } from '../../../gateway/pump.ts'
import { entry } from '../../fakes/inspections.ts'
import { MemoryOutbox } from '../../fakes/memory-outbox.ts'
import { Mosquitto } from '../../fakes/mosquitto.ts'
import { Relay } from '../../fakes/relay.ts'
import { freePort, installed } from '../../fakes/server-process.ts'
import { Subscriber } from '../../fakes/subscriber.ts'
import { Authority } from './certificates.ts'

const STATION = { site: 'lyon', line: 'l1', station: 's1' }
const topics = stationTopics(STATION)
const skip = installed('mosquitto') ? false : 'SKIPPED: mosquitto is not installed'

test('a certificate is renewed while inspections flow, and the broker restarts meanwhile', {
  skip,
}, async (t) => {
  const port = await freePort()
  const broker = await Mosquitto.start(
    (folder) => [
      `listener ${port} 127.0.0.1`,
      `cafile ${join(folder, 'ca.crt')}`,
      `certfile ${join(folder, 'server.crt')}`,
      `keyfile ${join(folder, 'server.key')}`,
      'require_certificate true',
      'use_identity_as_username true',
    ],
    undefined,
    async (folder) => {
      const authority = await Authority.open(folder)
      await authority.issue('server', 'localhost')
      for (const name of ['first', 'second', 'third']) await authority.issue(name, `cell-1-${name}`)
      await symlink('first.crt', join(folder, 'device.crt'))
      await symlink('first.key', join(folder, 'device.key'))
    },
  )
  t.teardown(() => broker.close())
  const at = (name: string): string => join(broker.folder, name)
  const renewTo = async (name: string): Promise<void> => {
    for (const kind of ['key', 'crt']) {
      await symlink(`${name}.${kind}`, at(`next.${kind}`))
      await rename(at(`next.${kind}`), at(`device.${kind}`))
    }
  }
  const relay = await Relay.open(port)
  t.teardown(() => relay.close())
  const outbox = new MemoryOutbox()
  const sink = new MqttSink({
    name: 'upstream',
    endpoint: {
      url: `mqtts://localhost:${relay.port}`,
      protocolVersion: '5',
      clientId: 'poincon-cell-1',
      caFile: at('ca.crt'),
      certFile: at('device.crt'),
      keyFile: at('device.key'),
    },
    ...{ topics, clock: systemClock, log: silentLog },
    facts: () => ({ device_id: 'cell-1', ...STATION, software: '0.1.0', lot_id: 'L42' }),
    backoff: { firstMs: 10, longestMs: 100 },
    watchMs: 20,
  })
  const pump = new Pump({
    ...{ outbox, sink, clock: systemClock, log: silentLog, backlog: () => outbox.backlog('upstream') },
    backoff: { firstMs: 10, longestMs: 200 },
  })
  const subscribe = () => Subscriber.open(broker.url, `${topics.base}/#`)
  let subscriber = await subscribe()
  const seen = new Set<number>()
  const take = (): void => {
    for (const sequence of subscriber.sequences) seen.add(sequence)
  }
  await sink.start(new AbortController().signal)
  await pump.start()
  let sequence = 0
  let slowest = 0
  const flow = setInterval(() => {
    for (let more = 0; more < 5; more += 1) {
      sequence += 1
      outbox.append(entry(sequence))
    }
    slowest = Math.max(slowest, outbox.backlog('upstream'))
  }, 10)
  const flowing = (count: number): Promise<void> =>
    subscriber.until(() => subscriber.sequences.length >= count)

  await flowing(200)
  t.match(sink.status(), { state: 'ok', facts: { connections: 1 } })
  await renewTo('second')
  await subscriber.until(() => sink.status().facts?.connections === 2)
  await flowing(400)
  t.match(pump.status(), { state: 'ok', facts: { failures: 0 } }, 'no attempt failed')
  const offline = subscriber.packets.filter(({ payload }) => String(payload).includes('"offline"'))
  t.strictSame(offline, [], 'nobody was told that the station is gone')
  t.comment(`most waited for the connection: ${slowest} inspections at 500/s`)

  // What the broker has, the subscriber has: from here on a loss would be ours.
  relay.closed = true
  relay.cut()
  await subscriber.until(() => subscriber.sequences.includes(outbox.cursor('upstream')))
  take()
  await broker.kill()
  await renewTo('third')
  await broker.restart()
  await subscriber.close()
  subscriber = await subscribe()
  relay.closed = false
  await flowing(200)
  clearInterval(flow)
  t.comment(`${subscriber.sequences.length - new Set(subscriber.sequences).size} came twice`)
  await pump.stop()
  await sink.stop()
  await subscriber.until(() => subscriber.sequences.includes(sequence))
  take()
  t.equal(outbox.backlog('upstream'), 0)
  const lost = Array.from({ length: sequence }, (_, place) => place + 1).filter((one) => !seen.has(one))
  await subscriber.close()
  t.strictSame(lost, [], `all of ${sequence} reached a subscriber`)
})
