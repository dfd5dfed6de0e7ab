import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt'
import { type Test, test } from 'tap'
import { z } from 'zod'
import { type Clock, systemClock } from '../../../drivers/clock.ts'
import { silentLog } from '../../../gateway/log.ts'
import { Broker } from '../../../gateway/mqtt/broker.ts'
import {
  type CommandChannel,
  CommandError,
  type CommandHandler,
  type CommandRequest,
  CommandServer,
} from '../../../gateway/mqtt/commands.ts'
import { MqttSink } from '../../../gateway/mqtt/sink.ts'
import { stationTopics } from '../../../gateway/mqtt/topics.ts'
import { Mosquitto } from '../../fakes/mosquitto.ts'
import { installed } from '../../fakes/server-process.ts'

const STATION = { site: 'lyon', line: 'l1', station: 's1' }
const topics = stationTopics(STATION)
const INSPECT = `${topics.base}/cmd/inspect`

const lotStart = z.strictObject({ lot: z.object({ id: z.string() }) })

const handlers: Record<string, CommandHandler> = {
  inspect: (payload) => Promise.resolve({ sequence: 7, payload }),
  'lot/start': async (payload) => ({ started: lotStart.parse(payload).lot.id }),
  'recipe/select': () => Promise.reject(new CommandError('a lot is running')),
  broken: () => {
    throw new Error('disk on fire')
  },
}

/** The next message on a topic. */
function next(client: MqttClient, topic: string): Promise<IPublishPacket> {
  return new Promise((resolve) => {
    const hear = (heard: string, _payload: Buffer, packet: IPublishPacket): void => {
      if (heard !== topic) return
      client.removeListener('message', hear)
      resolve(packet)
    }
    client.on('message', hear)
  })
}

async function ask(client: MqttClient, name: string, payload: string, replyTo: string): Promise<unknown> {
  const reply = next(client, replyTo)
  await client.publishAsync(`${topics.base}/cmd/${name}`, payload, { qos: 1 })
  return JSON.parse((await reply).payload.toString())
}

test('commands on the embedded broker: replies go to the requester by its client id', async (t) => {
  const broker = new Broker({ host: '127.0.0.1', port: 0, log: silentLog })
  const server = new CommandServer({ topics, channel: broker, handlers, clock: systemClock, log: silentLog })
  // Both orders do: here the server listens before the broker does.
  await server.start()
  await broker.start()
  t.teardown(() => broker.stop())
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`, { clientId: 'tablet' })
  t.teardown(() => client.endAsync())
  await client.subscribeAsync(`${topics.base}/cmd/#`, { qos: 1 })
  const send = (name: string, payload: string) =>
    ask(client, name, payload, `${topics.base}/cmd/${name}/reply/tablet`)

  t.strictSame(await send('inspect', ''), { ok: true, result: { sequence: 7, payload: {} } })
  t.strictSame(await send('inspect', '{"sample_id":"a","correlation":"42"}'), {
    ok: true,
    result: { sequence: 7, payload: { sample_id: 'a' } },
    correlation: '42',
  })
  t.strictSame(await send('lot/start', '{"lot":{"id":"L1"}}'), { ok: true, result: { started: 'L1' } })
  t.match(await send('lot/start', '{"lot":{"id":1}}'), {
    ok: false,
    error: { type: 'urn:poincon:problem:invalid-payload', errors: [{ pointer: '/lot/id' }] },
  })
  t.match(await send('recipe/select', '{}'), {
    error: { type: 'urn:poincon:problem:refused', detail: 'a lot is running' },
  })
  t.match(await send('broken', '{}'), { ok: false, error: { detail: 'disk on fire' } })
  for (const name of ['explode', 'constructor', 'no/such']) {
    t.match(await send(name, '{}'), { ok: false, error: { type: 'urn:poincon:problem:unknown-command' } })
  }
  t.match(await send('inspect', '{oops'), { error: { type: 'urn:poincon:problem:not-json' } })
  t.match(await send('inspect', '[1]'), { error: { type: 'urn:poincon:problem:invalid-payload' } })
  t.match(await send('inspect', JSON.stringify('x'.repeat(70_000))), {
    error: { type: 'urn:poincon:problem:payload-too-large' },
  })
  t.match(server.status(), { state: 'ok', facts: { received: 12, failed: 9, in_flight: 0 } })
  await server.stop()
})

