import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt'
import { type Test, test } from 'tap'
import { systemClock } from '../../../drivers/clock.ts'
import { silentLog } from '../../../gateway/log.ts'
import { Broker } from '../../../gateway/mqtt/broker.ts'
import { type CommandChannel, CommandServer, type Requester } from '../../../gateway/mqtt/commands.ts'
import { replayCommand, type StoredInspections } from '../../../gateway/mqtt/replay.ts'
import { MqttSink } from '../../../gateway/mqtt/sink.ts'
import { stationTopics } from '../../../gateway/mqtt/topics.ts'
import type { OutboxEntry } from '../../../gateway/outbox.ts'
import { entries, entry, inspection } from '../../fakes/inspections.ts'
import { Mosquitto } from '../../fakes/mosquitto.ts'
import { installed } from '../../fakes/server-process.ts'

const STATION = { site: 'lyon', line: 'l1', station: 's1' }
const topics = stationTopics(STATION)
const { epoch: EPOCH } = inspection(1)

/** A log in memory; what lies before `first` is not kept any more. */
function logOf(rows: readonly OutboxEntry[], first = 1): StoredInspections {
  return {
    epoch: EPOCH,
    last: (epoch) => Promise.resolve(epoch === EPOCH ? (rows.at(-1)?.sequence ?? 0) : undefined),
    from: (_epoch, sequence, limit) =>
      Promise.resolve(rows.filter((row) => row.sequence >= Math.max(sequence, first)).slice(0, limit)),
  }
}

/** What a client hears: sequences by topic, and replies. */
function hearing(client: MqttClient, replyTo: string) {
  const live: number[] = []
  const again: number[] = []
  let summarised: (reply: unknown) => void = () => {}
  const summary = new Promise<unknown>((resolve) => {
    summarised = resolve
  })
  const packets: IPublishPacket[] = []
  client.on('message', (topic, payload, packet) => {
    const message = JSON.parse(payload.toString())
    if (topic === topics.inspection) live.push(message.sequence)
    else if (topic === replyTo && message.schema === 'poincon.inspection/1') {
      again.push(message.sequence)
      packets.push(packet)
    } else if (topic === replyTo) summarised(message)
  })
  return { live, again, packets, summary }
}

async function serve(t: Test, channel: CommandChannel, stored: StoredInspections): Promise<void> {
  const handlers = { replay: replayCommand({ stored, log: silentLog }) }
  const server = new CommandServer({ topics, channel, handlers, clock: systemClock, log: silentLog })
  await server.start()
  t.teardown(() => server.stop())
}

test('1,000 from the log while live ones come, on the embedded broker', async (t) => {
  const broker = new Broker({ host: '127.0.0.1', port: 0, log: silentLog, topics })
  await broker.start()
  t.teardown(() => broker.stop())
  await serve(t, broker, logOf(entries(1, 1000)))
  const endpoint = {
    url: broker.url,
    protocolVersion: '3.1.1',
    clientId: 'gw',
    ...broker.credentials,
  } as const
  const sink = new MqttSink({
    ...{ name: 'broker', endpoint, topics, clock: systemClock, log: silentLog },
    facts: () => ({ device_id: 'gw-1', ...STATION, software: '0.1.0' }),
  })
  const ended = new AbortController()
  await sink.start(ended.signal)
  t.teardown(() => sink.stop())
  const client = await mqtt.connectAsync(broker.url, { clientId: 'desk' })
  t.teardown(() => client.endAsync(true))
  const replyTo = `${topics.base}/cmd/replay/reply/desk`
  const { live, again, summary } = hearing(client, replyTo)
  await client.subscribeAsync([replyTo, topics.inspection], { qos: 1 })

  await client.publishAsync(`${topics.base}/cmd/replay`, '{"from_sequence":1}', { qos: 1 })
  let next = 1001
  let over = false
  void summary.then(() => {
    over = true
  })
  while (!over) {
    await sink.send([entry(next)], ended.signal)
    next += 1
  }
  const range = { epoch: EPOCH, from_sequence: 1, to_sequence: 1000 }
  t.strictSame(await summary, { ok: true, result: { ...range, count: 1000, missing: 0 } })
  t.strictSame(
    again,
    Array.from({ length: 1000 }, (_, i) => i + 1),
    'in order, each once',
  )
  while (live.length < next - 1001) await systemClock.sleep(1)
  t.strictSame(
    live,
    Array.from({ length: next - 1001 }, (_, i) => 1001 + i),
  )
  t.ok(live.length > 10, `${live.length} live ones came meanwhile`)
})

