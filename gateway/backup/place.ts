import { join } from 'node:path'
import type { Clock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'
import type { Unit } from '../station.ts'
import type { BackupOptions } from './options.ts'

/** The part of the configuration that is about backups. */
export interface BackupConfig {
  readonly data_dir: string
  readonly backup?: BackupOptions | undefined
}

/** Where backups go. */
export function backupDir({ data_dir: dataDir, backup }: BackupConfig): string {
  return backup?.dir ?? join(dataDir, 'backups')
}

/** The scheduled backups of a station; none where the configuration has no `backup`. */
export async function backupUnits(parts: {
  readonly config: BackupConfig
  readonly deviceId: string
  readonly version: string
  readonly clock: Clock
  readonly log: Log
}): Promise<readonly Unit[]> {
  const { config, deviceId, version: software, clock, log } = parts
  const { backup, data_dir: dataDir } = config
  if (backup === undefined) return []
  const { BackupUnit } = await import('./unit.ts')
  return [new BackupUnit({ backup, dataDir, dir: backupDir(config), deviceId, software, clock, log })]
}