const skip = installed('mosquitto') ? false : 'SKIPPED: mosquitto is not installed'
test('commands over the plant’s broker', { skip }, async (t) => {
  const plant = await Mosquitto.start()
  t.teardown(() => plant.close())
  const running = new AbortController()
  const sink = new MqttSink({
    name: 'upstream',
    endpoint: { url: plant.url, protocolVersion: '5', clientId: 'poincon-gw-1' },
    topics,
    clock: systemClock,
    log: silentLog,
    facts: () => ({ device_id: 'gw-1', ...STATION, software: '0.1.0' }),
  })
  const server = new CommandServer({ topics, channel: sink, handlers, clock: systemClock, log: silentLog })
  const client = await mqtt.connectAsync(plant.url, { protocolVersion: 5, clientId: 'mes' })
  t.teardown(() => client.endAsync())
  await client.publishAsync(INSPECT, '{"client":"ghost"}', { qos: 1, retain: true })
  await client.subscribeAsync(['mes/replies', `${topics.base}/cmd/+/reply/#`, topics.state], { qos: 1 })
  const online = next(client, topics.state)
  // The commands are subscribed when the station says `online`.
  await server.start()
  await sink.start(running.signal)
  t.teardown(() => sink.stop())
  t.teardown(() => server.stop())
  await online

  const asked = async (
    payload: string,
    properties: IPublishPacket['properties'],
  ): Promise<IPublishPacket> => {
    const reply = next(client, properties?.responseTopic ?? `${INSPECT}/reply/anonymous`)
    await client.publishAsync(INSPECT, payload, { qos: 1, ...(properties ? { properties } : {}) })
    return await reply
  }

  await t.test('MQTT 5: response topic and correlation data', async (t) => {
    const correlationData = Buffer.from([1, 2, 3])
    const reply = await asked('{}', { responseTopic: 'mes/replies', correlationData })
    t.match(JSON.parse(reply.payload.toString()), { ok: true, result: { sequence: 7 } })
    t.strictSame(reply.properties?.correlationData, correlationData)
    t.equal(reply.properties?.contentType, 'application/json')
  })

  await t.test('MQTT 3.1.1: the payload names the client, because the wire does not', async (t) => {
    t.match(await ask(client, 'inspect', '{"client":"mes"}', `${INSPECT}/reply/mes`), { ok: true })
    t.match(JSON.parse((await asked('', undefined)).payload.toString()), { ok: true })
  })

  await t.test(
    'a response topic among the station’s own is not served, nor is a retained command',
    async (t) => {
      t.match(server.status().facts, { received: 4, failed: 1 }, 'the retained one from before was ignored')
      await client.publishAsync(INSPECT, '{}', { qos: 1, properties: { responseTopic: topics.state } })
      t.ok(await asked('{}', { responseTopic: 'mes/replies' }))
      t.match(server.status().facts, { received: 6, failed: 2 })
    },
  )
})

test('no more commands at once than allowed, and none holds its requester for ever', async (t: Test) => {
  const replies: { topic: string; reply: { ok: boolean; error?: { type: string } } }[] = []
  let receive: (request: CommandRequest) => void = () => {}
  let replied: () => void = () => {}
  const channel: CommandChannel = {
    name: 'wire',
    listen: (_filters, hear) => {
      receive = hear
    },
    reply: (topic, payload) => {
      replies.push({ topic, reply: JSON.parse(payload) })
      replied()
    },
    tell: () => Promise.resolve(),
  }
  let wake: () => void = () => {}
  const clock: Clock = {
    ...systemClock,
    sleep: () =>
      new Promise((resolve) => {
        wake = resolve
      }),
  }
  let finish: (value: string) => void = () => {}
  const server = new CommandServer({
    topics,
    channel,
    handlers: {
      slow: () =>
        new Promise((resolve) => {
          finish = resolve
        }),
    },
    clock,
    log: silentLog,
    maxInFlight: 1,
  })
  await server.start()
  const request = (client: string): Promise<void> => {
    receive({ topic: `${topics.base}/cmd/slow`, payload: Buffer.alloc(0), retain: false, client })
    return new Promise((resolve) => {
      replied = resolve
    })
  }
  void request('one')
  await request('two')
  t.match(replies, [{ topic: /two$/, reply: { error: { type: 'urn:poincon:problem:busy' } } }])
  const answered = new Promise<void>((resolve) => {
    replied = resolve
  })
  wake()
  await answered
  t.match(replies[1], { topic: /one$/, reply: { error: { type: 'urn:poincon:problem:late' } } })
  t.equal(server.status().facts?.in_flight, 1, 'it is still at work')
  finish('done')
  await server.stop()
  receive({ topic: `${topics.base}/cmd/slow`, payload: Buffer.alloc(0), retain: false })
  t.equal(server.status().facts?.received, 2, 'after stop nothing is taken')
})