const skip = installed('mosquitto') ? false : 'SKIPPED: mosquitto is not installed'
test('over the plant’s broker, to the response topic of an MQTT 5 client', { skip }, async (t) => {
  const plant = await Mosquitto.start()
  t.teardown(() => plant.close())
  const sink = new MqttSink({
    name: 'upstream',
    endpoint: { url: plant.url, protocolVersion: '5', clientId: 'gw' },
    ...{ topics, clock: systemClock, log: silentLog },
    facts: () => ({ device_id: 'gw-1', ...STATION, software: '0.1.0' }),
  })
  await serve(t, sink, logOf(entries(1, 300), 101))
  const client = await mqtt.connectAsync(plant.url, { protocolVersion: 5, clientId: 'mes' })
  t.teardown(() => client.endAsync(true))
  await client.subscribeAsync(['mes/again', topics.state], { qos: 1 })
  const online = new Promise((resolve) => client.once('message', resolve))
  await sink.start(new AbortController().signal)
  t.teardown(() => sink.stop())
  await online
  const { again, packets, summary } = hearing(client, 'mes/again')
  const correlationData = Buffer.from('42')
  const ask = (payload: object, responseTopic: string): Promise<unknown> =>
    client.publishAsync(`${topics.base}/cmd/replay`, JSON.stringify(payload), {
      qos: 1,
      properties: { responseTopic, correlationData },
    })
  // Nobody hears this one: it ends by itself, and holds up nobody.
  await ask({ from_sequence: 101 }, 'mes/deaf')
  await ask({ from_sequence: 1, to_sequence: 250 }, 'mes/again')
  t.match(await summary, { ok: true, result: { to_sequence: 250, count: 150, missing: 100 } })
  t.strictSame(
    again,
    Array.from({ length: 150 }, (_, i) => 101 + i),
  )
  t.strictSame(packets[0]?.properties?.correlationData, correlationData)
  t.match(packets[0]?.properties?.userProperties, { sequence: '101', epoch: EPOCH, id: inspection(101).id })
})

test('a replay waits for its reader, and for nobody else', async (t) => {
  const stored = logOf(entries(1, 200))
  const { stream } = replayCommand({ stored, log: silentLog, inFlight: 16, atOnce: 2 })
  const told: number[] = []
  let take: () => void = () => {}
  const taken = new Promise<void>((resolve) => {
    take = resolve
  })
  const ended = new AbortController()
  const reader = (key: string, tell: Requester['tell']): Requester => ({
    ...{ key, who: { client: key }, signal: ended.signal, tell },
  })
  const slow = stream(
    { from_sequence: 1 },
    reader('slow', (payload) => {
      told.push(JSON.parse(payload).sequence)
      return taken
    }),
  )
  // A second replay runs through while the first one waits.
  t.match(
    await stream(
      { from_sequence: 190 },
      reader('fast', () => Promise.resolve()),
    ),
    { count: 11 },
  )
  t.equal(told.length, 16, 'no more in flight than allowed')
  await t.rejects(
    stream(
      { from_sequence: 1 },
      reader('slow', () => Promise.resolve()),
    ),
    {
      name: 'CommandError',
      message: /a replay for this client is under way/,
    },
  )
  const third = stream(
    { from_sequence: 1 },
    reader('third', () => taken),
  )
  await t.rejects(
    stream(
      { from_sequence: 1 },
      reader('fourth', () => Promise.resolve()),
    ),
    { message: /2 replays/ },
  )
  take()
  t.match([await slow, await third], [{ count: 200 }, { count: 200 }])

  const gone = stream(
    { from_sequence: 1 },
    reader('gone', () => Promise.reject(new Error('nobody listens'))),
  )
  await t.rejects(gone, { message: 'nobody listens' })
  t.match(
    await stream(
      { from_sequence: 201 },
      reader('gone', () => taken),
    ),
    { count: 0, missing: 0 },
    'nothing yet',
  )
  for (const [payload, words] of [
    [{}, /from_sequence/],
    [{ from_sequence: 0 }, /from_sequence/],
    [{ from_sequence: 5, to_sequence: 4 }, /to_sequence: 4: expected at least from_sequence, 5/],
    [{ from_sequence: 1, epoch: '01980000-0000-7000-8000-00000000ffff' }, /there is none of that name/],
  ] as const) {
    await t.rejects(
      stream(
        payload,
        reader('x', () => taken),
      ),
      { message: words },
    )
  }
  ended.abort(new Error('the station stops'))
  await t.rejects(
    stream(
      { from_sequence: 1 },
      reader('late', () => taken),
    ),
    { message: 'the station stops' },
  )
})

test('a stream that goes on is not late; one that stands still is', async (t) => {
  let wake: () => void = () => {}
  let slept: () => void = () => {}
  const asleep = (): Promise<void> => new Promise((resolve) => (slept = resolve))
  const clock = {
    ...systemClock,
    sleep: () => {
      slept()
      return new Promise<void>((resolve) => {
        wake = resolve
      })
    },
  }
  const replies: unknown[] = []
  let receive: Parameters<CommandChannel['listen']>[1] = () => {}
  let answered: () => void = () => {}
  const channel: CommandChannel = {
    name: 'wire',
    listen: (_filters, hear) => {
      receive = hear
    },
    reply: (_topic, payload) => {
      replies.push(JSON.parse(payload))
      answered()
    },
    tell: () => Promise.resolve(),
  }
  let requester: Requester | undefined
  const stream = (_payload: unknown, who: Requester): Promise<unknown> => {
    requester = who
    return new Promise(() => {})
  }
  const handlers = { replay: { stream } }
  const server = new CommandServer({ topics, channel, handlers, clock, log: silentLog })
  await server.start()
  const first = asleep()
  receive({ topic: `${topics.base}/cmd/replay`, payload: Buffer.alloc(0), retain: false, client: 'desk' })
  await first
  t.match(requester, { key: 'wire desk', who: { channel: 'wire', client: 'desk' } })
  await requester?.tell('one')
  const second = asleep()
  wake()
  await second
  t.strictSame(replies, [], 'it told something within the deadline')
  const done = new Promise<void>((resolve) => {
    answered = resolve
  })
  wake()
  await done
  t.match(replies, [{ ok: false, error: { type: 'urn:poincon:problem:late' } }])
  t.equal(requester?.signal.aborted, true)
})
