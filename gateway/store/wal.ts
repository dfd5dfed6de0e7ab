import { type FileHandle, open } from 'node:fs/promises'
import { StoreError, storeError } from './error.ts'

// SQLite's file format, §4 "The Write-Ahead Log" (sqlite.org/fileformat2.html#walformat).
const MAGIC = 0x377f0682
const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const PAGE_BYTES = 4096
const FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES

interface Sum {
  readonly first: number
  readonly second: number
}

/** What one frame says of itself. */
interface Frame {
  readonly salts: string
  /** The last of its transaction. */
  readonly commits: boolean
  readonly sum: Sum
}

/**
 * Looks at the log that a crash left, before SQLite does: SQLite takes what lies before the first frame that does not
 * fit, and forgets what lies behind. After a crash that is the commit that was cut off. Where whole commits lie behind
 * it, the disk has lost what was acknowledged: opening would throw the rest away, and its sequences would be given to
 * other inspections. Damage within the last commit cannot be told from a crash.
 * @param database its file; the log lies beside it
 * @throws StoreError `corrupt`; nothing was changed. `io`, `not-writable` where it cannot be read
 */
export async function expectWholeLog(database: string): Promise<void> {
  const file = `${database}-wal`
  const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw storeError(error, file)
  })
  if (handle === undefined) return
  try {
    const damaged = await damagedFrame(handle)
    if (damaged === undefined) return
    const place = damaged === 0 ? 'the header' : `frame ${damaged}`
    throw new StoreError(
      'corrupt',
      `${file}: ${place} is damaged, and commits lie behind it that were acknowledged`,
    )
  } finally {
    await handle.close()
  }
}

/** @returns the first frame, from 1, that does not fit though commits lie behind it; 0 for the header */
async function damagedFrame(handle: FileHandle): Promise<number | undefined> {
  const header = Buffer.alloc(HEADER_BYTES)
  if ((await handle.read(header, 0, HEADER_BYTES, 0)).bytesRead < HEADER_BYTES) return undefined
  // The words of the sums are in the order of the machine that wrote the log.
  const little = header.readUInt32BE(0) !== MAGIC + 1
  let before = headerFrame(header, little)
  let salts = before?.salts
  let misfit = before === undefined ? 0 : undefined
  const bytes = Buffer.alloc(FRAME_BYTES)
  for (let frame = 1; ; frame += 1) {
    const at = HEADER_BYTES + (frame - 1) * FRAME_BYTES
    if ((await handle.read(bytes, 0, FRAME_BYTES, at)).bytesRead < FRAME_BYTES) return undefined
    const now = readFrame(bytes)
    // The log begins anew over what was checkpointed: frames with other salts are of the time before.
    salts ??= now.salts
    const follows = before !== undefined && fits(bytes, before.sum, now.sum, little)
    const present = follows && now.salts === salts && before?.salts === salts
    // A frame is written behind a commit only when that commit was synced.
    if (misfit !== undefined && present && before?.commits === true) return misfit
    if (!present) misfit ??= frame
    before = now
  }
}

function headerFrame(header: Buffer, little: boolean): Frame | undefined {
  const sum = { first: header.readUInt32BE(24), second: header.readUInt32BE(28) }
  const computed = added({ first: 0, second: 0 }, header.subarray(0, 24), little)
  if (computed.first !== sum.first || computed.second !== sum.second) return undefined
  return { salts: header.toString('hex', 16, 24), commits: false, sum }
}

function readFrame(bytes: Buffer): Frame {
  return {
    salts: bytes.toString('hex', 8, 16),
    commits: bytes.readUInt32BE(4) !== 0,
    sum: { first: bytes.readUInt32BE(16), second: bytes.readUInt32BE(20) },
  }
}

/** Whether a frame's sum continues that of the frame before it. */
function fits(bytes: Buffer, before: Sum, sum: Sum, little: boolean): boolean {
  const computed = added(
    added(before, bytes.subarray(0, 8), little),
    bytes.subarray(FRAME_HEADER_BYTES),
    little,
  )
  return computed.first === sum.first && computed.second === sum.second
}

/** Adds pairs of 32-bit words to a sum (§4.2, "Checksum Algorithm"). */
function added({ first, second }: Sum, bytes: Buffer, little: boolean): Sum {
  let s0 = first
  let s1 = second
  for (let at = 0; at < bytes.length; at += 8) {
    s0 = (s0 + (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)) + s1) >>> 0
    s1 = (s1 + (little ? bytes.readUInt32LE(at + 4) : bytes.readUInt32BE(at + 4)) + s0) >>> 0
  }
  return { first: s0, second: s1 }
}
