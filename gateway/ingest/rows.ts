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
      messages.map((message) => message.previous),
      messages.map((message) => message.hash),
    ],
  )
  return rows.flatMap(({ place }) => sorted.slice(place - 1, place))
}

/** JSON holds no control character outside an escape, so none of it ends early here. */
const BETWEEN = '\x1e'
/** What `json` takes as text and `jsonb` does not: NUL, half a surrogate pair, an exponent beyond all measure. */
const SUSPECT = /\\u(?:0000|[dD][89a-fA-F])|[eE][+-]?\d{4,}[,\]}\s]/
/** And a number of more digits than `numeric` has behind its point. */
const ENDLESS = /\d{16000}/
const isSuspect = ({ payload }: Admitted): boolean =>
  SUSPECT.test(payload) || (payload.length > 16_000 && ENDLESS.test(payload))

/**
 * The rows themselves: only what `insertLedger` took. The payload stays the text that came: its hash can be checked in
 * the store, and PostgreSQL need not read hundreds of numbers a row. What a later cast to `jsonb` would stumble over is
 * cast here, and refused.
 */
export async function insertInspections(client: ClientBase, taken: readonly Admitted[]): Promise<void> {
  if (taken.length === 0) return
  const suspect = taken.filter(isSuspect).map(({ payload }) => payload)
  if (suspect.length > 0) await client.query('SELECT count(p::jsonb) FROM unnest($1::text[]) p', [suspect])
  const messages = taken.map(({ message }) => message)
  await client.query(
    `INSERT INTO poincon.inspections (at, id, device_id, epoch, sequence, site, line, station, lot_id, sample_id,
       recipe_id, recipe_revision, verdict, action, grade, score, mass_g, volume_mm3, dry_run, verified, payload)
     SELECT * FROM unnest($1::timestamptz[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::text[], $7::text[],
       $8::text[], $9::text[], $10::text[], $11::text[], $12::integer[], $13::text[], $14::text[], $15::text[],
       $16::float8[], $17::float8[], $18::float8[], $19::boolean[], $20::boolean[], string_to_array($21, $22)::json[])`,
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
      messages.map((message) => message.recipe_id),
      messages.map((message) => message.recipe_revision),
      messages.map((message) => message.verdict),
      messages.map((message) => message.action),
      messages.map((message) => message.grade),
      messages.map((message) => message.score),
      messages.map((message) => message.mass_g),
      messages.map((message) => message.volume_mm3),
      messages.map((message) => message.dry_run),
      taken.map(({ verified }) => verified),
      // Of an array of texts the client would escape every quotation mark.
      taken.map(({ payload }) => payload).join(BETWEEN),
      BETWEEN,
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
    if (other !== undefined && held !== other.message.hash) found.set(other, held ?? '')
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
