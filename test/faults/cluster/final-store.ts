import { setTimeout as delay } from 'node:timers/promises'
import { overview } from '../../../gateway/ingest/places.ts'
import type { Postgres } from '../../gateway/ingest/servers.ts'
import { figure, type Outcome } from '../outcome.ts'
import type { Appended, Station } from './station.ts'

/** What came of it, in figures, and what is wrong. */
export type Found = Pick<Outcome, 'seen' | 'violations'>

/** What does not move for so long does not move again by itself. */
const STUCK_MS = 45_000

/** Waits until everything that was appended is confirmed. @returns false when nothing moves any more before that */
export async function confirmed(station: Station): Promise<boolean> {
  const end = station.appended.length
  for (let [before, over] = [-1, 0]; station.confirmed < end; await delay(25)) {
    if (station.confirmed !== before) over = performance.now() + STUCK_MS
    before = station.confirmed
    if (performance.now() > over) return false
  }
  return true
}

/** Holds the final store against what was appended: 0 lost, 0 twice, all confirmed, the hash of the end equal. */
export async function heldAgainst(postgres: Postgres, station: Station): Promise<Found> {
  const end = station.appended.length
  const rows = await rowsOf(postgres)
  const held = new Map(rows.map((row) => [Number(row.sequence), row]))
  const lost = station.appended.filter(({ sequence }) => !held.has(sequence))
  const other = station.appended.filter((one) => isAnother(one, held.get(one.sequence)))
  const violations = [
    ...lost.map(({ sequence }) => `sequence ${sequence} was lost`),
    ...other.map(({ sequence }) => `sequence ${sequence} is another inspection`),
    ...(await saidOf(postgres, station)),
    ...(await setAside(postgres)),
  ]
  const twice = rows.length - held.size
  if (twice > 0) violations.push(`${twice} are there twice`)
  if (held.size > end) violations.push(`${held.size - end} are there that nobody appended`)
  if (station.confirmed < end) violations.push(`confirmed up to ${station.confirmed} of ${end}`)
  const { state, detail } = station.watch.status()
  if (state !== 'ok') violations.push(`the station says: ${detail}`)
  const whole = violations.length === 0 ? ', all confirmed, hash of the end equal' : ''
  const seen =
    `${figure(end)} inspections, ${figure(station.resent)} sent again; ` +
    `${figure(lost.length)} lost, ${figure(twice)} twice${whole}`
  return { seen, violations }
}

/** What is wrong with what the store says of this log. */
async function saidOf(postgres: Postgres, { appended }: Station): Promise<string[]> {
  const store = await postgres.open()
  const logs = await store.ask(overview)
  await store.close()
  const end = appended.length
  const [place] = logs.map((log) => log.place)
  const { up_to, count, beyond, hash, conflict } = place ?? {}
  const violations: string[] = []
  if (logs.length !== 1 || up_to !== end || count !== end || beyond !== 0 || conflict !== undefined)
    violations.push(`the store says ${JSON.stringify(place)}, the log ends at ${end}`)
  const tip = appended.at(-1)?.hash
  if (hash !== tip) violations.push(`the store says ${hash} of the end, the log ${tip}`)
  return violations
}

async function setAside(postgres: Postgres): Promise<string[]> {
  const rows = await postgres.query<{ reason: string; detail: string }>(
    'SELECT reason, detail FROM poincon.quarantine',
  )
  return rows.map(({ reason, detail }) => `set aside (${reason}): ${detail}`)
}

function isAnother({ id, hash }: Appended, row: Row | undefined): boolean {
  return row !== undefined && (row.id !== id || row.hash !== hash || row.said !== hash || !row.verified)
}

/** A type, not an interface: rows of a query are indexed by name. */
type Row = {
  readonly sequence: string
  readonly id: string
  readonly hash: string
  readonly said: string
  readonly verified: boolean
}

async function rowsOf(postgres: Postgres): Promise<readonly Row[]> {
  return await postgres.query<Row>(
    `SELECT ledger.sequence, ledger.id, encode(ledger.hash, 'hex') AS hash, verified,
       payload->'provenance'->>'hash' AS said
     FROM poincon.ledger JOIN poincon.inspections USING (device_id, epoch, sequence)`,
  )
}
