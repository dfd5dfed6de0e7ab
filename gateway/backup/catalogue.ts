import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CATALOGUE_STEPS } from '../store/catalogue/tables.ts'
import { openReader, openWriter } from '../store/connections.ts'
import type { Database } from '../store/database.ts'
import { exists, syncFolder } from './aside.ts'
import { BackupError, backupError } from './error.ts'
import { type CatalogueFacts, hashFile } from './manifest.ts'
import { giveToOwner } from './owner.ts'

/** Name of the catalogue of lenses in a data directory. */
export const CATALOGUE = 'catalogue.db'

/** Where a backup has the catalogue: beside the log, where the station had one. */
export function catalogueFile(backup: string): string {
  return `${backup}.catalogue`
}

/** A backup's files, but its manifest. */
export async function filesOf(backup: string): Promise<readonly string[]> {
  const catalogue = catalogueFile(backup)
  return (await exists(catalogue)) ? [catalogue, backup] : [backup]
}

/**
 * Looks a copy through: pages, indexes, what refers to what.
 * @param rest awaited after each piece that was hashed, with what it took, ms
 * @throws BackupError `damaged`, `newer`
 */
export async function vouchForCatalogue(
  file: string,
  gently: { readonly signal?: AbortSignal; readonly rest?: (tookMs: number) => Promise<void> } = {},
): Promise<CatalogueFacts> {
  const counted = await examined(file)
  return { bytes: (await stat(file)).size, sha256: await hashFile(file, gently), ...counted }
}

async function examined(file: string): Promise<Pick<CatalogueFacts, 'lenses' | 'symbols'>> {
  let database: Database | undefined
  try {
    database = await openReader(file)
    await expectWhole(database)
    const row = await database.get<{ lenses: number; symbols: number }>(
      'SELECT (SELECT count(*) FROM lenses) AS lenses, (SELECT count(*) FROM symbols) AS symbols',
    )
    return row ?? { lenses: 0, symbols: 0 }
  } catch (error) {
    throw backupError(error, file)
  } finally {
    await database?.close()
  }
}

async function expectWhole(database: Database): Promise<void> {
  const row = await database.get<{ user_version: number }>('PRAGMA user_version')
  const version = row?.user_version ?? 0
  if (version > CATALOGUE_STEPS.length) {
    throw new BackupError(
      'newer',
      `${database.file}: schema ${version}, this release knows ${CATALOGUE_STEPS.length}`,
    )
  }
  const pages = await database.all<{ integrity_check: string }>('PRAGMA integrity_check(3)')
  const found = pages.map((page) => page.integrity_check).filter((line) => line !== 'ok')
  const strays = await database.all('PRAGMA foreign_key_check')
  if (strays.length > 0) found.push(`${strays.length} rows refer to what is not there`)
  if (version < 1) found.push(`schema ${version}: no catalogue of lenses`)
  if (found.length > 0)
    throw new BackupError('damaged', `${database.file}: ${found.join('; ').replaceAll('\n', ' ')}`)
}

/**
 * Puts the catalogue `fresh` in place of that of a data directory; the old one goes into `aside`, never away.
 * @returns whether there was one
 */
export async function replaceCatalogue(dataDir: string, fresh: string, aside: string): Promise<boolean> {
  const file = join(dataDir, CATALOGUE)
  const had = await exists(file)
  if (had) {
    await fold(file)
    await mkdir(aside, { recursive: true })
    for (const rest of ['', '-wal', '-shm', '-journal'])
      if (await exists(file + rest)) await rename(file + rest, join(aside, CATALOGUE + rest))
    await syncFolder(aside)
  }
  await giveToOwner(dataDir, [fresh, ...(had ? [aside] : [])])
  await rename(fresh, file)
  await syncFolder(dataDir)
  return had
}

/** What its log holds goes into it; where it is too damaged for that, all its files go together. */
async function fold(file: string): Promise<void> {
  try {
    const database = await openWriter(file)
    await database.exec('PRAGMA wal_checkpoint(TRUNCATE)').finally(() => database.close())
  } catch {
    // Damaged: it is kept as it is.
  }
}

/** What is left of a copy that did not become a backup, or a catalogue. */
export async function clear(copy: string): Promise<void> {
  for (const rest of ['', '-journal', '-wal', '-shm']) await rm(copy + rest, { force: true })
}
