import { createHash } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../drivers/clock.ts'
import type { Database } from '../store/database.ts'
import { StoreError } from '../store/error.ts'
import { lockDirectory } from '../store/lock.ts'
import { asideOf, DATABASE, exists, replaceLog } from './aside.ts'
import { CATALOGUE, catalogueFile, clear, replaceCatalogue, vouchForCatalogue } from './catalogue.ts'
import { BackupError, backupError, renamed } from './error.ts'
import { type Examined, examine, outline } from './examine.ts'
import { type BackupManifest, manifestFile, readManifest } from './manifest.ts'

export interface RestoreOptions {
  readonly backup: string
  /** Where the log goes: the data directory of a station that does not run. */
  readonly dataDir: string
  /** Replaces a newer or unreadable log too (it is moved aside), and takes a backup that has no manifest. */
  readonly force: boolean
  /** Inspections whose chain and raw records are followed, the newest; all when absent. */
  readonly newest?: number
  readonly clock: Clock
  readonly signal?: AbortSignal
  /** Inspections verified so far, and all of them. */
  readonly progress?: (done: number, total: number) => void
}

export interface Restored {
  readonly found: Examined
  /** Undefined where there was none, and `force`. */
  readonly manifest: BackupManifest | undefined
  readonly bytes: number
  /** Whether the catalogue of lenses was restored too: where the backup has one. */
  readonly catalogue: boolean
  /** Where the log went that was here before; undefined when there was none. */
  readonly movedTo: string | undefined
  readonly copyMs: number
  readonly verifyMs: number
}

const CHUNK_BYTES = 1024 * 1024

/**
 * Puts the log of a backup, and the catalogue where it has one, in place of those of a data directory: copied, compared
 * with the manifest, looked through, and only then given their names. At every instant the directory holds the old log
 * or the new one, whole. What else is there (flows, models, firmware) stays as it is.
 * @throws BackupError `damaged`, `newer` (by a newer release), `refused` (a station runs there, or its log is newer),
 *   `full`, `failed`; nothing was replaced then, but where the log itself could not be: the catalogue of the backup is in place
 *   then, and the one before it lies beside it
 */
export async function restoreBackup(options: RestoreOptions): Promise<Restored> {
  const { backup, dataDir, clock } = options
  const manifest = await manifestOf(options)
  const lock = await lockOf(dataDir)
  const fresh = join(dataDir, `${DATABASE}.restoring`)
  const freshCatalogue = join(dataDir, `${CATALOGUE}.restoring`)
  try {
    // What will be refused is refused before a gigabyte is copied; whether the outline is true is looked at below.
    const claimed = options.force ? undefined : await outline(backup).catch(() => undefined)
    if (claimed !== undefined) await expectOlder(dataDir, claimed)
    const beganAt = clock.now()
    const bytes = await copyWhole(backup, fresh, manifest)
    const catalogue = await copyCatalogue(backup, freshCatalogue, manifest)
    const copiedAt = clock.now()
    const found = await examine(fresh, { newest: Number.POSITIVE_INFINITY, ...options })
    if (manifest !== undefined) expectSame(backup, manifest, found)
    const verifyMs = clock.now() - copiedAt
    if (!options.force) await expectOlder(dataDir, found)
    const wallMs = clock.wall()
    const aside = asideOf(dataDir, wallMs)
    const moved = catalogue && (await replaceCatalogue(dataDir, freshCatalogue, aside))
    const movedTo = (await replaceLog(dataDir, fresh, wallMs)) ?? (moved ? aside : undefined)
    return { found, manifest, bytes, catalogue, movedTo, copyMs: copiedAt - beganAt, verifyMs }
  } catch (error) {
    options.signal?.throwIfAborted()
    throw backupError(renamed(error, fresh, backup), `${backup} is not restored`)
  } finally {
    await clear(fresh)
    await clear(freshCatalogue)
    await lock.close()
  }
}

async function manifestOf({ backup, force }: RestoreOptions): Promise<BackupManifest | undefined> {
  if (!(await exists(backup))) throw new BackupError('failed', `${backup}: no such file`)
  try {
    return await readManifest(backup)
  } catch (error) {
    if (force && !(await exists(manifestFile(backup)))) return undefined
    throw error
  }
}

