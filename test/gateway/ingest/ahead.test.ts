import { connect } from 'nats'
import { test } from 'tap'
import type { Arrival } from '../../../gateway/ingest/arrival.ts'
import { waitingIn } from '../../../gateway/ingest/jetstream.ts'
import { JetStreamSource } from '../../../gateway/ingest/jetstream-source.ts'
import { ingestOptions } from '../../../gateway/ingest/options.ts'
import { silentLog } from '../../../gateway/log.ts'
import { until } from './fleet.ts'
import { missing, Nats } from './servers.ts'

const AHEAD = 50

test('a worker holds no more than it asked for, however slow its database is', {
  skip: missing('nats-server') ?? false,
}, async (t) => {
  const server = await Nats.start()
  const connection = await connect({ servers: [server.url] })
  t.teardown(async () => {
    await connection.close()
    await server.close()
  })
  const { source: nats } = ingestOptions.parse({
    source: { kind: 'nats', servers: [server.url], replicas: 1 },
  })
  if (nats.kind !== 'nats') throw new Error('another source')
  const source = new JetStreamSource({ nats, name: 'slow', ahead: AHEAD, log: silentLog })
  const held: Arrival[] = []
  await source.start((arrival) => held.push(arrival))
  const stream = connection.jetstream()
  for (let part = 0; part < 500; part += 1) await stream.publish('poincon.lyon.l1.s1.inspection', `${part}`)
  await until(() => held.length >= AHEAD)
  t.match(await waitingIn(connection, nats), { unacknowledged: AHEAD, pending: 450 })
  for (const arrival of held.splice(0, 30)) arrival.acknowledge()
  await until(() => held.length >= AHEAD)
  t.equal(held.length, AHEAD, 'as many again as were answered')
  t.match(await waitingIn(connection, nats), { unacknowledged: AHEAD, pending: 420 })
  await source.pause()
  for (const arrival of held) arrival.release()
  await source.close()
})
