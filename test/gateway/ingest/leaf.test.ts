import tap, { test } from 'tap'
import { parse } from 'yaml'
import { Relay } from '../../fakes/relay.ts'
import { Authority } from '../mqtt/certificates.ts'
import { documented } from './documented.ts'
import { StationOut, until, WorkerProcess } from './fleet.ts'
import { AUTHOR, history } from './history.ts'
import { Hub } from './hub.ts'
import { isTheLog } from './proof.ts'
import { missing, Nats, Postgres } from './servers.ts'

// Three servers and their clients, on a machine that does other things as well.
tap.setTimeout(200_000)
const PARTS = history(AUTHOR, 1, 600)

const skip = missing('nats-server', 'postgresql')
test('the leaf node of a site, cut off for a while', { skip: skip ?? false }, async (t) => {
  const [hub, postgres] = await Promise.all([Hub.start(), Postgres.start()])
  const line = await Relay.open(hub.leafPort)
  const leaf = await Nats.start(async ({ folder, port, mqttPort }) => {
    const authority = await Authority.open(folder)
    await authority.issue('server', 'localhost')
    return `S1_PASSWORD: s1-secret\n${documented('nats-site.conf', {
      '127.0.0.1:4222': `127.0.0.1:${port}`,
      '0.0.0.0:8883': `127.0.0.1:${mqttPort}`,
      'tls://lyon:lyon-secret@n1.example:7422': `tls://lyon:lyon-secret@localhost:${line.port}`,
      '/etc/nats/ca.crt': hub.ca,
      '/etc/nats': folder,
      '/var/lib/nats': `${folder}/js`,
    })}`
  })
  t.teardown(() => Promise.all([hub.close(), postgres.close(), leaf.close(), line.close()]))
  const worker = await WorkerProcess.make(postgres.folder, 'leaf', parse(await hub.worker(postgres.database)))
  await worker.start()
  const station = new StationOut(AUTHOR, PARTS.slice(0, 200), {
    url: `mqtts://localhost:${leaf.mqttPort}`,
    stalledMs: 1000,
    endpoint: { username: 'lyon-l1-s1', password: 's1-secret', caFile: `${leaf.folder}/ca.crt` },
  })
  await station.start()
  await until(() => station.log.kept === 200)
  t.pass('through the leaf node into the plant’s stream, and confirmed back through it')

  line.closed = true
  station.log.append(...PARTS.slice(200))
  await until(() => station.log.backlog === 0)
  t.equal(station.log.kept, 200, 'the leaf node acknowledged 400 more, and the plant has none of them')
  line.closed = false
  await until(() => station.log.kept === 600)
  t.ok(Number(station.fact('resent')) > 0, `sent again: ${station.fact('resent')}`)
  await isTheLog(t, postgres, PARTS)
  await station.stop()
  t.equal(await worker.stop(), 0)
})
