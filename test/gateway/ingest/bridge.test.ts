import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tap, { test } from 'tap'
import { parse } from 'yaml'
import { Relay } from '../../fakes/relay.ts'
import { freePort, ServerProcess } from '../../fakes/server-process.ts'
import { Authority } from '../mqtt/certificates.ts'
import { documented } from './documented.ts'
import { StationOut, until, WorkerProcess } from './fleet.ts'
import { AUTHOR, history } from './history.ts'
import { isTheLog } from './proof.ts'
import { missing, Postgres } from './servers.ts'

// Three servers and their clients, on a machine that does other things as well.
tap.setTimeout(200_000)
const PARTS = history(AUTHOR, 1, 600)
const USERS = { ingest: 'ingest-secret', lyon: 'lyon-secret' }

/** A mosquitto with this configuration, listening on this port. */
async function mosquitto(folder: string, name: string, port: number, config: string): Promise<ServerProcess> {
  const file = join(folder, `${name}.conf`)
  await writeFile(file, `user root\n${config}`)
  return await ServerProcess.start('mosquitto', ['-c', file], async () => {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.destroy()
  })
}

/** The plant's broker as `docs/fleet` has it. */
async function plant(folder: string, port: number): Promise<ServerProcess> {
  const authority = await Authority.open(folder)
  await authority.issue('server', 'localhost')
  await writeFile(join(folder, 'acl'), documented('mosquitto-plant.acl', {}))
  const text = Object.entries(USERS).map((pair) => pair.join(':'))
  await writeFile(join(folder, 'passwords'), `${text.join('\n')}\n`)
  spawnSync('mosquitto_passwd', ['-U', join(folder, 'passwords')])
  const config = documented('mosquitto-plant.conf', {
    'listener 8883': `listener ${port} 127.0.0.1`,
    '/etc/mosquitto': folder,
    '/var/lib/mosquitto/': `${folder}/plant-`,
  })
  return await mosquitto(folder, 'plant', port, config)
}

const skip = missing('mosquitto', 'postgresql')
test('a site’s broker with a bridge to the plant’s, and a worker that shares the subscription there', {
  skip: skip ?? false,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-bridge-'))
  const [plantPort, sitePort] = [await freePort(), await freePort()]
  const [postgres, far] = await Promise.all([Postgres.start(), plant(folder, plantPort)])
  const line = await Relay.open(plantPort)
  const near = await mosquitto(
    folder,
    'site',
    sitePort,
    documented('mosquitto-site.conf', {
      'listener 1883': `listener ${sitePort} 127.0.0.1`,
      'plant.example:8883': `localhost:${line.port}`,
      '/etc/mosquitto/ca.crt': join(folder, 'ca.crt'),
      '/var/lib/mosquitto/': `${folder}/site-`,
    }),
  )
  t.teardown(async () => {
    await Promise.all([near.stop(), far.stop(), line.close(), postgres.close()])
    await rm(folder, { recursive: true, force: true })
  })
  const password = join(folder, 'ingest.password')
  const config: unknown = parse(
    documented('ingest-mqtt.yaml', {
      'mqtts://plant.example:8883': `mqtts://localhost:${plantPort}`,
      '/etc/poincon/secrets/mqtt': password,
      '/etc/poincon/ca.crt': join(folder, 'ca.crt'),
      'host: /run/postgresql': `host: ${postgres.database.host}\n  port: ${postgres.database.port}`,
      'confirm:': 'batch: 100\nconfirm:\n  every_ms: 50\n  heartbeat_s: 0.3',
    }),
  )

  await t.test('a worker whose password is refused says so and goes on trying', async (t) => {
    await writeFile(password, 'wrong')
    const refused = await WorkerProcess.make(postgres.folder, 'refused', config)
    await refused.start('"broker away"')
    await until(() => /Connection refused: (Not authorized|Bad User)/i.test(refused.log))
    t.equal(await refused.stop(), 0, 'and stops in order')
    await writeFile(password, USERS.ingest)
  })

  const workers = [
    await WorkerProcess.make(postgres.folder, 'one', config),
    await WorkerProcess.make(postgres.folder, 'two', config),
  ]
  await Promise.all(workers.map((worker) => worker.start('"subscribed"')))
  const station = new StationOut(AUTHOR, PARTS.slice(0, 200), {
    url: `mqtt://127.0.0.1:${sitePort}`,
    stalledMs: 5000,
  })
  await station.start()
  await until(() => station.log.kept === 200)
  t.pass('over the bridge into PostgreSQL, and confirmed back over the bridge')
  line.closed = true
  station.log.append(...PARTS.slice(200))
  await until(() => station.log.backlog === 0)
  t.equal(station.log.kept, 200, 'the line is down: the site’s broker has them')
  line.closed = false
  await until(() => station.log.kept === 600)
  await isTheLog(t, postgres, PARTS)
  await station.stop()
  for (const worker of workers) t.equal(await worker.stop(), 0)
})
