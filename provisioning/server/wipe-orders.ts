import { randomUUID } from 'node:crypto'
import type { Outcome } from '../fleet-words.ts'
import { revokeAll } from './inventory.ts'
import type { InventoryDatabase, Queries } from './inventory-database.ts'

/** A device is told to take itself apart. */
export interface WipeRow {
  readonly order_id: string
  readonly device_id: string
  /** 1: also what the station stored. */
  readonly data: number
  readonly ordered_ms: number
  /** When the device was told; null: it was not heard since. */
  readonly told_ms: number | null
  readonly state: Outcome['state'] | null
  readonly detail: string | null
  readonly reported_ms: number | null
}

const OPEN = `cancelled_ms IS NULL AND (state IS NULL OR state <> 'done')`

/** What devices are told when they come next. */
export class WipeOrders {
  readonly #database: InventoryDatabase

  constructor(database: InventoryDatabase) {
    this.#database = database
  }

  /**
   * Takes a device out of service for good: its certificates are taken back, and it is told to wipe itself. Ordered again,
   * the newer order counts.
   * @returns how many certificates that were; undefined: there is no such device
   */
  decommission(deviceId: string, data: boolean, atMs: number): Promise<number | undefined> {
    return this.#database.transaction(async (queries) => {
      const known = await queries.run(
        `UPDATE devices SET state = CASE state WHEN 'replaced' THEN state ELSE 'revoked' END WHERE device_id = ?`,
        [deviceId],
      )
      if (known === 0) return undefined
      await queries.run(
        'UPDATE tokens SET expires_ms = min(expires_ms, ?) WHERE device_id = ? AND used_ms IS NULL',
        [atMs, deviceId],
      )
      await cancelOrders(queries, deviceId, atMs)
      await queries.run(
        'INSERT INTO wipe_orders (order_id, device_id, data, ordered_ms) VALUES (?, ?, ?, ?)',
        [randomUUID(), deviceId, data ? 1 : 0, atMs],
      )
      return await revokeAll(queries, { deviceId, reason: 'cessationOfOperation', atMs })
    })
  }

  /** The order that a device has yet to carry out. */
  async open(deviceId: string): Promise<WipeRow | undefined> {
    const [row] = await this.#database.all<WipeRow>(
      `SELECT * FROM wipe_orders WHERE device_id = ? AND ${OPEN} ORDER BY ordered_ms DESC, rowid DESC LIMIT 1`,
      [deviceId],
    )
    return row
  }

  /** The newest of each device, open or not. */
  newest(): Promise<WipeRow[]> {
    return this.#database.all<WipeRow>(
      `SELECT * FROM wipe_orders AS w WHERE cancelled_ms IS NULL
       AND rowid = (SELECT max(rowid) FROM wipe_orders WHERE device_id = w.device_id) ORDER BY device_id`,
    )
  }

  async told(orderId: string, atMs: number): Promise<void> {
    const sql = 'UPDATE wipe_orders SET told_ms = coalesce(told_ms, ?) WHERE order_id = ?'
    await this.#database.run(sql, [atMs, orderId])
  }

  /**
   * What became of an order. A key in a token is reported before it is removed: that it stayed comes after `done`.
   * @returns false where the device has no such open order
   */
  async report(
    { deviceId, orderId }: { deviceId: string; orderId: string },
    { state, detail }: Outcome,
    atMs: number,
  ): Promise<boolean> {
    const changed = await this.#database.run(
      `UPDATE wipe_orders SET state = ?, detail = ?, reported_ms = ? WHERE order_id = ? AND device_id = ?
       AND cancelled_ms IS NULL AND (state IS NULL OR state <> 'done' OR ? <> 'waits')`,
      [state, detail, atMs, orderId, deviceId, state],
    )
    return changed > 0
  }
}

/** A device that is let in again, or told anew, must not find an order of before. */
export async function cancelOrders(queries: Queries, deviceId: string, atMs: number): Promise<void> {
  await queries.run(`UPDATE wipe_orders SET cancelled_ms = ? WHERE device_id = ? AND ${OPEN}`, [
    atMs,
    deviceId,
  ])
}
