import { randomBytes } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** For the owner alone. */
const OWNER_ONLY = 0o600
const OTHERS = 0o077

/**
 * The content of a file that only its owner may read. Where there is none it is made, whole or not at all, and never in
 * place of one that is there: a key that is lost cannot be had again.
 * @param make content of a new one
 * @throws what the file system throws
 */
export async function secretFile(path: string, make: () => string): Promise<string> {
  return (await secretIn(path)) ?? (await create(path, make()))
}

/** Undefined where there is none. What others may read is taken from them. */
export async function secretIn(path: string): Promise<string | undefined> {
  try {
    const content = await readFile(path, 'utf8')
    // Who is not its owner cannot, and has read it all the same.
    if (((await stat(path)).mode & OTHERS) !== 0) await chmod(path, OWNER_ONLY).catch(() => {})
    return content
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

async function create(path: string, content: string): Promise<string> {
  const folder = dirname(path)
  await mkdir(folder, { recursive: true })
  const fresh = `${path}.${randomBytes(6).toString('hex')}`
  try {
    const file = await open(fresh, 'wx', OWNER_ONLY)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    // A link is refused where there is a file: of two that begin at once, one key remains.
    await link(fresh, path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    await rm(fresh, { force: true })
  }
  const directory = await open(folder)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
  return readFile(path, 'utf8')
}
