import { readFile, writeFile } from 'node:fs/promises'
import { connectAsync } from 'mqtt'
import { connect } from 'nats'
import tap, { type Test, test } from 'tap'
import { parse } from 'yaml'
import { connectionOptions } from '../../../gateway/ingest/jetstream.ts'
import { JetStreamSource } from '../../../gateway/ingest/jetstream-source.ts'
import { ingestOptions, type NatsSourceOptions } from '../../../gateway/ingest/options.ts'
import { silentLog } from '../../../gateway/log.ts'
import { Authority } from '../mqtt/certificates.ts'
import { StationOut, until, WorkerProcess } from './fleet.ts'
import { AUTHOR, history } from './history.ts'
import { Hub } from './hub.ts'
import { isTheLog } from './proof.ts'
import { missing, Postgres } from './servers.ts'

// Two servers and their clients, on a machine that does other things as well.
tap.setTimeout(200_000)
const S9 = { ...AUTHOR, station: 's9', device: 'gw-9' }
const PARTS = history(S9, 1, 300)

const skip = missing('nats-server', 'postgresql')
test('NATS with TLS, users and permissions, as it is documented', { skip: skip ?? false }, async (t) => {
  const [hub, postgres] = await Promise.all([Hub.start(), Postgres.start()])
  t.teardown(() => Promise.all([hub.close(), postgres.close()]))
  const { authority } = hub
  await authority.issue('good', 'localhost')
  await authority.issue('expired', 'localhost', -1)
  const stranger = await Authority.open(hub.server.folder, 'stranger')
  const config: unknown = parse(await hub.worker(postgres.database))
  const stationOf = (endpoint: object, entries = PARTS): StationOut =>
    new StationOut(S9, entries, {
      url: hub.mqttUrl,
      stalledMs: 5000,
      endpoint: { username: 'lyon-l1-s9', password: 's9-secret', caFile: hub.ca, ...endpoint },
    })
  /** Starts, says that it is refused and why, goes on when it is put right. */
  async function sourceSays(
    t: Test,
    change: object,
    why: RegExp,
    putRight: () => Promise<void>,
  ): Promise<void> {
    const one = new JetStreamSource({
      ...{ nats: { ...natsOf(config), ...change }, name: 'refused', ahead: 10, log: silentLog },
      backoff: { firstMs: 20, longestMs: 100 },
    })
    const started = one.start(() => {})
    await until(() => why.test(one.trouble ?? ''))
    t.match(one.trouble, hub.url, 'with the server')
    await putRight()
    await started
    t.equal(one.trouble, undefined)
    await one.pause()
    await one.close()
  }

  await t.test(
    'a worker whose password is refused says so, tries again, and works when it is right',
    async (t) => {
      const password = authority.file('ingest.password')
      await writeFile(password, 'wrong')
      const worker = await WorkerProcess.make(postgres.folder, 'secured', config)
      await worker.start('NATS away')
      t.match(worker.log, /Authorization Violation/)
      await until(() => worker.log.includes('"broker away"'))
      t.match(worker.log, /Not authorized/, 'and the way of the confirmations')
      await writeFile(password, 'ingest-secret')
      await until(() => worker.log.includes('"ready"'))
      const station = stationOf({})
      await station.start()
      await until(() => station.log.kept === 300)
      await isTheLog(t, postgres, PARTS)
      await station.stop()
      t.equal(await worker.stop(), 0)
    },
  )

  await t.test('a certificate that nobody vouches for', async (t) => {
    const file = authority.file('trusted.crt')
    await writeFile(file, await readFile(stranger.file('stranger.crt')))
    await sourceSays(t, { ca_file: file }, /self-signed certificate|unable to verify/, async () =>
      writeFile(file, await readFile(hub.ca)),
    )
  })

  await t.test('a certificate that has run out, for the worker and for a station', async (t) => {
    await hub.show('expired')
    const station = stationOf({})
    await station.start()
    await until(() => /certificate has expired/.test(station.sink.status().detail ?? ''))
    await sourceSays(t, {}, /certificate has expired/, () => hub.show('good'))
    await until(() => station.log.backlog === 0)
    t.pass('and delivers when it is renewed')
    await station.stop()
  })

  await t.test('stations: a wrong password, a wrong authority', async (t) => {
    for (const [endpoint, why] of [
      [{ password: 'wrong' }, /Not authorized/],
      [{ caFile: stranger.file('stranger.crt') }, /self-signed certificate|unable to verify/],
    ] as const) {
      const station = stationOf(endpoint)
      await station.start()
      await until(() => why.test(station.sink.status().detail ?? ''))
      t.match(station.sink.status(), { state: 'degraded' })
      await station.stop()
    }
  })

  await t.test('a station may not speak for another', async (t) => {
    const connection = await connect(await connectionOptions(natsOf(config), 'looks'))
    const { streams } = await connection.jetstreamManager()
    const kept = async (): Promise<number> => (await streams.info('POINCON')).state.last_seq
    const before = await kept()
    const station = await connectAsync(hub.mqttUrl, {
      ...{ protocolVersion: 4, clientId: 'gw-9', username: 'lyon-l1-s9', password: 's9-secret' },
      ca: await readFile(hub.ca),
    })
    await station.publishAsync('poincon/lyon/l1/s1/inspection', '{}', { qos: 1 })
    await station.publishAsync('poincon/lyon/l1/s9/inspection', '{}', { qos: 1 })
    await until(async () => (await kept()) > before)
    t.equal(await kept(), before + 1, 'acknowledged both, and kept its own alone')
    await station.endAsync()
    await connection.close()
  })
})

function natsOf(config: unknown): NatsSourceOptions {
  const { source } = ingestOptions.parse(config)
  if (source.kind !== 'nats') throw new Error('another source')
  return source
}
