import type { ClientBase } from 'pg'
import type { ConfirmedPlace } from '../confirmed-message.ts'

/** A station, by its topic. */
export interface StationKey {
  readonly site: string
  readonly line: string
  readonly station: string
}

/** How far the store has one log, and whose it is. */
export interface Progress extends StationKey {
  readonly place: ConfirmedPlace
  readonly heardAt: string
}

/** Every log that spoke for these stations, and every one of the devices that do; the ones heard last first. */
export async function placesOf(
  client: ClientBase,
  stations: readonly StationKey[],
): Promise<readonly Progress[]> {
  const { rows } = await client.query<ProgressRow>(
    `SELECT DISTINCT ON (s.site, s.line, s.station, elsewhere, p.heard_at, p.device_id, p.epoch)
       s.site, s.line, s.station, (p.site, p.line, p.station) <> (s.site, s.line, s.station) AS elsewhere, ${FIGURES}
     FROM ${STATIONS}
     JOIN poincon.progress d ON (d.site, d.line, d.station) = (s.site, s.line, s.station)
     JOIN poincon.progress p ON p.device_id = d.device_id
     ORDER BY s.site, s.line, s.station, elsewhere, p.heard_at DESC, p.device_id, p.epoch`,
    columns(stations),
  )
  return rows.map(progressOf)
}

/** Every log of every device. */
export async function overview(client: ClientBase): Promise<readonly Progress[]> {
  const { rows } = await client.query<ProgressRow>(
    `${PROGRESS} ORDER BY site, line, station, p.heard_at DESC`,
  )
  return rows.map(progressOf)
}

/** How much is set aside, by reason. */
export async function quarantined(client: ClientBase): Promise<Readonly<Record<string, number>>> {
  const { rows } = await client.query<{ reason: string; count: number }>(
    'SELECT reason, count(*)::integer AS count FROM poincon.quarantine GROUP BY reason ORDER BY reason',
  )
  return Object.fromEntries(rows.map(({ reason, count }) => [reason, count]))
}

/**
 * Takes the stations that something is to be said to: what moved, and what was not said for the heartbeat. No other
 * worker takes the same ones at the same time.
 */
export async function claim(
  client: ClientBase,
  heartbeatS: number,
  quietDays: number,
): Promise<readonly StationKey[]> {
  const { rows } = await client.query<StationKey>(
    `WITH due AS (
       SELECT device_id, epoch FROM poincon.progress
       WHERE heard_at > now() - make_interval(days => $2)
         AND (moved_at >= said_at OR said_at < clock_timestamp() - make_interval(secs => $1))
       ORDER BY device_id, epoch LIMIT 500 FOR UPDATE SKIP LOCKED
     )
     UPDATE poincon.progress p SET said_at = clock_timestamp() FROM due
     WHERE p.device_id = due.device_id AND p.epoch = due.epoch RETURNING p.site, p.line, p.station`,
    [heartbeatS, Math.ceil(quietDays)],
  )
  return [...new Map(rows.map((row) => [`${row.site}/${row.line}/${row.station}`, row])).values()]
}

/** It could not be said: whoever asks next takes it again. */
export async function unclaim(client: ClientBase, stations: readonly StationKey[]): Promise<void> {
  await client.query(
    `UPDATE poincon.progress p SET said_at = '-infinity' FROM ${STATIONS}
     WHERE (p.site, p.line, p.station) = (s.site, s.line, s.station)`,
    columns(stations),
  )
}

/** What a person accepts, and who it is. */
export interface Acceptance {
  readonly deviceId: string
  readonly epoch: string
  /** Absent: only the conflict is forgotten. */
  readonly from?: number
  readonly by: string
}

/**
 * A person says that the store goes on from `from`, without what is missing before it, and forgets the conflict. What he
 * said stays in `poincon.accepted`.
 * @returns where the log stands now; undefined where the store does not know it, or does not hold `from`
 */
export async function accept(
  client: ClientBase,
  { deviceId, epoch, from, by }: Acceptance,
): Promise<Progress | undefined> {
  const log = [deviceId, epoch]
  const changed = await client.query(
    `WITH old AS (SELECT * FROM poincon.progress WHERE device_id = $1 AND epoch = $2),
     new AS (SELECT previous FROM poincon.ledger WHERE device_id = $1 AND epoch = $2 AND sequence = $3),
     said AS (INSERT INTO poincon.accepted (device_id, epoch, first_sequence, up_to_before, conflict, accepted_by)
       SELECT $1, $2, coalesce($3, first_sequence), up_to, conflict, $4 FROM old
       WHERE $3::bigint IS NULL OR EXISTS (SELECT FROM new))
     UPDATE poincon.progress p SET conflict = NULL, moved_at = clock_timestamp(),
       first_sequence = coalesce($3, p.first_sequence), up_to = coalesce($3 - 1, p.up_to),
       floor_hash = coalesce((SELECT previous FROM new), p.floor_hash),
       hash = coalesce((SELECT previous FROM new), p.hash)
     WHERE device_id = $1 AND epoch = $2 AND ($3::bigint IS NULL OR EXISTS (SELECT FROM new))`,
    [...log, from ?? null, by],
  )
  if (changed.rowCount === 0) return undefined
  await client.query('SELECT poincon.follow($1, $2)', log)
  const { rows } = await client.query<ProgressRow>(`${PROGRESS} WHERE device_id = $1 AND epoch = $2`, log)
  return rows.map(progressOf)[0]
}

/** Parameters $1 to $3 as rows `s`. */
const STATIONS = 'unnest($1::text[], $2::text[], $3::text[]) AS s (site, line, station)'

function columns(stations: readonly StationKey[]): string[][] {
  return [
    stations.map(({ site }) => site),
    stations.map(({ line }) => line),
    stations.map(({ station }) => station),
  ]
}

interface ProgressRow extends StationKey {
  readonly device_id: string
  readonly epoch: string
  readonly first_sequence: string
  readonly up_to: string
  readonly held: string
  readonly beyond: string
  readonly below: string
  readonly hash: string
  readonly conflict: ConfirmedPlace['conflict'] | null
  readonly heard_at: Date
}

const FIGURES = `p.device_id, p.epoch, p.first_sequence, p.up_to, p.held,
  encode(p.hash, 'hex') AS hash, p.conflict, p.heard_at,
  (SELECT count(*) FROM poincon.ledger l
   WHERE l.device_id = p.device_id AND l.epoch = p.epoch AND l.sequence > p.up_to) AS beyond,
  (SELECT count(*) FROM poincon.ledger l
   WHERE l.device_id = p.device_id AND l.epoch = p.epoch AND l.sequence < p.first_sequence) AS below`
const PROGRESS = `SELECT p.site, p.line, p.station, ${FIGURES} FROM poincon.progress p`

function progressOf(row: ProgressRow): Progress {
  const { site, line, station, device_id, epoch, hash, conflict } = row
  const [held, beyond] = [Number(row.held), Number(row.beyond)]
  return {
    ...{ site, line, station, heardAt: row.heard_at.toISOString() },
    place: {
      ...{ device_id, epoch, from: Number(row.first_sequence), up_to: Number(row.up_to) },
      ...{ count: held - beyond - Number(row.below), beyond, hash },
      ...(conflict === null ? {} : { conflict }),
    },
  }
}
