import tap, { test } from 'tap'
import { InfluxDb } from '../../fakes/influxdb.ts'
import { Relay } from '../../fakes/relay.ts'
import { installed } from '../../fakes/server-process.ts'
import { VictoriaMetrics } from '../../fakes/victoria-metrics.ts'
import { until, WorkerProcess } from './fleet.ts'
import { AUTHOR, history } from './history.ts'
import { isTheLog, natsConfig } from './proof.ts'
import { missing, Nats, Postgres } from './servers.ts'
import { fill, unacknowledged } from './stream.ts'

// Four servers and a worker, on a machine that does other things as well.
tap.setTimeout(200_000)
const PARTS = history(AUTHOR, 1, 450)
const ODD = { ...AUTHOR, device: 'gw-odd', station: 's2', salt: '07' }
const THIRD = { ...AUTHOR, device: 'gw-3', station: 's3', salt: '08' }

const absent = missing('nats-server', 'postgresql')
const needed = ['influxd', 'victoria-metrics'].filter((command) => !installed(command))
const skip = absent ?? (needed.length > 0 ? `NOT TESTED: install ${needed.join(', ')}` : undefined)
test('a time series database beside PostgreSQL', { skip: skip ?? false }, async (t) => {
  const [nats, postgres, influx] = await Promise.all([Nats.start(), Postgres.start(), InfluxDb.start()])
  const relay = await Relay.open(Number(new URL(influx.url).port))
  t.teardown(() => Promise.all([nats.close(), postgres.close(), influx.close(), relay.close()]))
  const sequences = async (device: string): Promise<unknown[]> =>
    (await influx.query(`SELECT sequence FROM inspection WHERE device = '${device}'`)).map(
      (row) => row.sequence,
    )
  const stored = async (): Promise<number> =>
    Number((await postgres.query('SELECT count(*) AS n FROM poincon.ledger'))[0]?.n)
  const worker = await WorkerProcess.make(
    postgres.folder,
    'both',
    natsConfig(nats, postgres.database, {
      influx: { url: `http://127.0.0.1:${relay.port}`, version: 1, database: influx.database },
    }),
  )
  const to = { servers: nats.url }

  await t.test('acknowledged when both have it', async (t) => {
    await fill(to, AUTHOR, PARTS.slice(0, 250))
    await worker.start()
    await until(async () => (await sequences('gw-1')).length === 250)
    await until(async () => (await unacknowledged(to)) === 0)
    await isTheLog(t, postgres, PARTS.slice(0, 250))
  })

  await t.test('killed between the two: the second has it after the next start, once', async (t) => {
    relay.closed = true
    await fill(to, AUTHOR, PARTS.slice(250))
    await until(async () => (await stored()) > 250)
    await until(() => worker.log.includes('store away'))
    t.equal((await sequences('gw-1')).length, 250, 'committed in PostgreSQL, and in InfluxDB none of it')
    t.ok((await unacknowledged(to)) > 0, 'so not acknowledged')
    t.equal(await worker.stop('SIGKILL'), 'SIGKILL')
    relay.closed = false
    await worker.start()
    await until(async () => (await sequences('gw-1')).length === 450)
    await until(async () => (await unacknowledged(to)) === 0)
    t.strictSame(
      await sequences('gw-1'),
      PARTS.map(({ sequence }) => sequence),
    )
    await isTheLog(t, postgres, PARTS)
  })

  await t.test('one that InfluxDB refuses is left out there, named, and holds up no other', async (t) => {
    // What another writer made of a field, in the shard of these parts.
    await fetch(`${influx.url}/write?db=${influx.database}`, {
      method: 'POST',
      body: 'inspection,device=other as7341_bad="text" 1777622400000000000',
    })
    const odd = history(ODD, 1, 40, undefined, (draft, sequence) =>
      sequence === 17 ? { ...draft, as7341: { channels: {}, saturated: [], bad: 5 } } : draft,
    )
    await fill(to, ODD, odd)
    await until(async () => (await sequences('gw-odd')).length === 39)
    await until(async () => (await unacknowledged(to)) === 0)
    t.notOk((await sequences('gw-odd')).includes(17))
    t.match(worker.log, /left out of InfluxDB/)
    t.match(worker.log, odd[16]?.id, 'by its id')
    t.equal(await stored(), 490, 'PostgreSQL has all of them')
  })
  await worker.stop()

  await t.test('VictoriaMetrics as well', async (t) => {
    const victoria = await VictoriaMetrics.start()
    t.teardown(() => victoria.close())
    const other = await WorkerProcess.make(
      postgres.folder,
      'victoria',
      natsConfig(nats, postgres.database, { influx: { url: victoria.url, text_fields: false } }),
    )
    await other.start()
    await fill(to, THIRD, history(THIRD, 1, 100))
    const volumes = async (): Promise<unknown[]> =>
      (await victoria.export('inspection_vl53l8ch_volume_mm3')).flatMap(({ values }) => values)
    await until(async () => (await volumes()).length === 100)
    await until(async () => (await unacknowledged(to)) === 0)
    t.equal(await stored(), 590)
    t.equal(await other.stop(), 0)
  })
})
