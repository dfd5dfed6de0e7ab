import { readSync, writeSync } from 'node:fs'

/** What a victim says when it is loaded; then it waits for a word on its standard input. */
export const LOADED = 'loaded'

const LONGEST = 4096
const AGAIN_MS = 1
const asleep = new Int32Array(new SharedArrayBuffer(4))

/** Says so, and stands still until the word comes. @returns it; nothing where the other end is gone */
export function awaitWord(): string {
  say(LOADED)
  const word = Buffer.alloc(LONGEST)
  return word.toString('utf8', 0, readSync(0, word))
}

/**
 * Says a line on standard output, synchronously, so that it is said however this process dies. The pipe does not block: it
 * refuses what a reader that is behind has no room for, and is asked again.
 */
export function say(line: string): void {
  const bytes = Buffer.from(`${line}\n`)
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(1, bytes, written)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
      Atomics.wait(asleep, 0, 0, AGAIN_MS)
    }
  }
}
