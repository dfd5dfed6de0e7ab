import type { InventoryDatabase, Queries } from './inventory-database.ts'

/** Why a certificate is taken back (RFC 5280 §5.3.1). */
export const REVOCATION = {
  unspecified: 0,
  keyCompromise: 1,
  superseded: 4,
  cessationOfOperation: 5,
} as const
export type RevocationReason = keyof typeof REVOCATION

/** A device as the plant knows it. */
export interface Device {
  readonly device_id: string
  readonly serial: string | null
  readonly station: string | null
  readonly state: 'expected' | 'enrolled' | 'revoked' | 'replaced'
  readonly replaced_by: string | null
  /** Of its software, as it said when it was last seen. */
  readonly version: string | null
  readonly last_seen_ms: number | null
  /** When its newest certificate ends. */
  readonly not_after_ms: number | null
}

export interface Certificate {
  readonly serial: string
  readonly device_id: string
  readonly not_before_ms: number
  readonly not_after_ms: number
  readonly pem: string
  readonly revoked_ms: number | null
  readonly reason: number | null
}

const DEVICES = `SELECT device_id, serial, station, state, replaced_by, version, last_seen_ms,
  (SELECT max(not_after_ms) FROM certificates c WHERE c.device_id = d.device_id AND c.revoked_ms IS NULL) AS not_after_ms
  FROM devices d`

/** Which devices there are, what they hold, and when they were last heard of. */
export class Inventory {
  readonly #database: InventoryDatabase

  constructor(database: InventoryDatabase) {
    this.#database = database
  }

  list(): Promise<Device[]> {
    return this.#database.all<Device>(`${DEVICES} ORDER BY device_id`)
  }

  async device(deviceId: string): Promise<Device | undefined> {
    const [found] = await this.#database.all<Device>(`${DEVICES} WHERE device_id = ?`, [deviceId])
    return found
  }

  /** The device whose place one has taken. */
  async predecessor(deviceId: string): Promise<string | undefined> {
    const [found] = await this.#database.all<{ device_id: string }>(
      `SELECT device_id FROM devices WHERE replaced_by = ? ORDER BY last_seen_ms DESC LIMIT 1`,
      [deviceId],
    )
    return found?.device_id
  }

  /** When a device was let in last by a token, ms since 1970; undefined: never. */
  async admitted(deviceId: string): Promise<number | undefined> {
    const [found] = await this.#database.all<{ at: number | null }>(
      'SELECT max(used_ms) AS at FROM tokens WHERE device_id = ?',
      [deviceId],
    )
    return found?.at ?? undefined
  }

  certificates(deviceId: string): Promise<Certificate[]> {
    const sql = 'SELECT * FROM certificates WHERE device_id = ? ORDER BY not_before_ms DESC, serial'
    return this.#database.all<Certificate>(sql, [deviceId])
  }

  async certificate(serial: string): Promise<Certificate | undefined> {
    const [found] = await this.#database.all<Certificate>('SELECT * FROM certificates WHERE serial = ?', [
      serial,
    ])
    return found
  }

  /** What a list of revocations must name: taken back, and not ended by itself yet. */
  revoked(atMs: number): Promise<Certificate[]> {
    const sql = `SELECT * FROM certificates WHERE revoked_ms IS NOT NULL AND not_after_ms > ? ORDER BY revoked_ms, serial`
    return this.#database.all<Certificate>(sql, [atMs])
  }

  /** Notes that a device was heard, and what it says it runs. */
  async seen(deviceId: string, version: string | undefined, atMs: number): Promise<void> {
    const sql = 'UPDATE devices SET last_seen_ms = ?, version = coalesce(?, version) WHERE device_id = ?'
    await this.#database.run(sql, [atMs, version ?? null, deviceId])
  }

  /**
   * Takes back every certificate of a device; it gets no other.
   * @returns how many certificates that were; undefined when there is no such device
   */
  revoke(deviceId: string, reason: RevocationReason, atMs: number): Promise<number | undefined> {
    return this.#database.transaction(async (queries) => {
      const known = await queries.run(`UPDATE devices SET state = 'revoked' WHERE device_id = ?`, [deviceId])
      if (known === 0) return undefined
      await queries.run(
        'UPDATE tokens SET expires_ms = min(expires_ms, ?) WHERE device_id = ? AND used_ms IS NULL',
        [atMs, deviceId],
      )
      return await revokeAll(queries, { deviceId, reason, atMs })
    })
  }

  /** The next number of a list of revocations: never one twice. */
  async nextList(atMs: number): Promise<number> {
    return await this.#database.transaction(async (queries) => {
      await queries.run('INSERT INTO lists (made_ms) VALUES (?)', [atMs])
      const [{ number } = { number: 1 }] = await queries.all<{ number: number }>(
        'SELECT max(number) AS number FROM lists',
      )
      // AUTOINCREMENT remembers the number, so the older rows need not stay.
      await queries.run('DELETE FROM lists WHERE number < ?', [number])
      return number
    })
  }
}

/** Takes back what a device holds, within a transaction. @returns how many */
export function revokeAll(
  queries: Queries,
  what: { readonly deviceId: string; readonly reason: RevocationReason; readonly atMs: number },
): Promise<number> {
  const { deviceId, reason, atMs } = what
  const sql = 'UPDATE certificates SET revoked_ms = ?, reason = ? WHERE device_id = ? AND revoked_ms IS NULL'
  return queries.run(sql, [atMs, REVOCATION[reason], deviceId])
}

export async function addCertificate(
  queries: Queries,
  certificate: Omit<Certificate, 'revoked_ms' | 'reason'>,
): Promise<void> {
  const { serial, device_id, not_before_ms, not_after_ms, pem } = certificate
  await queries.run(
    'INSERT INTO certificates (serial, device_id, not_before_ms, not_after_ms, pem) VALUES (?, ?, ?, ?, ?)',
    [serial, device_id, not_before_ms, not_after_ms, pem],
  )
}
