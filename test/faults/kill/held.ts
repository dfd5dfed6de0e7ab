import { isDeepStrictEqual } from 'node:util'
import mqtt, { type MqttClient } from 'mqtt'
import { confirmedMessage } from '../../../gateway/confirmed-message.ts'
import type { OutboxEntry } from '../../../gateway/outbox.ts'
import type { CursorLog } from '../../gateway/ingest/fleet.ts'
import type { Author } from '../../gateway/ingest/history.ts'
import type { Postgres } from '../../gateway/ingest/servers.ts'

const PAGE = 2000

interface Counted {
  readonly rows: string
  readonly sequences: string
  readonly ledger: string
  readonly hash: string | null
}

/** Somebody who hears every confirmation, and asks the database whether it is true. */
export class Auditor {
  readonly #client: MqttClient
  readonly #postgres: Postgres
  /** The highest sequence that each device was told, by device. */
  readonly #told = new Map<string, number>()
  readonly #audited = new Map<string, number>()
  /** Confirmations heard. */
  heard = 0

  private constructor(client: MqttClient, postgres: Postgres) {
    this.#client = client
    this.#postgres = postgres
    client.on('error', () => {})
    client.on('message', (_topic, payload) => {
      const { device_id, up_to } = confirmedMessage.parse(JSON.parse(payload.toString()))
      this.heard += 1
      this.#told.set(device_id, Math.max(this.#told.get(device_id) ?? 0, up_to))
    })
  }

  static async open(url: string, postgres: Postgres): Promise<Auditor> {
    const client = await mqtt.connectAsync(url, { protocolVersion: 4, reconnectPeriod: 20 })
    const auditor = new Auditor(client, postgres)
    await client.subscribeAsync('poincon/+/+/+/confirmed', { qos: 1 })
    return auditor
  }

  /**
   * Holds what this device was told since the last time against the database: every sequence there, once, and under the
   * hash that its log has. @returns what is wrong
   */
  async audit({ device }: Author, log: CursorLog): Promise<string[]> {
    const from = this.#audited.get(device) ?? 0
    const told = this.#told.get(device) ?? 0
    if (told === from) return []
    const [counted] = await this.#postgres.query<Counted>(
      `SELECT count(i.*) AS rows, count(DISTINCT i.sequence) AS sequences, count(DISTINCT l.sequence) AS ledger,
         max(encode(l.hash, 'hex')) FILTER (WHERE l.sequence = ${told}) AS hash
       FROM poincon.ledger l LEFT JOIN poincon.inspections i USING (device_id, epoch, sequence)
       WHERE l.device_id = '${device}' AND l.sequence > ${from} AND l.sequence <= ${told}`,
    )
    this.#audited.set(device, told)
    const expected = told - from
    const { rows, sequences, ledger, hash } = counted ?? {}
    const wrong = [rows, sequences, ledger].some((count) => Number(count) !== expected)
    return [
      ...(wrong
        ? [`${device}: told up to ${told}; behind ${from} it holds ${rows} rows of ${sequences}`]
        : []),
      ...(hash === log.hashOf(told) ? [] : [`${device}: ${told} is not the log's`]),
    ]
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true)
  }
}

/** Holds a device's rows against its log: each once, in order, member by member. @returns what is wrong */
export async function unlike(
  postgres: Postgres,
  { device }: Author,
  entries: readonly OutboxEntry[],
): Promise<string[]> {
  const faults: string[] = []
  let next = 0
  for (;;) {
    const rows = await postgres.query<{ sequence: string; id: string; payload: unknown }>(
      `SELECT sequence, id, payload FROM poincon.inspections WHERE device_id = '${device}'
       ORDER BY device_id, epoch, sequence OFFSET ${next} LIMIT ${PAGE}`,
    )
    for (const { sequence, id, payload } of rows) {
      const entry = entries[next]
      next += 1
      const same = entry?.sequence === Number(sequence) && entry.id === id
      if (!same || !isDeepStrictEqual(payload, JSON.parse(entry.payload)))
        faults.push(`${device}: row ${next} is sequence ${sequence}, and not the log's`)
    }
    if (rows.length < PAGE) break
  }
  if (next !== entries.length) faults.push(`${device}: ${next} rows of ${entries.length} inspections`)
  return faults
}
