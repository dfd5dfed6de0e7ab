import { open, rename, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../../drivers/clock.ts'
import { syncFolder } from './aside.ts'
import { CATALOGUE, catalogueFile, clear, vouchForCatalogue } from './catalogue.ts'
import { BackupError, backupError, renamed } from './error.ts'
import { examine } from './examine.ts'
import { type BackupManifest, hashFile, manifestFile, writeManifest } from './manifest.ts'
import { giveToOwner } from './owner.ts'
import { backupName, ensureDir, partialName, type ShelvedBackup } from './shelf.ts'
import { detach, type PagesDone, Snapshot } from './source.ts'

export interface TakeOptions {
  /** Data directory of the station, which may run. */
  readonly dataDir: string
  /** Where the backup goes, under a name of its own. */
  readonly dir: string
  /** Its name, where somebody wants another one. */
  readonly name?: string
  /** Of the release. */
  readonly software: string
  readonly clock: Clock
  readonly signal?: AbortSignal
  /** Pages of the copy so far, and all. */
  readonly progress?: (done: number, total: number) => void
  /** Room in a directory, bytes. */
  readonly freeBytes?: (dir: string) => Promise<number>
}

/** What taking a backup cost. */
export interface Taken extends ShelvedBackup {
  readonly copyMs: number
  readonly verifyMs: number
  /** How far the station's write-ahead log grew meanwhile, bytes. */
  readonly logBytes: number
}

// 256 KB a step: milliseconds of a disk, and no append waits for it longer than that.
const STEP_PAGES = 64
// Written but not synced: as little as a sync of the station's own log may have to wait for.
const SYNC_BYTES = 8 * 1024 * 1024
// While somebody reads an instant the log cannot begin anew. Beyond what the store lets it keep anyway
// (journal_size_limit), copying rests no more, so that it ends.
const CALM_LOG_BYTES = 64 * 1024 * 1024
// Beside the pages themselves: manifest, journal, rounding of the file system.
const SPARE_BYTES = 4 * 1024 * 1024
/** Newest inspections of a backup whose chain and raw records are verified each time. */
export const VERIFIED_NEWEST = 1000

/**
 * Takes a backup of the log of a data directory, and of the catalogue of lenses where it has one, while the station runs or not: copied page by page, then
 * opened, looked through and hashed, resting as long as it works. It has its name only when all of that went well.
 * @throws BackupError `full`, `damaged` (the log itself contradicts itself), `failed`; or the signal's reason.
 *   Nothing is left then but, after a crash, a file that does not count.
 */
export async function takeBackup(options: TakeOptions): Promise<Taken> {
  const { dir, clock } = options
  const source = join(options.dataDir, 'poincon.db')
  const takenMs = clock.wall()
  await ensureDir(dir)
  if (options.name !== undefined) await expectFree(join(dir, options.name))
  await expectRoom(source, options)
  const partial = join(dir, partialName(backupName('new', takenMs)))
  try {
    const beganAt = clock.now()
    const logBytes = await copy(source, partial, options)
    const hasCatalogue = (await sizeOf(join(options.dataDir, CATALOGUE), -1)) > 0
    // After the log: what an inspection was judged by is in the catalogue that comes with it.
    if (hasCatalogue) await copy(join(options.dataDir, CATALOGUE), catalogueFile(partial), options)
    const copiedAt = clock.now()
    const facts = await vouchFor(partial, hasCatalogue, options)
    const verifiedAt = clock.now()
    const manifest: BackupManifest = {
      ...facts,
      file: options.name ?? backupName(facts.device_id, takenMs),
      taken_at: new Date(takenMs).toISOString(),
      took_ms: Math.round(verifiedAt - beganAt),
    }
    const file = join(dir, manifest.file)
    await shelve(partial, file, manifest)
    return {
      ...{ file, manifest, takenMs, logBytes },
      copyMs: copiedAt - beganAt,
      verifyMs: verifiedAt - copiedAt,
    }
  } catch (error) {
    options.signal?.throwIfAborted()
    throw backupError(renamed(error, partial, `the copy of ${source}`), `no backup of ${source}`)
  } finally {
    await clear(partial)
    await clear(catalogueFile(partial))
  }
}

/** Opens a copy, looks it through, and says what its manifest will. @throws BackupError */
async function vouchFor(
  partial: string,
  hasCatalogue: boolean,
  { clock, signal, software }: TakeOptions,
): Promise<Omit<BackupManifest, 'file' | 'taken_at' | 'took_ms'>> {
  const gently = {
    rest: (ms: number) => clock.sleep(ms, signal),
    ...(signal === undefined ? {} : { signal }),
  }
  const found = await examine(partial, { newest: VERIFIED_NEWEST, ...gently })
  return {
    schema: 'poincon.backup/1',
    bytes: (await stat(partial)).size,
    sha256: await hashFile(partial, gently),
    device_id: found.deviceId,
    epoch: found.epoch,
    sequence: found.sequence,
    hash: found.hash,
    inspections: found.inspections,
    raw_records: found.rawRecords,
    schema_version: found.schemaVersion,
    software,
    ...(hasCatalogue ? { catalogue: await vouchForCatalogue(catalogueFile(partial), gently) } : {}),
  }
}

async function expectRoom(source: string, { dataDir, dir, freeBytes = roomIn }: TakeOptions): Promise<void> {
  let needed = (await sizeOf(source)) + SPARE_BYTES
  const catalogue = join(dataDir, CATALOGUE)
  for (const file of [`${source}-wal`, catalogue, `${catalogue}-wal`]) needed += await sizeOf(file, 0)
  const free = await freeBytes(dir)
  if (free >= needed) return
  const [has, wants] = [free, needed].map((bytes) => `${(bytes / 1e6).toFixed(1)} MB`)
  throw new BackupError(
    'full',
    `${dir}: ${has} free, a backup needs ${wants}: free some space, or set backup.dir to a larger disk`,
  )
}

async function roomIn(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir)
  return bavail * bsize
}

