/**
 * The final store: inspections/s into PostgreSQL by one worker's writes (checked, ledger, typed columns, JSONB, chain
 * followed, COMMIT a batch of 500), as a ratio to the bare rows: the same bytes into a table of one jsonb column. Then end
 * to end: published by MQTT into nats-server, stored by a worker, confirmed back.
 */
import pg from 'pg'
import { admit } from '../gateway/ingest/admission.ts'
import { StationOut, until, WorkerProcess } from '../test/gateway/ingest/fleet.ts'
import { AUTHOR, history, topicOf } from '../test/gateway/ingest/history.ts'
import { natsConfig } from '../test/gateway/ingest/proof.ts'
import { missing, Nats, Postgres } from '../test/gateway/ingest/servers.ts'

const COUNT = 5000
const BATCH = 500

const absent = missing('nats-server', 'postgresql')
if (absent === undefined) {
  const postgres = await Postgres.start()
  try {
    await writes(postgres)
    await endToEnd(postgres)
  } finally {
    await postgres.close()
  }
} else process.stdout.write(`${absent}\n`)

async function writes(postgres: Postgres): Promise<void> {
  const parts = history(AUTHOR, 1, COUNT)
  const store = await postgres.open()
  const started = performance.now()
  for (let from = 0; from < COUNT; from += BATCH) {
    const looked = parts
      .slice(from, from + BATCH)
      .map(({ payload }) =>
        admit(topicOf(AUTHOR), Buffer.from(payload), { maxBytes: 1e6, hashes: 'required' }),
      )
    await store.write(
      looked.filter((one) => 'message' in one),
      looked.filter((one) => 'reason' in one),
    )
  }
  const ours = (COUNT / (performance.now() - started)) * 1000
  const bare = await bareRows(
    postgres,
    parts.map(({ payload }) => payload),
  )
  await store.close()
  process.stdout.write(
    `final store: ${ours.toFixed(0)} inspections/s, bare rows ${bare.toFixed(0)}/s, ratio ${(ours / bare).toFixed(2)}\n`,
  )
  const [size] = await postgres.query<{ row: string; ledger: string }>(`SELECT
    (SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'poincon.inspections'::regclass)
      / ${COUNT} AS row, pg_total_relation_size('poincon.ledger') / ${COUNT} AS ledger`)
  process.stdout.write(`bytes a row: ${Number(size?.row).toFixed(0)}, and ${size?.ledger} in the ledger\n`)
}

async function bareRows(postgres: Postgres, payloads: readonly string[]): Promise<number> {
  const client = new pg.Client({ ...postgres.database, database: postgres.database.name })
  await client.connect()
  await client.query('CREATE TABLE bare (payload jsonb NOT NULL)')
  const started = performance.now()
  for (let from = 0; from < COUNT; from += BATCH) {
    await client.query('INSERT INTO bare SELECT unnest($1::text[])::jsonb', [
      payloads.slice(from, from + BATCH),
    ])
  }
  const rate = (COUNT / (performance.now() - started)) * 1000
  await client.end()
  return rate
}

async function endToEnd(postgres: Postgres): Promise<void> {
  await postgres.query('TRUNCATE poincon.ledger; DELETE FROM poincon.progress')
  const nats = await Nats.start()
  const config = natsConfig(nats, postgres.database, { batch: BATCH })
  const worker = await WorkerProcess.make(postgres.folder, 'bench', config)
  await worker.start()
  const station = new StationOut(AUTHOR, history(AUTHOR, 1, COUNT), { url: nats.mqttUrl, stalledMs: 60_000 })
  try {
    const started = performance.now()
    await station.start()
    await until(() => station.log.backlog === 0)
    const published = performance.now() - started
    await until(() => station.log.kept === COUNT)
    const confirmed = performance.now() - started
    const rate = (ms: number): string => ((COUNT / ms) * 1000).toFixed(0)
    process.stdout.write(
      `MQTT → NATS: ${rate(published)}/s; stored and confirmed back: ${rate(confirmed)}/s\n`,
    )
  } finally {
    await station.stop()
    await worker.stop()
    await nats.close()
  }
}
