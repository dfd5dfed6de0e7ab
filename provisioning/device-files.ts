import { chmod, chown, mkdir, open, readlink, rename, rm, stat, symlink } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { replaceFile } from '../gateway/replace-file.ts'

/** How a device's folder is written; each call is whole or not at all, also when the power goes. */
export interface DeviceFiles {
  /** Makes or replaces a file; who owns the folder owns it. */
  write(path: string, content: string, mode: number): Promise<void>
  /** Makes a folder, and those above it. */
  folder(path: string): Promise<void>
  /** Makes or replaces a symbolic link. */
  link(path: string, target: string): Promise<void>
  /** Removes what is there, with all that is in it. */
  remove(path: string): Promise<void>
}

const FOLDER_MODE = 0o750

export const deviceFiles: DeviceFiles = {
  async write(path, content, mode) {
    await replaceFile(path, content, mode)
    // Whatever the umask left out: the gateway reads by its group.
    await chmod(path, mode)
    await giveToOwner(path)
  },
  async folder(path) {
    const made = await mkdir(path, { recursive: true, mode: FOLDER_MODE })
    if (made === undefined) return
    // From the first one that was made: each takes after the one above it.
    const below = relative(made, path).split(sep)
    for (let depth = 0; depth <= below.length; depth += 1) {
      const each = join(made, ...below.slice(0, depth))
      await giveToOwner(each)
      await sync(dirname(each))
    }
  },
  async link(path, target) {
    if ((await readlink(path).catch(() => undefined)) === target) return
    const made = `${path}.${process.pid}`
    await rm(made, { force: true })
    await symlink(target, made)
    await rename(made, path)
    await sync(dirname(path))
  },
  async remove(path) {
    await rm(path, { recursive: true, force: true })
    await sync(dirname(path))
  },
}

/** What root makes for a service belongs to that service: to whoever owns the folder above. */
async function giveToOwner(path: string): Promise<void> {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = await stat(dirname(path))
  await chown(path, uid, gid)
}

async function sync(path: string): Promise<void> {
  const folder = await open(path)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
