import { chmod, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../drivers/clock.ts'
import { readReturn } from '../../provisioning/switch-files.ts'
import { DATABASE } from '../backup/aside.ts'
import { CATALOGUE } from '../backup/catalogue.ts'
import { restoreBackup } from '../backup/restore.ts'
import { VERIFIED_NEWEST } from '../backup/take.ts'
import type { Log } from '../log.ts'
import { replaceFile } from '../replace-file.ts'

/** In the data directory: the update whose store was put back last. */
const MARKER = 'store-returned'
const GROUP_WRITES = 0o660

export interface StoreReturn {
  /** The updater's folder. */
  readonly updateDir: string
  readonly dataDir: string
  /** Of the release that starts. */
  readonly version: string
  readonly log: Log
}

/**
 * Before the store is opened: where an updater took an update back whose release had moved the store's schema, puts the
 * copy back that was made before the switch. Once for each update; the log that was there goes aside, and the store
 * begins a new epoch by its own rule.
 * @throws BackupError when it cannot: the station must not start on a store it does not know
 */
export async function returnStore({ updateDir, dataDir, version, log }: StoreReturn): Promise<void> {
  const note = await readReturn(updateDir, version)
  if (note === undefined) return
  const marker = join(dataDir, MARKER)
  if ((await readFile(marker, 'utf8').catch(() => '')) === note.id) return
  const { movedTo } = await restoreBackup({
    ...{ backup: note.backup, dataDir, force: true, newest: VERIFIED_NEWEST, clock: systemClock },
  })
  // The updater reads the store by its group, for the self-test and the copy of the next update.
  for (const name of [DATABASE, CATALOGUE]) await chmod(join(dataDir, name), GROUP_WRITES).catch(() => {})
  await replaceFile(marker, note.id, 0o640)
  log.warn({ update: note.id, movedTo }, 'the store is as it was before the update')
}
