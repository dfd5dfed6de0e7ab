import tap, { test } from 'tap'
import { JetStreamSource } from '../../../gateway/ingest/jetstream-source.ts'
import { ingestOptions } from '../../../gateway/ingest/options.ts'
import { silentLog } from '../../../gateway/log.ts'
import { StationOut, until, WorkerProcess } from './fleet.ts'
import { AUTHOR, history } from './history.ts'
import { isTheLog, natsConfig } from './proof.ts'
import { missing, Nats, Postgres } from './servers.ts'

// Three servers and their clients, on a machine that does other things as well.
tap.setTimeout(200_000)
const PARTS = history(AUTHOR, 1, 600)

const skip = missing('nats-server', 'postgresql')
test('a store whose unsynced tail is lost is filled again', { skip: skip ?? false }, async (t) => {
  const [nats, postgres] = await Promise.all([Nats.start(), Postgres.start()])
  t.teardown(() => Promise.all([nats.close(), postgres.close()]))

  // The stream is there before anything is published.
  const { source } = ingestOptions.parse(natsConfig(nats, postgres.database))
  if (source.kind !== 'nats') throw new Error('another source')
  const first = new JetStreamSource({ nats: source, name: 'first', ahead: 1, log: silentLog })
  await first.start(() => {})
  await first.pause()
  await first.close()
  const config = natsConfig(nats, postgres.database)
  const worker = await WorkerProcess.make(postgres.folder, 'tail', config)
  const station = new StationOut(AUTHOR, PARTS, { url: nats.mqttUrl, stalledMs: 700 })
  await station.start()
  await until(() => station.log.backlog === 0)
  t.equal(station.log.kept, 0, 'every one acknowledged by the broker, none confirmed')
  await nats.kill()
  const lost = await nats.loseTail('POINCON', 0.9)
  t.ok(lost > 100_000, `${lost} bytes of the stream are gone`)
  await nats.restart()
  await worker.start()
  await until(() => station.log.kept === 600)
  t.ok(Number(station.fact('resent')) > 0, `sent again: ${station.fact('resent')}`)
  await isTheLog(t, postgres, PARTS)
  await station.stop()
  await worker.stop()
})
