import { lstat, open, readlink, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'

/** What a link points to, as it is written there; undefined where there is none. */
export async function readPointer(path: string): Promise<string | undefined> {
  try {
    return await readlink(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EINVAL') return undefined
    throw error
  }
}

/** Points a link elsewhere by rename(2): at every instant it leads to the old target or to the new one. */
export async function replacePointer(folder: string, name: string, target: string): Promise<void> {
  const path = join(folder, name)
  const fresh = join(folder, `.${name}.new`)
  await rm(fresh, { force: true })
  await symlink(target, fresh)
  try {
    await rename(fresh, path)
  } catch (error) {
    await rm(fresh, { force: true })
    throw error
  }
  await syncFolder(folder)
}

export async function removePointer(folder: string, name: string): Promise<void> {
  await rm(join(folder, name), { force: true })
  await syncFolder(folder)
}

/** Names made, changed or removed in a folder outlive a power cut from here on. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

/** `ENOENT` and its like; undefined for what is no system error. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
