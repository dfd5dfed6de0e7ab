import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { catalogueFile } from './catalogue.ts'
import { BackupError } from './error.ts'
import { type BackupManifest, manifestFile, readManifest } from './manifest.ts'
import type { KeepOptions } from './options.ts'
import { obsolete } from './rotation.ts'

/** A backup that counts: its manifest is beside it, and its size is as written there. */
export interface ShelvedBackup {
  readonly file: string
  readonly manifest: BackupManifest
  /** ms since 1970, by the clock of the station. */
  readonly takenMs: number
}

const NAME = /^poincon-.+\.db$/
const PARTIAL = /^\.poincon-.+\.db\.(\d+)\.partial(\.catalogue)?(-journal|-wal|-shm)?$/

/** Name of a backup: whose, and of when. */
export function backupName(deviceId: string, takenMs: number): string {
  const stamp = new Date(takenMs).toISOString().replace(/[-:.]/g, '')
  return `poincon-${deviceId}-${stamp}.db`
}

/** Name of a backup that is not whole yet; whoever finds it sees by the process' number whether it will be. */
export function partialName(name: string): string {
  return `.${name}.${process.pid}.partial`
}

/** The backups of a directory, newest first; no directory, no backups. */
export async function backupsIn(dir: string): Promise<readonly ShelvedBackup[]> {
  const names = (await namesIn(dir)).filter((name) => NAME.test(name))
  const found: ShelvedBackup[] = []
  for (const name of names) {
    const shelved = await shelvedAt(join(dir, name)).catch((error: unknown) => {
      // Half a manifest or none: no backup. What else is wrong with the directory is told.
      if (error instanceof BackupError && error.fault === 'damaged') return undefined
      throw error
    })
    if (shelved !== undefined) found.push(shelved)
  }
  return found.sort((one, other) => other.takenMs - one.takenMs)
}

async function shelvedAt(file: string): Promise<ShelvedBackup | undefined> {
  const manifest = await readManifest(file)
  const { size } = await stat(file)
  if (size !== manifest.bytes) return undefined
  return { file, manifest, takenMs: Date.parse(manifest.taken_at) }
}

/**
 * Deletes what the rotation does not keep, of the same device.
 * @param fresh the backup that was just taken: it stays, whatever the clock said then
 * @returns the files that went
 */
export async function rotate(fresh: ShelvedBackup, keep: KeepOptions): Promise<readonly string[]> {
  const all = await backupsIn(dirname(fresh.file))
  const backups = all.filter(({ manifest }) => manifest.device_id === fresh.manifest.device_id)
  const gone = obsolete(
    backups.map(({ takenMs }) => takenMs),
    keep,
  )
  const files = backups.flatMap(({ file, takenMs }) =>
    gone.has(takenMs) && file !== fresh.file ? [file] : [],
  )
  for (const file of files) {
    // The manifest last: without its file it counts for nothing.
    await rm(file, { force: true })
    await rm(catalogueFile(file), { force: true })
    await rm(manifestFile(file), { force: true })
  }
  return files
}

/** Removes what backups left that were cut off: their processes are gone. */
export async function sweep(dir: string): Promise<void> {
  for (const name of await namesIn(dir)) {
    const pid = Number(PARTIAL.exec(name)?.[1])
    if (Number.isInteger(pid) && (pid === process.pid || !runs(pid)))
      await rm(join(dir, name), { force: true })
  }
}

/** @throws BackupError when it cannot be made */
export async function ensureDir(dir: string): Promise<void> {
  try {
    await mkdir(dir, { recursive: true })
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    throw new BackupError('failed', `the backup directory ${dir} cannot be used: ${cause}`, { cause: error })
  }
}

async function namesIn(dir: string): Promise<readonly string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw new BackupError('failed', `${dir}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Another user's process: it runs.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
