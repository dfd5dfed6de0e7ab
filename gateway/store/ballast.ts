import { open, rm, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreError } from './error.ts'

// Below this a commit may fail: the write-ahead log grows by some 40 kB with each.
const NEARLY_FULL_BYTES = 1024 * 1024
const CHUNK = new Uint8Array(1024 * 1024)

/**
 * Room that is kept for a disk that others have filled. Without any, what sinks deliver could not be remembered, so
 * nothing would ever be delivered, nothing could go, and there would never be room again. While it is given up, it is
 * for that alone: no inspection is stored until it has been taken back.
 */
export class Ballast {
  readonly #file: string
  readonly #bytes: number
  #state: 'none' | 'held' | 'given-up'

  private constructor(file: string, bytes: number, state: 'none' | 'held' | 'given-up') {
    this.#file = file
    this.#bytes = bytes
    this.#state = state
  }

  /**
   * Takes the room where the disk has plenty; a disk that has not goes without.
   * @param bytes 0 for none
   * @throws what the file system throws
   */
  static async open(file: string, bytes: number): Promise<Ballast> {
    if (bytes === 0) return new Ballast(file, bytes, 'none')
    const free = await freeBytes(file)
    const there = (await sizeOf(file)) >= bytes
    const ballast = new Ballast(file, bytes, there ? 'held' : 'none')
    if (there) await ballast.giveUp()
    else if (free >= 4 * bytes && (await ballast.#take())) ballast.#state = 'held'
    return ballast
  }

  get givenUp(): boolean {
    return this.#state === 'given-up'
  }

  /** Gives the room up, where the disk itself is full: not for a quota. */
  async giveUp(): Promise<void> {
    if (this.#state !== 'held' || (await freeBytes(this.#file)) >= NEARLY_FULL_BYTES) return
    await rm(this.#file, { force: true })
    this.#state = 'given-up'
  }

  /** Before an inspection is stored. @throws StoreError `full` while the room is given up and cannot be taken back */
  async expect(): Promise<void> {
    if (this.#state !== 'given-up') return
    if ((await freeBytes(this.#file)) >= 2 * this.#bytes && (await this.#take())) {
      this.#state = 'held'
      return
    }
    throw new StoreError(
      'full',
      `${dirname(this.#file)}: the disk is full: what it still has is for delivering and removing what is stored`,
    )
  }

  /** @returns whether it could be had */
  async #take(): Promise<boolean> {
    try {
      const handle = await open(this.#file, 'w')
      try {
        for (let written = 0; written < this.#bytes; written += CHUNK.length) {
          await handle.write(CHUNK, 0, Math.min(CHUNK.length, this.#bytes - written))
        }
        await handle.sync()
        return true
      } finally {
        await handle.close()
      }
    } catch {
      await rm(this.#file, { force: true }).catch(() => {})
      return false
    }
  }
}

async function freeBytes(file: string): Promise<number> {
  const { bavail, bsize } = await statfs(dirname(file))
  return bavail * bsize
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size
  } catch {
    return 0
  }
}