async function sizeOf(file: string, missing?: number): Promise<number> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if (missing !== undefined) return missing
    throw new BackupError('failed', `${file}: no such log: name the station's data directory (data_dir)`, {
      cause: error,
    })
  }
}

/** @returns bytes by which the station's write-ahead log grew */
async function copy(source: string, target: string, options: TakeOptions): Promise<number> {
  // Made by ourselves, for nobody else to read: SQLite makes files that everybody may.
  const file = await open(target, 'wx', 0o600)
  try {
    const snapshot = await Snapshot.open(source)
    try {
      const before = await sizeOf(`${source}-wal`, 0)
      let [synced, log] = [0, before]
      const between = async ({ remaining, total, stepMs }: PagesDone): Promise<void> => {
        options.signal?.throwIfAborted()
        options.progress?.(total - remaining, total)
        const { size } = await file.stat()
        if (size - synced >= SYNC_BYTES) {
          await file.datasync()
          synced = size
        }
        log = Math.max(log, await sizeOf(`${source}-wal`, 0))
        await options.clock.sleep(log < CALM_LOG_BYTES ? stepMs : 0, options.signal)
      }
      await snapshot.copyTo(target, STEP_PAGES, between)
      log = Math.max(log, await sizeOf(`${source}-wal`, 0))
      await detach(target)
      await file.sync()
      return log - before
    } finally {
      await snapshot.close()
    }
  } finally {
    await file.close()
  }
}

async function expectFree(file: string): Promise<void> {
  if ((await sizeOf(file, -1)) !== -1) throw new BackupError('refused', `${file}: is there already`)
}

/** Gives a backup its name, catalogue and manifest before it: none ever stands there that nobody can vouch for. */
async function shelve(partial: string, file: string, manifest: BackupManifest): Promise<void> {
  await expectFree(file)
  const beside = manifest.catalogue === undefined ? [] : [catalogueFile(file)]
  try {
    for (const catalogue of beside) await rename(catalogueFile(partial), catalogue)
    await writeManifest(file, manifest)
    await giveToOwner(dirname(file), [partial, manifestFile(file), ...beside])
    await rename(partial, file)
  } catch (error) {
    for (const rest of [manifestFile(file), ...beside]) await rm(rest, { force: true })
    throw error
  }
  await syncFolder(dirname(file))
}
