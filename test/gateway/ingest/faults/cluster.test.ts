import tap, { test } from 'tap'
import { StationOut, until, WorkerProcess } from '../fleet.ts'
import { AUTHOR, history } from '../history.ts'
import { isTheLog } from '../proof.ts'
import { missing, Postgres } from '../servers.ts'
import { NatsCluster } from './cluster.ts'

// Five servers and their clients, on a machine that does other things as well.
tap.setTimeout(200_000)
const PARTS = history(AUTHOR, 1, 1000)

const skip = missing('nats-server', 'postgresql')
test('three nats-servers, a leaf node, and the leader killed under load', {
  skip: skip ?? false,
}, async (t) => {
  const [cluster, postgres] = await Promise.all([NatsCluster.start(), Postgres.start()])
  t.teardown(() => Promise.all([cluster.close(), postgres.close()]))
  const [, , last] = cluster.nodes
  const worker = await WorkerProcess.make(postgres.folder, 'cluster', {
    source: { kind: 'nats', servers: cluster.urls, replicas: 3, ack_wait_s: 2 },
    database: postgres.database,
    confirm: { url: `mqtt://127.0.0.1:${last?.mqttPort}`, every_ms: 50, heartbeat_s: 0.3 },
    batch: 100,
  })
  await worker.start()
  await cluster.restart(cluster.leaf)
  const url = `mqtt://127.0.0.1:${cluster.leaf.mqttPort}`
  const station = new StationOut(AUTHOR, PARTS.slice(0, 300), { url, stalledMs: 1500 })
  await station.start()
  await until(() => station.log.kept === 300)
  t.pass('through the leaf node of a site, and confirmed back through it')
  const leader = await cluster.leaderOf('POINCON')
  station.log.append(...PARTS.slice(300))
  await until(() => station.log.position > 400)
  // The node that the leaf and the confirmations hang on comes back; another one need not.
  await leader.process?.stop('SIGKILL')
  if (leader === cluster.nodes[0] || leader === last) await cluster.restart(leader)
  await until(() => station.log.kept === 1000)
  await isTheLog(t, postgres, PARTS)
  t.comment(`sent again: ${station.fact('resent')}`)
  await station.stop()
  t.equal(await worker.stop(), 0)
})
