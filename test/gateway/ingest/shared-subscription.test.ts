import tap, { test } from 'tap'
import { Mosquitto } from '../../fakes/mosquitto.ts'
import { StationOut, until, WorkerProcess } from './fleet.ts'
import { AUTHOR, history } from './history.ts'
import { isTheLog } from './proof.ts'
import { missing, Postgres } from './servers.ts'

// Three servers and their clients, on a machine that does other things as well.
tap.setTimeout(200_000)
const PARTS = history(AUTHOR, 1, 1000)

const skip = missing('mosquitto', 'postgresql')
test('inspections through a shared subscription', { skip: skip ?? false }, async (t) => {
  const postgres = await Postgres.start()
  const broker = await Mosquitto.start(() => ['max_queued_messages 100', 'max_inflight_messages 50'])
  t.teardown(() => Promise.all([broker.close(), postgres.close()]))
  const worker = await WorkerProcess.make(postgres.folder, 'slow', {
    source: { kind: 'mqtt', url: broker.url },
    database: postgres.database,
    confirm: { url: broker.url, every_ms: 50, heartbeat_s: 0.3 },
    batch: 50,
    gather_ms: 5,
  })
  await worker.start('"subscribed"')
  const station = new StationOut(AUTHOR, PARTS, { url: broker.url, stalledMs: 700 })
  worker.freeze()
  await station.start()
  await until(() => station.log.backlog === 0)
  t.equal(station.log.kept, 0, 'the broker acknowledged 1000 and kept 150 of them')
  worker.thaw()
  await until(() => station.log.kept === 1000)
  t.ok(Number(station.fact('resent')) > 0, `sent again: ${station.fact('resent')}`)
  await isTheLog(t, postgres, PARTS)
  t.equal(await worker.stop(), 0)
  await station.stop()
})
