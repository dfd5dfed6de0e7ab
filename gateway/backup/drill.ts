import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../drivers/clock.ts'
import { silentLog } from '../log.ts'
import { openStore } from '../store/open.ts'
import { BackupError } from './error.ts'
import { type Restored, restoreBackup } from './restore.ts'

export interface DrillOptions {
  readonly backup: string
  /** Where the temporary directory is made; needs room for the backup. Default: that of the system. */
  readonly within?: string
  readonly clock: Clock
  readonly signal?: AbortSignal
  /** Inspections verified so far, and all of them. */
  readonly progress?: (done: number, total: number) => void
}

/** What a restore drill found. */
export interface DrillReport {
  readonly restored: Restored
  /** Opening the store on what was restored, ms. */
  readonly openMs: number
  /** From the file to a store that takes parts, ms: how long a station is without its log. */
  readonly totalMs: number
  /** The epoch that the store went on in. */
  readonly newEpoch: string
  readonly newEpochReason: string
}

/**
 * Restores a backup into a directory of its own, opens it with the station's store, and clears everything away.
 * @throws BackupError with what would have gone wrong
 */
export async function drill(options: DrillOptions): Promise<DrillReport> {
  const { backup, clock, signal, progress } = options
  const dataDir = await mkdtemp(join(options.within ?? tmpdir(), 'poincon-drill-'))
  try {
    const beganAt = clock.now()
    const restored = await restoreBackup({
      ...{ backup, dataDir, clock, force: false },
      ...(signal === undefined ? {} : { signal }),
      ...(progress === undefined ? {} : { progress }),
    })
    const restoredAt = clock.now()
    const opened = await openAgain(dataDir, restored, clock)
    const openedAt = clock.now()
    return { restored, openMs: openedAt - restoredAt, totalMs: openedAt - beganAt, ...opened }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function openAgain(
  dir: string,
  { found }: Restored,
  clock: Clock,
): Promise<Pick<DrillReport, 'newEpoch' | 'newEpochReason'>> {
  const store = await openStore({ dir, deviceId: found.deviceId, clock, log: silentLog })
  try {
    const before = store.epochs.find(({ epoch }) => epoch === found.epoch)
    if (store.epoch.epoch === found.epoch || (found.sequence > 0 && before === undefined)) {
      throw new BackupError('damaged', `the store went on in epoch ${store.epoch.epoch}, expected a new one`)
    }
    const [newest] = found.sequence === 0 ? [] : await store.from(found.sequence, 1, before)
    if (found.sequence > 0 && newest?.sequence !== found.sequence) {
      throw new BackupError('damaged', `the store does not have sequence ${found.sequence}`)
    }
    return { newEpoch: store.epoch.epoch, newEpochReason: store.epoch.reason }
  } finally {
    await store.close()
  }
}
