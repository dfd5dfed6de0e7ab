import { chown, stat } from 'node:fs/promises'

/**
 * A file that root made in the directory of another user is given to that user: the station could not read its own
 * log. Does nothing for anybody else.
 */
export async function giveToOwner(dir: string, files: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = await stat(dir)
  if (uid === 0) return
  for (const file of files) await chown(file, uid, gid)
}
