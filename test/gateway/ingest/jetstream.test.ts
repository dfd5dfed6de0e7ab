import { connect } from 'nats'
import tap, { test } from 'tap'
import { JetStreamSource } from '../../../gateway/ingest/jetstream-source.ts'
import { ingestOptions } from '../../../gateway/ingest/options.ts'
import { silentLog } from '../../../gateway/log.ts'
import { StationOut, until, WorkerProcess } from './fleet.ts'
import { AUTHOR, history, topicOf } from './history.ts'
import { isTheLog, natsConfig } from './proof.ts'
import { missing, Nats, Postgres } from './servers.ts'

// Three servers and their clients, on a machine that does other things as well.
tap.setTimeout(200_000)
const PARTS = history(AUTHOR, 1, 2300)

const skip = missing('nats-server', 'postgresql')
test('inspections through NATS JetStream into PostgreSQL', { skip: skip ?? false }, async (t) => {
  const [nats, postgres] = await Promise.all([Nats.start(), Postgres.start()])
  t.teardown(() => Promise.all([nats.close(), postgres.close()]))
  const stored = async (): Promise<number> =>
    Number((await postgres.query('SELECT count(*) AS n FROM poincon.ledger'))[0]?.n)

  await t.test('two workers, one of them killed in the middle', async (t) => {
    const config = natsConfig(nats, postgres.database)
    const one = await WorkerProcess.make(postgres.folder, 'one', config)
    const two = await WorkerProcess.make(postgres.folder, 'two', config)
    await Promise.all([one.start(), two.start()])
    const station = new StationOut(AUTHOR, PARTS.slice(0, 2000), { url: nats.mqttUrl, stalledMs: 4000 })
    await station.start()
    await until(async () => (await stored()) > 300)
    t.equal(await one.stop('SIGKILL'), 'SIGKILL')
    const atKill = await stored()
    t.ok(atKill < 2000, `killed with ${atKill} of 2000 stored`)
    await one.start()
    await until(() => station.log.kept === 2000)
    await isTheLog(t, postgres, PARTS.slice(0, 2000))
    // The station looks at what it was told once in a while.
    await until(() => station.fact('standing') === 'confirmed')
    t.match(station.watch.status(), {
      state: 'ok',
      facts: { confirmed: 2000, unconfirmed: 0, standing: 'confirmed' },
    })
    await station.stop()
    t.strictSame([await one.stop(), await two.stop()], [0, 0], 'a clean stop is exit code 0')
    t.match(two.log, /"stopped"/)
  })

  await t.test('a database that goes away holds up, and loses nothing', async (t) => {
    const station = new StationOut(AUTHOR, PARTS.slice(0, 2000), { url: nats.mqttUrl, stalledMs: 3000 })
    const worker = await WorkerProcess.make(postgres.folder, 'away', natsConfig(nats, postgres.database))
    await worker.start()
    station.log.position = station.log.entries.length
    await station.start()
    await until(() => station.log.kept === 2000)
    await postgres.stop()
    station.log.append(...PARTS.slice(2000, 2200))
    await until(() => worker.log.includes('store away'))
    await postgres.restart()
    await until(() => station.log.kept === 2200)
    await isTheLog(t, postgres, PARTS.slice(0, 2200))
    await station.stop()
    t.equal(await worker.stop(), 0)
  })

  await t.test('poison holds up nobody', async (t) => {
    const worker = await WorkerProcess.make(postgres.folder, 'poison', natsConfig(nats, postgres.database))
    const station = new StationOut(AUTHOR, PARTS.slice(0, 2200), { url: nats.mqttUrl, stalledMs: 3000 })
    station.log.position = station.log.entries.length
    await station.start()
    await until(() => station.sink.status().state === 'ok')
    const { connectAsync } = await import('mqtt')
    const hostile = await connectAsync(nats.mqttUrl, { protocolVersion: 4, clientId: 'hostile' })
    await hostile.publishAsync(topicOf(AUTHOR), 'no JSON', { qos: 1 })
    await hostile.publishAsync('poincon/lyon/l1/s9/inspection', PARTS[3]?.payload ?? '', { qos: 1 })
    await hostile.endAsync()
    await worker.start()
    station.log.append(...PARTS.slice(2200))
    await until(() => station.log.kept === 2300)
    const aside = await postgres.query('SELECT reason FROM poincon.quarantine ORDER BY reason')
    t.strictSame(aside, [{ reason: 'misplaced' }, { reason: 'not_json' }])
    await station.stop()
    await worker.stop()
  })
  await t.test(
    'a stream that somebody removes is made again, and so is a connection that is over',
    async (t) => {
      const { source } = ingestOptions.parse(natsConfig(nats, postgres.database))
      if (source.kind !== 'nats') throw new Error('another source')
      const connection = await connect({ servers: nats.url })
      const manager = await connection.jetstreamManager()
      const taken: Uint8Array[] = []
      const one = new JetStreamSource({
        ...{
          nats: { ...source, stream: 'SPARE', consumer: 'spare' },
          name: 'spare',
          ahead: 10,
          log: silentLog,
        },
        backoff: { firstMs: 20, longestMs: 100 },
      })
      await manager.streams.delete('POINCON')
      await one.start(({ payload, acknowledge }) => {
        taken.push(payload)
        acknowledge()
      })
      await manager.streams.delete('SPARE')
      await until(() => one.trouble !== undefined)
      t.match(one.trouble, /no longer|not found|deleted|ended/)
      await until(() => one.trouble === undefined)
      const subject = topicOf(AUTHOR).replaceAll('/', '.')
      await connection.jetstream().publish(subject, 'after it was removed')
      await until(() => taken.length === 1)
      await nats.kill()
      await until(() => /REFUSED/.test(one.trouble ?? ''))
      await nats.restart()
      await until(() => one.trouble === undefined)
      const again = await connect({ servers: nats.url })
      await again.jetstream().publish(subject, 'after it was away for long')
      await until(() => taken.length === 2)
      await again.close()
      await one.pause()
      await one.close()
      await connection.close()
    },
  )
})
