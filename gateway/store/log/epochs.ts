import type { Database } from '../database.ts'

/** One stretch of the log: `(device, epoch, sequence)` names an inspection for ever. */
export interface Epoch {
  /** UUIDv7. */
  readonly epoch: string
  readonly deviceId: string
  /** Rows of the log before it: sequence = position - base. */
  readonly base: number
  /** RFC 3339. */
  readonly begunAt: string
  /** Why it began. */
  readonly reason: string
}

interface EpochRow {
  readonly base: number
  readonly epoch: string
  readonly device_id: string
  readonly begun_at: string
  readonly reason: string
}

/** Every epoch of the log, oldest first. @throws StoreError */
export async function readEpochs(database: Database): Promise<Epoch[]> {
  const rows = await database.all<EpochRow>('SELECT * FROM epochs ORDER BY base')
  return rows.map(({ base, epoch, device_id, begun_at, reason }) => ({
    base,
    epoch,
    deviceId: device_id,
    begunAt: begun_at,
    reason,
  }))
}

/** Begins an epoch behind what is stored; one that stored nothing has no name to keep and is replaced. */
export async function beginEpoch(database: Database, begun: Epoch): Promise<void> {
  await database.run(
    'INSERT OR REPLACE INTO epochs (base, epoch, device_id, begun_at, reason) VALUES (?, ?, ?, ?, ?)',
    [begun.base, begun.epoch, begun.deviceId, begun.begunAt, begun.reason],
  )
}
