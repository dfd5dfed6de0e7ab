import { Duplex } from 'node:stream'
import mqtt, { MqttClient, type PacketCallback } from 'mqtt'
import { type Test, test } from 'tap'
import { silentLog } from '../../../gateway/log.ts'
import { Broker } from '../../../gateway/mqtt/broker.ts'
import { Publisher, type PublisherOptions } from '../../../gateway/mqtt/publish.ts'
import type { OutboxEntry } from '../../../gateway/outbox.ts'
import { entries } from '../../fakes/inspections.ts'
import { Subscriber } from '../../fakes/subscriber.ts'

const TOPIC = 'poincon/lyon/l1/s1/inspection'
const never = new AbortController().signal
const log = entries(1, 100)

async function setUp(t: Test, changes: Partial<PublisherOptions> = {}) {
  const broker = new Broker({ host: '127.0.0.1', port: 0, log: silentLog })
  await broker.start()
  const url = `mqtt://127.0.0.1:${broker.port}`
  const subscriber = await Subscriber.open(url, TOPIC, 4)
  const client = await mqtt.connectAsync(url, { protocolVersion: 4 })
  t.teardown(async () => {
    await Promise.all([client.endAsync(true), subscriber.close()])
    await broker.stop()
  })
  const encode = ({ payload }: OutboxEntry): string => payload
  const publisher = new Publisher({
    ...{ client, topic: TOPIC, encode, inFlight: 8, deadlineMs: 10_000, window: 20 },
    ...changes,
  })
  return { publisher, subscriber, client }
}

test('batches of a backlog', async (t) => {
  await t.test(
    'a full one ends before its last entries are acknowledged, and the next goes on with them',
    async (t) => {
      const { publisher, subscriber } = await setUp(t)
      const ends: number[] = []
      for (let position = 0; position < 100; ) {
        const { acknowledged, error } = await publisher.send(log.slice(position, position + 20), never)
        t.equal(error, undefined)
        ends.push(acknowledged)
        position += acknowledged
      }
      t.ok((ends[0] ?? 20) >= 12 && (ends[0] ?? 20) < 20, `${ends[0]} of 20: at most 8 are owed`)
      await subscriber.until(() => subscriber.sequences.length >= 100)
      t.strictSame(
        subscriber.sequences,
        log.map(({ sequence }) => sequence),
        'each once, in order',
      )
    },
  )

  await t.test('one that is not full ends with its last acknowledgement', async (t) => {
    const { publisher } = await setUp(t)
    t.match(await publisher.send(log.slice(0, 19), never), { acknowledged: 19, broken: false })
  })

  await t.test('one that begins elsewhere is sent whole: the cursor was put back', async (t) => {
    const { publisher, subscriber } = await setUp(t)
    await publisher.send(log.slice(10, 30), never)
    for (let position = 0; position < 30; )
      position += (await publisher.send(log.slice(position, Math.min(position + 20, 30)), never)).acknowledged
    await subscriber.until(() => subscriber.sequences.filter((one) => one === 30).length === 2)
    t.strictSame(
      subscriber.sequences,
      [...log.slice(10, 30), ...log.slice(0, 30)].map(({ sequence }) => sequence),
    )
  })

  await t.test(
    'what cannot be sent is told when it is the first, and holds up nothing before it',
    async (t) => {
      const { publisher } = await setUp(t, {
        encode: ({ sequence, payload }) => {
          if (sequence === 18) throw new TypeError('no such thing')
          return payload
        },
      })
      t.match(await publisher.send(log.slice(0, 20), never), { acknowledged: 17 })
      const refused = { name: 'RefusedError', sequence: 18 }
      t.match(await publisher.send(log.slice(17, 37), never), { acknowledged: 0, error: refused })
      t.match(await publisher.send(log.slice(18, 30), never), { acknowledged: 12 }, 'set aside, it goes on')
    },
  )

  await t.test('a connection that breaks takes what is owed with it', async (t) => {
    const { publisher, client } = await setUp(t)
    const { acknowledged } = await publisher.send(log.slice(0, 20), never)
    const outcome = publisher.send(log.slice(acknowledged, acknowledged + 20), never)
    client.stream.destroy()
    t.match(await outcome, { error: { message: 'the connection was lost' }, broken: true })
    t.match(await publisher.send(log.slice(0, 20), never), { acknowledged: 0, broken: true })
  })
})

test('what was acknowledged of another batch does not count for one that could not be sent', async (t) => {
  const acknowledge: PacketCallback[] = []
  const sent: string[] = []
  const client = Object.assign(new MqttClient(() => new Duplex(), { manualConnect: true }), {
    connected: true,
    publish: (_topic: string, payload: string, _options: object, done: PacketCallback) => {
      sent.push(payload)
      acknowledge.push(done)
      return client
    },
  })
  const encode = ({ id }: OutboxEntry): string => id
  const publisher = new Publisher({
    client,
    topic: TOPIC,
    encode,
    inFlight: 4,
    deadlineMs: 10_000,
    window: 4,
  })
  const [first, others] = [log.slice(0, 4), log.slice(50, 54)]
  for (const [title, away, signal] of [
    ['the connection is gone', { connected: false }, never],
    ['it is being closed', { disconnecting: true }, never],
    ['it was given up', {}, AbortSignal.abort(new Error('given up'))],
  ] as const) {
    const outcome = publisher.send(first, never)
    for (const done of acknowledge.splice(0, 2)) done()
    t.match(await outcome, { acknowledged: 2 }, 'two are still owed')
    for (const done of acknowledge.splice(0)) done()
    sent.length = 0
    Object.assign(client, away)
    t.match(await publisher.send(others, signal), { acknowledged: 0, error: Error }, title)
    t.same(sent, [], 'nothing was published')
    Object.assign(client, { connected: true, disconnecting: false })
  }
})
