/**
 * The final store: inspections/s into PostgreSQL (fsync on) by one worker's writes (checked, ledger, typed columns, the
 * text, chain followed, COMMIT a batch of 500), as a ratio to the bare rows: the same bytes into a table of one column.
 * Then a worker that empties a stream, and end to end: published by MQTT into nats-server, stored, confirmed back.
 */
import { readFileSync } from 'node:fs'
import { connect } from 'nats'
import pg from 'pg'
import { admit } from '../gateway/ingest/admission.ts'
import { INSPECTION_SUBJECT } from '../gateway/ingest/jetstream.ts'
import type { OutboxEntry } from '../gateway/outbox.ts'
import { StationOut, until, WorkerProcess } from '../test/gateway/ingest/fleet.ts'
import { AUTHOR, history, topicOf } from '../test/gateway/ingest/history.ts'
import { missing, Nats, Postgres } from '../test/gateway/ingest/servers.ts'

const COUNT = 20_000
const BATCH = 500
const RULES = { maxBytes: 1e6, hashes: 'required' } as const

const absent = missing('nats-server', 'postgresql')
if (absent === undefined) {
  const postgres = await Postgres.start({ fsync: 'on', shared_buffers: '128MB' })
  const parts = history(AUTHOR, 1, COUNT)
  try {
    await writes(postgres, parts)
    await emptied(postgres, parts)
    await endToEnd(postgres, parts.slice(0, 5000))
  } finally {
    await postgres.close()
  }
} else process.stdout.write(`${absent}\n`)

function rate(count: number, since: number): number {
  return (count / (performance.now() - since)) * 1000
}

function batches<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / BATCH) }, (_, place) =>
    all.slice(place * BATCH, (place + 1) * BATCH),
  )
}

/** Two batches at once, as the worker does. */
async function writes(postgres: Postgres, parts: readonly OutboxEntry[]): Promise<void> {
  const store = await postgres.open()
  const waiting = batches(parts.map(({ payload }) => Buffer.from(payload)))
  const write = async (): Promise<void> => {
    for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
      const looked = batch.map((payload) => admit(topicOf(AUTHOR), payload, RULES))
      await store.write(
        looked.filter((one) => 'message' in one),
        looked.filter((one) => 'reason' in one),
      )
    }
  }
  const started = performance.now()
  const before = process.cpuUsage()
  await Promise.all([write(), write()])
  const ours = rate(COUNT, started)
  const { user, system } = process.cpuUsage(before)
  const work = `${((user + system) / COUNT).toFixed(0)} µs of the worker's processor, ${await backendUs(postgres)} of PostgreSQL's`
  const bare = await bareRows(postgres, parts)
  await store.close()
  process.stdout.write(
    `final store: ${ours.toFixed(0)} inspections/s, bare rows ${bare.toFixed(0)}/s, ratio ${(ours / bare).toFixed(2)}\n`,
  )
  // On a machine that does other things as well the rate says less than the work.
  process.stdout.write(`each: ${work}\n`)
  const [size] = await postgres.query<{ row: string; ledger: string }>(`SELECT
    (SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'poincon.inspections'::regclass)
      / ${COUNT} AS row, pg_total_relation_size('poincon.ledger') / ${COUNT} AS ledger`)
  process.stdout.write(`bytes a row: ${Number(size?.row).toFixed(0)}, and ${size?.ledger} in the ledger\n`)
}

/** What the connections of the worker have used so far, µs an inspection (proc(5): clock ticks of 10 ms). */
async function backendUs(postgres: Postgres): Promise<string> {
  const backends = await postgres.query<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'poincon-ingest'",
  )
  const ticks = backends.map(({ pid }) => {
    const [, ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return Number(fields[10]) + Number(fields[11])
  })
  return ((ticks.reduce((all, one) => all + one, 0) * 10_000) / COUNT).toFixed(0)
}

async function bareRows(postgres: Postgres, parts: readonly OutboxEntry[]): Promise<number> {
  const client = new pg.Client({ ...postgres.database, database: postgres.database.name })
  await client.connect()
  await client.query('CREATE TABLE bare (payload json NOT NULL)')
  const started = performance.now()
  for (const batch of batches(parts.map(({ payload }) => payload)))
    await client.query('INSERT INTO bare SELECT unnest($1::text[])::json', [batch])
  const reached = rate(COUNT, started)
  await client.end()
  return reached
}

function configOf(nats: Nats, postgres: Postgres): object {
  return {
    source: { kind: 'nats', servers: [nats.url], replicas: 1 },
    database: postgres.database,
    confirm: { url: nats.mqttUrl },
    batch: BATCH,
  }
}

/** What lies in the stream already: how fast one worker catches up. */
async function emptied(postgres: Postgres, parts: readonly OutboxEntry[]): Promise<void> {
  await postgres.query('TRUNCATE poincon.ledger; DELETE FROM poincon.progress')
  const nats = await Nats.start()
  const connection = await connect({ servers: nats.url })
  const manager = await connection.jetstreamManager()
  await manager.streams.add({ name: 'POINCON', subjects: [INSPECTION_SUBJECT] })
  const stream = connection.jetstream()
  const subject = topicOf(AUTHOR).replaceAll('/', '.')
  for (const batch of batches(parts))
    await Promise.all(batch.map(({ payload }) => stream.publish(subject, payload)))
  await connection.close()
  const worker = await WorkerProcess.make(postgres.folder, 'bench', configOf(nats, postgres))
  try {
    const starting = performance.now()
    await worker.start()
    const up = performance.now() - starting
    const stored = async (): Promise<number> =>
      Number((await postgres.query('SELECT count(*) AS n FROM poincon.ledger'))[0]?.n)
    await until(async () => (await stored()) === COUNT)
    // Its first batches were written before it had said that it is ready: counted from the start of the process.
    process.stdout.write(
      `one worker empties a stream: ${rate(COUNT, starting).toFixed(0)}/s, its start of ${(up / 1000).toFixed(1)} s included\n`,
    )
  } finally {
    await worker.stop()
    await nats.close()
  }
}

async function endToEnd(postgres: Postgres, parts: readonly OutboxEntry[]): Promise<void> {
  await postgres.query('TRUNCATE poincon.ledger; DELETE FROM poincon.progress')
  const nats = await Nats.start()
  const worker = await WorkerProcess.make(postgres.folder, 'bench', configOf(nats, postgres))
  await worker.start()
  const station = new StationOut(AUTHOR, parts, { url: nats.mqttUrl, stalledMs: 60_000 })
  try {
    const started = performance.now()
    await station.start()
    await until(() => station.log.backlog === 0)
    const published = rate(parts.length, started)
    await until(() => station.log.kept === parts.length)
    const confirmed = rate(parts.length, started)
    process.stdout.write(
      `one station by MQTT into NATS: ${published.toFixed(0)}/s; stored and confirmed back: ${confirmed.toFixed(0)}/s\n`,
    )
  } finally {
    await station.stop()
    await worker.stop()
    await nats.close()
  }
}
