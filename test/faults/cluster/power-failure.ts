import { readdir, rm, stat, truncate } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Random } from '../../../drivers/simulated/random.ts'

/** Bytes of every message block at one instant: as far as the disk has it for good. */
export type Synced = ReadonlyMap<string, number>

/**
 * The message blocks below a folder, those of the streams and those of the raft groups that replicate them. A server
 * syncs them every two minutes; what it wrote since is the kernel's.
 */
export async function blocksOf(folder: string): Promise<Map<string, number>> {
  const blocks = new Map<string, number>()
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.blk')) continue
    const file = join(folder, name)
    // A block may go while it is looked at.
    const found = await stat(file).catch(() => undefined)
    if (found !== undefined) blocks.set(file, found.size)
  }
  return blocks
}

/**
 * What the power takes of the store of a server that is dead: the tail that was written since `synced`, each block down
 * to a length of its own.
 * @returns bytes that are gone
 */
export async function cutTails(folder: string, synced: Synced, random: Random): Promise<number> {
  let lost = 0
  for (const [file, size] of await blocksOf(folder)) {
    const safe = Math.min(size, synced.get(file) ?? 0)
    const left = Math.floor(random.between(safe, size))
    if (left === size) continue
    await truncate(file, left)
    lost += size - left
    // What was noted of the block speaks of bytes that are gone; the server makes it anew from what is left.
    const note = join(dirname(file), `${/(\d+)\.blk$/.exec(file)?.[1]}`)
    for (const kind of ['idx', 'fss']) await rm(`${note}.${kind}`, { force: true })
  }
  return lost
}
