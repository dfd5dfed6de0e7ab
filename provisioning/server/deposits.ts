import { digestOf } from '../fleet-words.ts'
import type { InventoryDatabase } from './inventory-database.ts'

/** What a device left, newest first. */
export interface DepositRow {
  readonly device_id: string
  readonly station: string
  readonly digest: string
  readonly made_ms: number
  /** `poincon.deposit/1`, as it came. */
  readonly document: string
}

/** Of each device: what was changed by mistake is still there. */
const KEPT = 5

/** Recipes and calibrations that devices leave with their fleet. */
export class Deposits {
  readonly #database: InventoryDatabase

  constructor(database: InventoryDatabase) {
    this.#database = database
  }

  /** Keeps one; the same as the newest changes nothing. @returns its digest, and whether it is new */
  keep(
    { deviceId, station, document }: { deviceId: string; station: string; document: string },
    atMs: number,
  ): Promise<{ readonly digest: string; readonly kept: boolean }> {
    const digest = digestOf(document)
    return this.#database.transaction(async (queries) => {
      const [newest] = await queries.all<{ digest: string }>(
        'SELECT digest FROM deposits WHERE device_id = ? ORDER BY number DESC LIMIT 1',
        [deviceId],
      )
      if (newest?.digest === digest) return { digest, kept: false }
      await queries.run(
        'INSERT INTO deposits (device_id, station, digest, made_ms, document) VALUES (?, ?, ?, ?, ?)',
        [deviceId, station, digest, atMs, document],
      )
      await queries.run(
        `DELETE FROM deposits WHERE device_id = ?1 AND number NOT IN
         (SELECT number FROM deposits WHERE device_id = ?1 ORDER BY number DESC LIMIT ?2)`,
        [deviceId, KEPT],
      )
      return { digest, kept: true }
    })
  }

  /** Newest first. */
  of(deviceId: string): Promise<DepositRow[]> {
    const sql = `SELECT device_id, station, digest, made_ms, document FROM deposits
      WHERE device_id = ? ORDER BY number DESC`
    return this.#database.all<DepositRow>(sql, [deviceId])
  }
}
