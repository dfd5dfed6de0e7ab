import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tap, { test } from 'tap'
import { z } from 'zod'
import { StationProcess } from '../../fakes/station-process.ts'
import { storedIn } from '../../fakes/stored.ts'
import { until, WorkerProcess } from './fleet.ts'
import { isTheLog, natsConfig } from './proof.ts'
import { missing, Nats, Postgres } from './servers.ts'

// Two servers, a worker and a whole station, on a machine that does other things as well.
tap.setTimeout(200_000)

const health = z.looseObject({
  units: z.array(z.looseObject({ name: z.string(), facts: z.record(z.string(), z.unknown()).optional() })),
  sinks: z.array(z.looseObject({ name: z.string(), backlog: z.number() })),
})

async function asked(station: StationProcess): Promise<z.infer<typeof health>> {
  return health.parse(JSON.parse((await station.get('/healthz')).text))
}

async function fact(station: StationProcess, unit: string, name: string): Promise<unknown> {
  return (await asked(station)).units.find((one) => one.name === unit)?.facts?.[name]
}

async function upstream(station: StationProcess): Promise<{ readonly backlog: number } | undefined> {
  return (await asked(station)).sinks.find(({ name }) => name === 'upstream')
}

const skip = missing('nats-server', 'postgresql')
test('a whole station frees what the final store has confirmed, and nothing else', {
  skip: skip ?? false,
}, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'poincon-confirmed-'))
  const [nats, postgres] = await Promise.all([Nats.start(), Postgres.start()])
  t.teardown(async () => {
    await Promise.all([nats.close(), postgres.close()])
    await rm(dir, { recursive: true, force: true })
  })
  const worker = await WorkerProcess.make(postgres.folder, 'one', natsConfig(nats, postgres.database))
  await worker.start()
  const env = {
    POINCON_DATA_DIR: dir,
    POINCON_MQTT_UPSTREAM_URL: nats.mqttUrl,
    POINCON_MQTT_UPSTREAM_PROTOCOL_VERSION: '3.1.1',
    POINCON_MQTT_UPSTREAM_CONFIRMED: 'required',
    POINCON_HEADS: '{spectral: {kind: as7341, bus: spectral}}',
    // More than any disk has: everything that may go is due at once.
    POINCON_STORE_RETENTION_KEEP_FREE_MB: '1000000000000',
  }
  // A part every 5 ms: a few are measured, the others are turned away as busy, and every one is a record.
  const first = await StationProcess.start([], { env: { ...env, POINCON_TRIGGER_PERIOD_MS: '5' } })
  t.teardown(() => first.kill())
  await until(async () => Number(await fact(first, 'confirmation', 'confirmed')) >= 40)
  await worker.stop('SIGKILL')
  const confirmed = Number(await fact(first, 'confirmation', 'confirmed'))
  // What the broker acknowledges goes on without a worker, far enough beyond the newest parts, which always stay.
  await until(async () => Number(await fact(first, 'confirmation', 'unconfirmed')) > 200)
  t.equal(await first.stop(), 0)
  const log = await storedIn(dir)

  // Sums count what the first one left; from then on nothing but the confirmation holds anything back. Retention looks at a
  // start, and then every minute.
  const idle = { ...env, POINCON_TRIGGER_KIND: 'command' }
  const second = await StationProcess.start([], { env: idle })
  t.teardown(() => second.kill())
  await until(async () => (await fact(second, 'retention', 'held_by')) === 'upstream-confirmed')
  t.equal(await second.stop(), 0)
  const station = await StationProcess.start([], { env: idle })
  t.teardown(() => station.kill())
  const kept = Number(await fact(station, 'confirmation', 'confirmed'))
  t.ok(kept >= confirmed, `${log.length} delivered, ${kept} confirmed`)
  await until(async () => (await fact(station, 'retention', 'inspections')) === log.length - kept)
  await until(async () => (await upstream(station))?.backlog === 0)
  t.strictSame(
    await storedIn(dir),
    log.slice(kept),
    'the rest is there, though the broker has acknowledged it and room is asked for',
  )

  await worker.start()
  await until(async () => (await fact(station, 'confirmation', 'confirmed')) === log.length)
  await isTheLog(t, postgres, log)
  t.equal(await station.stop(), 0)
  t.equal(await worker.stop(), 0)
})
