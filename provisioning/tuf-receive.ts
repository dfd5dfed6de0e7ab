import type { FileHandle } from 'node:fs/promises'
import type { TargetFile } from '@tufjs/models'
import type { Clock } from '../drivers/clock.ts'
import type { Incoming } from './fetcher.ts'
import { IntegrityError, RepositoryAway, storageError } from './tuf-errors.ts'

export interface Wanted {
  readonly target: TargetFile
  readonly url: URL
  readonly signal: AbortSignal
  readonly onProgress?: (received: number, length: number) => void
}

/** How fast a download may be, and has to be. */
export interface Pace {
  readonly clock: Clock
  /** Most that a download takes of the network, bytes/s; absent: what there is. */
  readonly bytesPerSecond?: number
  /** Slower than this on the whole is no download, bytes/s; 4,096 if absent. */
  readonly slowestBytesPerSecond?: number
}

/** What even the slowest download may take for its beginning, ms. */
const GRACE_MS = 60_000
const SLOWEST = 4096

/** Whoever is held to a slow rate by us is not slow by itself. */
function longestMs(
  fresh: number,
  { bytesPerSecond = Number.POSITIVE_INFINITY, slowestBytesPerSecond = SLOWEST }: Pace,
): number {
  return GRACE_MS + (fresh / Math.min(slowestBytesPerSecond, bytesPerSecond / 2)) * 1000
}

/**
 * Writes what comes into a part, up to the target's length and no further.
 * @throws IntegrityError `endless`; RepositoryAway `cut`, `slow`; StorageError; the signal's reason
 */
export async function receive(
  file: FileHandle,
  incoming: Incoming,
  wanted: Wanted,
  pace: Pace,
): Promise<void> {
  const { target, url, signal, onProgress } = wanted
  const began = pace.clock.now()
  let received = incoming.offset
  for await (const piece of incoming.pieces) {
    signal.throwIfAborted()
    if (received + piece.length > target.length) {
      throw new IntegrityError('endless', `${url}: more than the ${target.length} bytes that were signed for`)
    }
    await write(file, piece, received)
    received += piece.length
    onProgress?.(received, target.length)
    const fresh = received - incoming.offset
    const tookMs = pace.clock.now() - began
    if (tookMs > longestMs(fresh, pace)) {
      throw new RepositoryAway('slow', `${url}: ${fresh} bytes in ${Math.round(tookMs)} ms`)
    }
    // Reading later makes the far end send later: TCP keeps the rate for us.
    const aheadMs = pace.bytesPerSecond === undefined ? 0 : (fresh / pace.bytesPerSecond) * 1000 - tookMs
    if (aheadMs > 1) await pace.clock.sleep(aheadMs, signal)
  }
  if (received < target.length) {
    throw new RepositoryAway('cut', `${url}: ended after ${received} of ${target.length} bytes`)
  }
}

async function write(file: FileHandle, piece: Buffer, position: number): Promise<void> {
  try {
    await file.write(piece, 0, piece.length, position)
  } catch (error) {
    throw storageError(error, 'download')
  }
}