async function lockOf(dataDir: string): Promise<Database> {
  try {
    return await lockDirectory(dataDir)
  } catch (error) {
    const running = error instanceof StoreError && error.fault === 'locked'
    throw backupError(error, running ? 'stop the station first' : dataDir)
  }
}

/** @returns whether the backup has one @throws BackupError `damaged` when it is not what the manifest says */
async function copyCatalogue(
  backup: string,
  to: string,
  manifest: BackupManifest | undefined,
): Promise<boolean> {
  const said = manifest?.catalogue
  if (said === undefined) return false
  const from = catalogueFile(backup)
  if (!(await exists(from))) throw new BackupError('damaged', `${from}: no such file, the manifest has it`)
  await copyWhole(from, to, said)
  const { lenses, symbols } = await vouchForCatalogue(to)
  if (lenses === said.lenses && symbols === said.symbols) return true
  const [has, says] = [`${lenses} lenses, ${symbols} symbols`, `${said.lenses} and ${said.symbols}`]
  throw new BackupError('damaged', `${from}: ${has}, its manifest says ${says}`)
}

type Said = Pick<BackupManifest, 'bytes' | 'sha256'> | undefined

/** @returns bytes copied @throws BackupError `damaged` when it is not what the manifest says */
async function copyWhole(from: string, to: string, manifest: Said): Promise<number> {
  const hash = createHash('sha256')
  const source = await open(from, 'r')
  try {
    await rm(to, { force: true })
    const target = await open(to, 'wx', 0o600)
    let bytes = 0
    try {
      const buffer = Buffer.alloc(CHUNK_BYTES)
      for (;;) {
        const { bytesRead } = await source.read(buffer, 0, CHUNK_BYTES)
        if (bytesRead === 0) break
        const chunk = buffer.subarray(0, bytesRead)
        hash.update(chunk)
        await target.appendFile(chunk)
        bytes += bytesRead
      }
      await target.sync()
    } finally {
      await target.close()
    }
    expectHash(from, manifest, bytes, hash.digest('hex'))
    return bytes
  } finally {
    await source.close()
  }
}

function expectHash(from: string, manifest: Said, bytes: number, sha256: string): void {
  if (manifest === undefined) return
  if (bytes !== manifest.bytes) {
    throw new BackupError('damaged', `${from}: ${bytes} bytes, its manifest says ${manifest.bytes}`)
  }
  if (sha256 !== manifest.sha256) {
    throw new BackupError('damaged', `${from}: SHA-256 ${sha256}, its manifest says ${manifest.sha256}`)
  }
}

/** A manifest of another backup, beside this one. */
function expectSame(backup: string, manifest: BackupManifest, found: Examined): void {
  const said: readonly (readonly [string, string | number, string | number])[] = [
    ['device_id', manifest.device_id, found.deviceId],
    ['epoch', manifest.epoch, found.epoch],
    ['sequence', manifest.sequence, found.sequence],
    ['hash', manifest.hash, found.hash],
    ['inspections', manifest.inspections, found.inspections],
    ['raw_records', manifest.raw_records, found.rawRecords],
  ]
  for (const [name, says, has] of said) {
    if (says !== has)
      throw new BackupError('damaged', `${backup}: ${name} is ${has}, its manifest says ${says}`)
  }
}

/** The log that is there must be in the backup to its end. @throws BackupError `refused` */
async function expectOlder(dataDir: string, backup: Examined): Promise<void> {
  const file = join(dataDir, DATABASE)
  if (!(await exists(file))) return
  let present: Examined
  try {
    present = await outline(file)
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error)
    throw new BackupError(
      'refused',
      `${file}: cannot be read, so nobody knows what would be lost (${cause}): --force moves it aside`,
      { cause: error },
    )
  }
  if (present.sequence === 0) return
  const within = backup.ends.find(({ epoch }) => epoch === present.epoch)
  if (within !== undefined && within.sequence >= present.sequence) return
  throw new BackupError(
    'refused',
    `${dataDir} holds a newer log: it ends at sequence ${present.sequence} of epoch ${present.epoch}, the backup at ` +
      `sequence ${backup.sequence} of epoch ${backup.epoch}: --force moves it aside`,
  )
}
