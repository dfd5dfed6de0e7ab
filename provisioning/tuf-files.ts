import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Incoming } from './fetcher.ts'
import { RepositoryAway } from './tuf-errors.ts'
import { describe } from './tuf-http.ts'

const PIECE_BYTES = 65_536

function away(error: unknown, path: string): RepositoryAway {
  if (error instanceof RepositoryAway) return error
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const missing = code === 'ENOENT' || code === 'ENOTDIR'
  return new RepositoryAway(missing ? 'missing' : 'unreachable', `${path}: ${describe(error)}`, {
    cause: error,
  })
}

/**
 * A file of a repository in a folder: a USB stick, a network drive.
 * @param offset first byte wanted
 * @throws RepositoryAway
 */
export async function openFile(url: URL, offset: number): Promise<Incoming> {
  const path = fileURLToPath(url)
  let file: FileHandle | undefined
  try {
    // A pipe or a device under a file's name must not hold us up.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const stat = await file.stat()
    if (!stat.isFile()) throw new RepositoryAway('missing', `${path}: not a plain file`)
    const start = Math.min(offset, stat.size)
    const opened = file
    return {
      offset: start,
      length: stat.size - start,
      validator: undefined,
      pieces: pieces(opened, path, start),
      close: () => opened.close(),
    }
  } catch (error) {
    await file?.close()
    throw away(error, path)
  }
}

async function* pieces(file: FileHandle, path: string, start: number): AsyncGenerator<Buffer> {
  try {
    for (let position = start; ; ) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(PIECE_BYTES), 0, PIECE_BYTES, position)
      if (bytesRead === 0) return
      position += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } catch (error) {
    throw new RepositoryAway('cut', `${path}: ${describe(error)}`, { cause: error })
  } finally {
    await file.close()
  }
}
