import type { ClientBase } from 'pg'
import type { Admitted, Refused } from './admission.ts'

/** A log of one device. */
export interface LogName {
  readonly deviceId: string
  readonly epoch: string
}

/** In the order in which every worker inserts and locks, so that two never wait for each other. */
export function inOrder(batch: readonly Admitted[]): Admitted[] {
  return batch.toSorted(({ message: a }, { message: b }) => {
    if (a.device_id !== b.device_id) return a.device_id < b.device_id ? -1 : 1
    if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1
    return a.sequence - b.sequence
  })
}

/** The rows that are new, in order; what is left out is there already, or contradicts what is there. */
export async function insertLedger(client: ClientBase, sorted: readonly Admitted[]): Promise<Admitted[]> {
  const messages = sorted.map(({ message }) => message)
  const { rows } = await client.query<{ place: number }>(
    `WITH came AS (
       SELECT * FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::uuid[], $5::timestamptz[], $6::text[], $7::text[])
         WITH ORDINALITY AS c (device_id, epoch, sequence, id, at, previous, hash, place)
     ), taken AS (
       INSERT INTO poincon.ledger (device_id, epoch, sequence, id, at, previous, hash)
       SELECT device_id, epoch, sequence, id, at, decode(previous, 'hex'), decode(hash, 'hex') FROM came ORDER BY place
       ON CONFLICT DO NOTHING RETURNING device_id, epoch, sequence, hash
     )
     SELECT min(place)::integer AS place FROM came JOIN taken t USING (device_id, epoch, sequence)
     WHERE t.hash = decode(came.hash, 'hex') GROUP BY device_id, epoch, sequence ORDER BY 1`,
    [
      messages.map((message) => message.device_id),
      messages.map((message) => message.epoch),
      messages.map((message) => message.sequence),
      messages.map((message) => message.id),
      messages.map((message) => message.timestamp),
      messages.map((message) => message.provenance.previous),
      messages.map((message) => message.provenance.hash),
    ],
  )
  return rows.flatMap(({ place }) => sorted.slice(place - 1, place))
}

/** The rows themselves: only what `insertLedger` took. */
export async function insertInspections(client: ClientBase, taken: readonly Admitted[]): Promise<void> {
  if (taken.length === 0) return
  const messages = taken.map(({ message }) => message)
  const graded = messages.map(({ verdict }) => (verdict.kind === 'graded' ? verdict : undefined))
  await client.query(
    `INSERT INTO poincon.inspections (at, id, device_id, epoch, sequence, site, line, station, lot_id, sample_id,
       recipe_id, recipe_revision, verdict, action, grade, score, mass_g, volume_mm3, dry_run, verified, payload)
     SELECT * FROM unnest($1::timestamptz[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::text[], $7::text[],
       $8::text[], $9::text[], $10::text[], $11::text[], $12::integer[], $13::text[], $14::text[], $15::text[],
       $16::float8[], $17::float8[], $18::float8[], $19::boolean[], $20::boolean[], $21::jsonb[])`,
    [
      messages.map((message) => message.timestamp),
      messages.map((message) => message.id),
      messages.map((message) => message.device_id),
      messages.map((message) => message.epoch),
      messages.map((message) => message.sequence),
      messages.map((message) => message.site),
      messages.map((message) => message.line),
      messages.map((message) => message.station),
      messages.map((message) => message.lot_id),
      messages.map((message) => message.sample_id),
      messages.map((message) => message.recipe.id),
      messages.map((message) => message.recipe.revision),
      messages.map((message) => message.verdict.kind),
      messages.map((message) => message.verdict.action),
      graded.map((verdict) => verdict?.grade ?? null),
      graded.map((verdict) => verdict?.score ?? null),
      messages.map((message) => message.mass_g?.estimate ?? null),
      messages.map((message) => message.vl53l8ch?.volume_mm3 ?? null),
      messages.map((message) => message.dry_run ?? false),
      taken.map(({ verified }) => verified),
      taken.map(({ payload }) => payload),
    ],
  )
}

/** What contradicts what is there: the same place or id with other content. Repeats are none. */
export async function contradictions(
  client: ClientBase,
  others: readonly Admitted[],
): Promise<Map<Admitted, string>> {
  const found = new Map<Admitted, string>()
  if (others.length === 0) return found
  const messages = others.map(({ message }) => message)
  const { rows } = await client.query<{ place: number; held: string | null }>(
    `SELECT place::integer, encode(l.hash, 'hex') AS held
     FROM unnest($1::text[], $2::uuid[], $3::bigint[]) WITH ORDINALITY AS c (device_id, epoch, sequence, place)
     LEFT JOIN poincon.ledger l USING (device_id, epoch, sequence)`,
    [
      messages.map((message) => message.device_id),
      messages.map((message) => message.epoch),
      messages.map((message) => message.sequence),
    ],
  )
  for (const { place, held } of rows) {
    const other = others[place - 1]
    if (other !== undefined && held !== other.message.provenance.hash) found.set(other, held ?? '')
  }
  return found
}

/** Notes who was heard, and follows the chains; logs in the order of `inOrder`. */
export async function noteProgress(
  client: ClientBase,
  sorted: readonly Admitted[],
  taken: readonly Admitted[],
): Promise<void> {
  const logs = new Map<string, { readonly newest: Admitted; readonly count: number }>()
  const keyOf = ({ message }: Admitted): string => `${message.device_id} ${message.epoch}`
  for (const one of sorted) logs.set(keyOf(one), { newest: one, count: 0 })
  for (const one of taken) {
    const log = logs.get(keyOf(one))
    if (log !== undefined) logs.set(keyOf(one), { ...log, count: log.count + 1 })
  }
  for (const { newest, count } of logs.values()) {
    const { device_id, epoch, site, line, station } = newest.message
    await client.query(
      `INSERT INTO poincon.progress (device_id, epoch, site, line, station, held) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (device_id, epoch) DO UPDATE SET site = excluded.site, line = excluded.line,
         station = excluded.station, held = progress.held + excluded.held, heard_at = now()`,
      [device_id, epoch, site, line, station, count],
    )
    if (count > 0) await client.query('SELECT poincon.follow($1, $2)', [device_id, epoch])
  }
}

/** Keeps what was refused, with the reason; the same again is counted. */
export async function setAside(client: ClientBase, refused: readonly Refused[]): Promise<void> {
  for (const { topic, payload, reason, detail } of refused) {
    await client.query(
      `INSERT INTO poincon.quarantine (topic, sha256, reason, detail, payload)
       VALUES ($1, sha256($4), $2, $3, $4)
       ON CONFLICT (topic, sha256) DO UPDATE SET times = quarantine.times + 1, last_at = now(),
         reason = excluded.reason, detail = excluded.detail`,
      // PostgreSQL holds no NUL in a text.
      [topic.replaceAll('\0', '\\0'), reason, detail.replaceAll('\0', '\\0'), Buffer.from(payload)],
    )
  }
}
