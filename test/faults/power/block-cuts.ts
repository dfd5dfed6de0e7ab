import type { Random } from '../../../drivers/simulated/random.ts'
import type { LogEntry } from '../../guest/block-log.ts'
import { NOTE_AT } from '../../guest/power-disk.ts'
import type { Cut } from './crashed-disk.ts'

/** One instant between two writes to a disk. */
export interface Instant {
  /** Entries before this one had reached the disk. */
  readonly end: number
  /** Entries before this one are on its medium. */
  readonly certain: number
  /** The last sequence that was acknowledged. */
  readonly acknowledged: number
}

/**
 * Every instant between two writes of a log, and the one after the last. Flushes and notes take no time.
 * @param sequenceAt what a note says
 */
export function instantsOf(entries: readonly LogEntry[], sequenceAt: (note: LogEntry) => number): Instant[] {
  const instants: Instant[] = []
  let certain = 0
  let acknowledged = 0
  for (const [end, entry] of entries.entries()) {
    if (isWrite(entry)) instants.push({ end, certain, acknowledged })
    // The log has a write when a later flush has ended; what stands before that flush had been done before it began.
    if (entry.flush) certain = end
    if (isNote(entry)) acknowledged = Math.max(acknowledged, sequenceAt(entry))
  }
  return [...instants, { end: entries.length, certain, acknowledged }]
}

/** Whether an entry changes the file system. */
export function isWrite({ offset, length, mark }: LogEntry): boolean {
  return mark === undefined && length > 0 && offset < NOTE_AT
}

function isNote({ offset, length, mark }: LogEntry): boolean {
  return mark === undefined && length > 0 && offset === NOTE_AT
}

/** A stretch of the disk, and where the log has what was written there. Bytes. */
export interface Piece {
  readonly offset: number
  readonly at: number
  readonly length: number
}

/** What of the writes since the last flush is there after the cut, in the order in which they were done. */
export function survivors(pending: readonly LogEntry[], cut: Cut, random: Random): Piece[] {
  return pending.filter(isWrite).flatMap((entry) => {
    if (entry.fua || cut === 'kept') return [entry]
    return cut === 'dropped' ? [] : partOf(entry, random)
  })
}

// Written whole: ext4 counts on it for its superblock. SQLite's pages are as large, but lie across two in its log.
const BLOCK = 4096

function partOf({ offset, at, length }: LogEntry, random: Random): Piece[] {
  // All, none, or a torn one: the torn ones alone would leave nearly no write whole.
  const torn = random.chance(0.3)
  const whole = random.chance(0.5)
  if (!torn) return whole ? [{ offset, at, length }] : []
  return Array.from({ length: Math.ceil(length / BLOCK) }, (_, block) => block * BLOCK)
    .filter(() => random.chance(0.5))
    .map((from) => ({ offset: offset + from, at: at + from, length: Math.min(BLOCK, length - from) }))
}
