import { link, mkdir, open, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { openWriter } from '../store/connections.ts'
import { giveToOwner } from './owner.ts'

// What belongs to a log, and would belie another one: SQLite would play the old write-ahead log into it.
const COMPANIONS = ['witness.json', 'triggers.json', 'poincon.db-wal', 'poincon.db-shm', 'poincon.db-journal']
/** Name of the log in a data directory. */
export const DATABASE = 'poincon.db'

/**
 * Puts the database `fresh` of the same directory in place of the log that is there, if any.
 * @param wallMs names the folder that the old one goes to
 * @returns that folder; undefined when there was no log
 */
export async function replaceLog(
  dataDir: string,
  fresh: string,
  wallMs: number,
): Promise<string | undefined> {
  const movedTo = await moveAside(dataDir, wallMs)
  await giveToOwner(dataDir, [fresh, join(dataDir, 'lock'), ...(movedTo === undefined ? [] : [movedTo])])
  await syncFolder(dataDir)
  await rename(fresh, join(dataDir, DATABASE))
  await syncFolder(dataDir)
  return movedTo
}

/**
 * Everything of the old log but its name, in a folder of its own; nothing is deleted. First its write-ahead log is
 * folded into it, so that what is moved is one file, whatever happens in between; where it is too damaged for that, all
 * its files go together.
 * @returns the folder; undefined when there was no log
 */
async function moveAside(dataDir: string, wallMs: number): Promise<string | undefined> {
  const file = join(dataDir, DATABASE)
  const hasLog = await exists(file)
  if (hasLog) await fold(file)
  const companions: string[] = []
  for (const name of COMPANIONS) if (await exists(join(dataDir, name))) companions.push(name)
  if (!hasLog && companions.length === 0) return undefined
  const aside = asideOf(dataDir, wallMs)
  // It is there already when the catalogue went first.
  await mkdir(aside, { recursive: true })
  // A second name: under its first one the old log stays until the new one takes its place.
  if (hasLog) await link(file, join(aside, DATABASE))
  for (const name of companions) await rename(join(dataDir, name), join(aside, name))
  await syncFolder(aside)
  return aside
}

/** The folder that what is replaced goes to. */
export function asideOf(dataDir: string, wallMs: number): string {
  return join(dataDir, `replaced-${new Date(wallMs).toISOString().replace(/[-:]/g, '')}`)
}

async function fold(file: string): Promise<void> {
  try {
    const database = await openWriter(file)
    await database.exec('PRAGMA wal_checkpoint(TRUNCATE)').finally(() => database.close())
  } catch {
    // Damaged: it is kept as it is.
  }
}

/** After it, what was renamed in a folder stays renamed, also when the power goes. */
export async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Whether there is such a file. */
export async function exists(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false,
  )
}
