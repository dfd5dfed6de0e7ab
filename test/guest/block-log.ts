import { readSync } from 'node:fs'

/** One entry of the log of `dm-log-writes`, in the order in which the device had it. Offsets and lengths in bytes. */
export interface LogEntry {
  /** Where it was written on the device. */
  readonly offset: number
  /** 0 for a flush alone and for a mark. */
  readonly length: number
  /** Where the log has what was written. */
  readonly at: number
  /** Whatever was written before it was on the medium before it. */
  readonly flush: boolean
  /** It was on the medium itself when it was done, whatever was written before it. */
  readonly fua: boolean
  /** What somebody had put in the log, for an entry that was no write. */
  readonly mark?: string
}

// drivers/md/dm-log-writes.c of Linux 6.1: all numbers little-endian, entries from the second sector on.
const MAGIC = 0x6a736677736872n
const VERSION = 1n
const ENTRY_BYTES = 32
const FLUSH = 1
const FUA = 2
const DISCARD = 4
const MARK = 8

/**
 * Reads a log to its end. An entry is one sector, and behind it lies what was written.
 * @param log descriptor of the device that has the log, or of a copy of it
 * @throws Error where it is no log, and for a discard: file systems here are mounted without
 */
export function readBlockLog(log: number): LogEntry[] {
  const head = readAt(log, 0, ENTRY_BYTES)
  const [magic, version, count] = [0, 8, 16].map((at) => head.readBigUInt64LE(at))
  if (magic !== MAGIC || version !== VERSION) {
    throw new Error(`no log of dm-log-writes: magic ${magic?.toString(16)}, version ${version}`)
  }
  const sector = head.readUInt32LE(24)
  const entries: LogEntry[] = []
  let at = sector
  for (let left = Number(count); left > 0; left -= 1) {
    const entry = readEntry(readAt(log, at, sector), sector, at + sector)
    entries.push(entry)
    at = entry.at + entry.length
  }
  return entries
}

function readEntry(bytes: Buffer, sector: number, at: number): LogEntry {
  const [place = 0, sectors = 0, flags = 0, length = 0] = [0, 8, 16, 24].map((offset) =>
    Number(bytes.readBigUInt64LE(offset)),
  )
  if ((flags & DISCARD) !== 0) throw new Error(`a discard of ${sectors} sectors at ${place} is not followed`)
  const mark = (flags & MARK) === 0 ? undefined : bytes.toString('utf8', ENTRY_BYTES, ENTRY_BYTES + length)
  return {
    offset: place * sector,
    length: sectors * sector,
    at,
    flush: (flags & FLUSH) !== 0,
    fua: (flags & FUA) !== 0,
    ...(mark === undefined ? {} : { mark }),
  }
}

/** @throws Error where there is less */
export function readAt(file: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let read = 0; read < length; ) {
    const more = readSync(file, bytes, read, length - read, at + read)
    if (more === 0) throw new Error(`ends at byte ${at + read}, before byte ${at + length}`)
    read += more
  }
  return bytes
}
