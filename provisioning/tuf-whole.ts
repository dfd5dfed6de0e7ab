import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rename, rm, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { TargetFile } from '@tufjs/models'
import { storageError } from './tuf-errors.ts'
import { strongHash } from './tuf-offers.ts'

/** Bytes that somebody without privileges may still write to a folder's disk. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/**
 * Holds a file on disk to what was signed for.
 * @returns what differs; undefined: nothing
 * @throws StorageError when it is there and cannot be read
 */
export async function differs(path: string, target: TargetFile): Promise<string | undefined> {
  const { algorithm, hex } = strongHash(target)
  const hash = createHash(algorithm)
  let length = 0
  try {
    for await (const piece of createReadStream(path)) {
      length += piece.length
      hash.update(piece)
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 'not there'
    throw storageError(error, path)
  }
  if (length !== target.length) return `${length} bytes, expected ${target.length}`
  const found = hash.digest('hex')
  return found === hex ? undefined : `${algorithm} ${found}, expected ${hex}`
}

/** Gives a received file its name, once its bytes are on disk; the name is there too when this returns. */
export async function settle(part: string, path: string): Promise<void> {
  const file = await open(part, 'r')
  await file.sync().finally(() => file.close())
  await rename(part, path)
  await rm(`${part}.from`, { force: true })
  const folder = await open(dirname(path))
  await folder.sync().finally(() => folder.close())
}
