import { isDeepStrictEqual } from 'node:util'
import type { Test } from 'tap'
import type { OutboxEntry } from '../../../gateway/outbox.ts'
import type { Nats, Postgres } from './servers.ts'

/** `ingest.yaml` of a worker on this server. */
export function natsConfig(server: Nats, database: unknown, more: object = {}): object {
  return {
    source: { kind: 'nats', servers: [server.url], replicas: 1, ack_wait_s: 1.5, max_ack_pending: 2000 },
    database,
    confirm: { url: server.mqttUrl, every_ms: 50, heartbeat_s: 0.3 },
    batch: 100,
    ...more,
  }
}

async function rows(server: Postgres): Promise<{ sequence: string; hash: string; payload: unknown }[]> {
  return await server.query(`SELECT sequence, encode(hash, 'hex') AS hash, payload
    FROM poincon.inspections JOIN poincon.ledger USING (device_id, epoch, sequence) ORDER BY sequence`)
}

/** 0 lost, 0 twice, and what stands there is the log. */
export async function isTheLog(t: Test, server: Postgres, parts: readonly OutboxEntry[]): Promise<void> {
  const found = await rows(server)
  t.equal(found.length, parts.length, 'each once')
  const other = parts.find(
    ({ payload }, place) => !isDeepStrictEqual(found[place]?.payload, JSON.parse(payload)),
  )
  t.equal(other, undefined, 'every one as the log has it')
}
