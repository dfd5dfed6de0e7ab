import type { ClientBase } from 'pg'
import { StoreUnfitError } from './error.ts'
import { SCHEMA_STEPS } from './schema.ts'

/** What the final store stands on. */
export type Flavour = 'plain' | 'timescale'

/** One migration at a time, whoever starts first: any number, the same in every release. */
const MIGRATION_LOCK = 727_001

/**
 * Brings the schema `poincon` to this release, each step in a transaction of its own; a store of a newer release is left
 * alone. What it was made on stays: an extension that comes later changes nothing by itself.
 * @throws StoreUnfitError of a newer release
 */
export async function migrate(
  client: ClientBase,
): Promise<{ readonly steps: number; readonly flavour: Flavour }> {
  await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK])
  try {
    await client.query(`CREATE SCHEMA IF NOT EXISTS poincon;
      CREATE TABLE IF NOT EXISTS poincon.schema_steps
        (step integer PRIMARY KEY, flavour text NOT NULL, at timestamptz NOT NULL DEFAULT now())`)
    const done = await client.query<{ steps: number; flavour: Flavour | null }>(
      'SELECT count(*)::integer AS steps, min(flavour) AS flavour FROM poincon.schema_steps',
    )
    const { steps = 0, flavour: before = null } = done.rows[0] ?? {}
    if (steps > SCHEMA_STEPS.length)
      throw new StoreUnfitError(`the store has ${steps} steps, this release knows ${SCHEMA_STEPS.length}`)
    const flavour = before ?? (await found(client))
    for (const [place, step] of SCHEMA_STEPS.entries()) {
      if (place >= steps) await take(client, place + 1, { flavour, sql: step[flavour] })
    }
    return { steps: SCHEMA_STEPS.length, flavour }
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => {})
  }
}

async function found(client: ClientBase): Promise<Flavour> {
  const { rowCount } = await client.query("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'")
  return rowCount === 0 ? 'plain' : 'timescale'
}

async function take(
  client: ClientBase,
  step: number,
  { flavour, sql }: { readonly flavour: Flavour; readonly sql: string },
): Promise<void> {
  try {
    await client.query(`BEGIN; ${sql}`)
    await client.query('INSERT INTO poincon.schema_steps (step, flavour) VALUES ($1, $2)', [step, flavour])
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}

/**
 * Lets what is older go: whole partitions, or chunks by the extension's own job. The ledger keeps what was taken.
 * @param days at least 1
 */
export async function keepFor(
  client: ClientBase,
  flavour: Flavour,
  days: number,
): Promise<readonly string[]> {
  if (flavour === 'timescale') {
    await keepChunksFor(client, days)
    return []
  }
  const { rows } = await client.query<{ part: string }>(
    `SELECT c.relname AS part FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'poincon.inspections'::regclass AND c.relname ~ '^inspections_[0-9]{4}_[0-9]{2}$'
       AND to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' <= now() - make_interval(days => $1)
     ORDER BY 1`,
    [days],
  )
  for (const { part } of rows)
    await client.query(`DROP TABLE IF EXISTS poincon.${client.escapeIdentifier(part)}`)
  return rows.map(({ part }) => part)
}

/** A job that is as it must be is left alone: made anew it would run at once, and its history would be gone. */
async function keepChunksFor(client: ClientBase, days: number): Promise<void> {
  await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK])
  try {
    const { rowCount } = await client.query(
      `SELECT FROM timescaledb_information.jobs WHERE proc_name = 'policy_retention'
         AND hypertable_schema = 'poincon' AND hypertable_name = 'inspections'
         AND (config ->> 'drop_after')::interval = make_interval(days => $1)`,
      [days],
    )
    if (rowCount !== 0) return
    await client.query("SELECT remove_retention_policy('poincon.inspections', if_exists => true)")
    await client.query("SELECT add_retention_policy('poincon.inspections', make_interval(days => $1))", [
      days,
    ])
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => {})
  }
}
