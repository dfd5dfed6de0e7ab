import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { Random } from '../../../drivers/simulated/random.ts'
import { until, WorkerProcess } from '../../gateway/ingest/fleet.ts'
import { natsConfig } from '../../gateway/ingest/proof.ts'
import { missing, Nats, Postgres } from '../../gateway/ingest/servers.ts'
import { fill } from '../disk/sick.ts'
import { countOf, notHere, type Outcome, type Scale } from '../outcome.ts'
import { confirmed, type Found, heldAgainst } from './final-store.ts'
import { Station } from './station.ts'

const FAMILY = 'ingest'
const STOPS = 20
const FULL = 20
const PER_SECOND = 100
/** PostgreSQL that lost its processes is back by itself within this, or a person must start it. */
const PATIENCE_MS = 5000

/** A final store that stops, dies, and has no room, below a worker at work. */
export async function* databaseFaults(scale: Scale): AsyncGenerator<Outcome> {
  const absent = missing('nats-server', 'postgresql')
  if (absent !== undefined) {
    yield notHere(FAMILY, 'all of PostgreSQL', absent)
    return
  }
  for (const fault of [stops, full]) yield await fault(scale)
}

/** Stops it at once, or kills one of its processes, which costs all of them; it is away for a while. */
export async function stops(scale: Scale): Promise<Outcome> {
  const count = countOf(scale, STOPS)
  const random = new Random(scale.seed, 6)
  const { seen, violations } = await withWorker(await Postgres.start(), async (postgres) => {
    for (let round = 0; round < count; round += 1) {
      await delay(random.between(200, 1500))
      if (round % 2 === 0) {
        await postgres.stop()
        await delay(random.between(0, 2000))
        await postgres.restart()
      } else {
        await killOne(postgres)
      }
    }
  })
  const fault = 'PostgreSQL stopped at once, or a process of it SIGKILLed, in turn'
  return { family: FAMILY, fault, count, seen, violations }
}

/** One of those that write for the worker. */
async function killOne(postgres: Postgres): Promise<void> {
  const [found] = await asked<{ pid: number }>(
    postgres,
    "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'poincon-ingest%' LIMIT 1",
  )
  if (found !== undefined) process.kill(found.pid, 'SIGKILL')
  await until(() => answers(postgres))
}

/** Its file system is filled to the last byte. */
export async function full(scale: Scale): Promise<Outcome> {
  const fault = 'PostgreSQL’s file system full (tmpfs), then room again'
  const count = countOf(scale, FULL)
  const random = new Random(scale.seed, 7)
  const postgres = await Postgres.start()
  const data = join(postgres.folder, 'data')
  const refused = await toSmallDisk(postgres, data)
  if (refused !== undefined) {
    await postgres.close()
    return notHere(FAMILY, fault, `mount: ${refused}`)
  }
  let started = 0
  const act = async (worker: WorkerProcess): Promise<void> => {
    for (let round = 0; round < count; round += 1) {
      // It tries again later and later; a full disk that it does not see is none.
      await until(() => worker.log.lastIndexOf('store back') >= worker.log.lastIndexOf('store away'))
      await delay(random.between(200, 1500))
      const said = worker.log.length
      await fill(join(data, 'filler'))
      await until(() => worker.log.slice(said).includes('store away'))
      await delay(random.between(0, 2000))
      await rm(join(data, 'filler'))
      if (await backWithin(postgres, PATIENCE_MS)) continue
      started += 1
      await postgres.stop()
      await postgres.restart()
    }
  }
  const { seen, violations } = await withWorker(postgres, (_, worker) => act(worker), [data])
  const again = `${count - started} times back by itself, ${started} times started again`
  return { family: FAMILY, fault, count, seen: `${again}; ${seen}`, violations }
}

/** Puts its files on a small file system of their own. @returns why that cannot be */
async function toSmallDisk(postgres: Postgres, data: string): Promise<string | undefined> {
  // Its own log of changes must not fill the disk before we do.
  for (const setting of ["max_wal_size = '64MB'", "min_wal_size = '32MB'"])
    await postgres.query(`ALTER SYSTEM SET ${setting}`)
  await postgres.stop()
  const { uid, gid } = await stat(data)
  const was = `${data}-was`
  await rename(data, was)
  await mkdir(data)
  const options = `size=320m,mode=700,uid=${uid},gid=${gid}`
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', data], { encoding: 'utf8' })
  if (mounted.status !== 0) return mounted.error?.message ?? mounted.stderr.trim()
  const copied = spawnSync('cp', ['-a', `${was}/.`, data], { encoding: 'utf8' })
  if (copied.status !== 0) throw new Error(copied.stderr)
  await postgres.restart()
  return undefined
}

/** A station, a broker and a worker before a PostgreSQL that things happen to; closes it. */
async function withWorker(
  postgres: Postgres,
  act: (postgres: Postgres, worker: WorkerProcess) => Promise<void>,
  mounts: readonly string[] = [],
): Promise<Found> {
  const folder = await mkdtemp(join(tmpdir(), 'poincon-ingest-'))
  const nats = await Nats.start()
  const worker = await WorkerProcess.make(postgres.folder, 'one', natsConfig(nats, postgres.database))
  try {
    await worker.start()
    const station = await Station.start(join(folder, 'store'), nats.mqttUrl)
    try {
      station.load(PER_SECOND)
      await act(postgres, worker)
      await station.loaded()
      await confirmed(station)
      const failures = worker.log.split('store away').length - 1
      const { seen, violations } = await heldAgainst(postgres, station)
      return { seen: `told ${failures} times; ${seen}`, violations }
    } finally {
      await station.close()
    }
  } finally {
    await worker.stop('SIGKILL')
    await nats.close()
    await postgres.stop()
    for (const mount of mounts) spawnSync('umount', [mount])
    await postgres.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Asks a server that may end the connection at any instant: it says so as an event, too. */
async function asked<Row extends pg.QueryResultRow>(
  { database: { name, ...where } }: Postgres,
  sql: string,
): Promise<readonly Row[]> {
  const client = new pg.Client({ ...where, database: name })
  client.on('error', () => {})
  try {
    await client.connect()
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

async function answers(postgres: Postgres): Promise<boolean> {
  return await asked(postgres, 'SELECT 1').then(
    () => true,
    () => false,
  )
}

async function backWithin(postgres: Postgres, ms: number): Promise<boolean> {
  for (const over = performance.now() + ms; performance.now() < over; await delay(50))
    if (await answers(postgres)) return true
  return false
}
