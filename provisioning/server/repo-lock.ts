import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../drivers/clock.ts'
import { isMissing, RepoError } from './repo-error.ts'

const PATIENCE_MS = 20_000
const EVERY_MS = 50

/**
 * Does one thing at a time with a repository: a person at a terminal, the timer that refreshes and the watch each
 * wait for the other. A lock whose process is gone is nobody's.
 * @throws RepoError when another process keeps it for longer than 20 s
 */
export async function withLock<T>(
  dir: string,
  work: () => Promise<T>,
  clock: Clock = systemClock,
): Promise<T> {
  const file = join(dir, '.lock')
  const own = `${file}.${process.pid}-${randomUUID()}`
  const end = clock.now() + PATIENCE_MS
  try {
    await writeFile(own, `${process.pid}\n`)
  } catch (error) {
    if (isMissing(error)) throw new RepoError(`${dir}: no such folder: expected a repository`)
    throw error
  }
  try {
    while (!(await taken(own, file))) {
      const owner = await ownerOf(file)
      if (owner === undefined) continue
      if (!alive(owner)) await clear(file, own)
      else if (clock.now() > end) throw new RepoError(`${dir}: in use by process ${owner} (${file})`)
      else await clock.sleep(EVERY_MS)
    }
  } catch (error) {
    await rm(own, { force: true })
    throw error
  }
  try {
    return await work()
  } finally {
    await rm(file, { force: true })
    await rm(own, { force: true })
  }
}

/** link(2) makes the lock and its content in one step, or finds that there is one. */
async function taken(own: string, file: string): Promise<boolean> {
  try {
    await link(own, file)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

/** Takes a dead process's lock away; one that a living process took meanwhile is put back. */
async function clear(file: string, own: string): Promise<void> {
  const aside = `${own}.stale`
  try {
    await rename(file, aside)
  } catch (error) {
    if (isMissing(error)) return
    throw error
  }
  const owner = await ownerOf(aside)
  if (owner !== undefined && alive(owner)) await taken(aside, file)
  await rm(aside, { force: true })
}

async function ownerOf(file: string): Promise<number | undefined> {
  try {
    return Number((await readFile(file, 'utf8')).trim())
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function alive(owner: number): boolean {
  try {
    process.kill(owner, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
