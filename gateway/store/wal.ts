import { type FileHandle, open } from 'node:fs/promises'
import { StoreError, storeError } from './error.ts'

// SQLite's file format, §4 "The Write-Ahead Log" (sqlite.org/fileformat2.html#walformat).
const MAGIC = 0x377f0682
const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const LEAST_PAGE_BYTES = 512
const MOST_PAGE_BYTES = 65_536
/** In the database's own header (§1.3.2): two bytes, 1 for 65536. */
const PAGE_SIZE_AT = 16

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
 * @param pageBytes of its pages, where neither the log nor the database can say
 * @throws StoreError `corrupt`; nothing was changed. `io`, `not-writable` where it cannot be read
 */
export async function expectWholeLog(database: string, pageBytes: number): Promise<void> {
  const file = `${database}-wal`
  const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw storeError(error, file)
  })
  if (handle === undefined) return
  try {
    const damaged = await damagedFrame(handle, async () => (await pageBytesIn(database)) ?? pageBytes)
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

/**
 * @param inDatabase the size of a page as the database itself says it, where the log's header cannot be trusted
 * @returns the first frame, from 1, that does not fit though commits lie behind it; 0 for the header
 */
async function damagedFrame(
  handle: FileHandle,
  inDatabase: () => Promise<number>,
): Promise<number | undefined> {
  const header = Buffer.alloc(HEADER_BYTES)
  if ((await handle.read(header, 0, HEADER_BYTES, 0)).bytesRead < HEADER_BYTES) return undefined
  // The words of the sums are in the order of the machine that wrote the log.
  const little = header.readUInt32BE(0) !== MAGIC + 1
  let before = headerFrame(header, little)
  let salts = before?.salts
  let misfit = before === undefined ? 0 : undefined
  const pageBytes = before === undefined ? await inDatabase() : header.readUInt32BE(8)
  const bytes = Buffer.alloc(FRAME_HEADER_BYTES + pageBytes)
  for (let frame = 1; ; frame += 1) {
    const at = HEADER_BYTES + (frame - 1) * bytes.length
    if ((await handle.read(bytes, 0, bytes.length, at)).bytesRead < bytes.length) return undefined
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

/** @returns undefined where there is no database, or none that says a size there is */
async function pageBytesIn(database: string): Promise<number | undefined> {
  const handle = await open(database, 'r').catch(() => undefined)
  if (handle === undefined) return undefined
  try {
    const bytes = Buffer.alloc(2)
    const { bytesRead } = await handle.read(bytes, 0, 2, PAGE_SIZE_AT)
    const said = bytes.readUInt16BE(0)
    const size = said === 1 ? MOST_PAGE_BYTES : said
    const sound = bytesRead === 2 && size >= LEAST_PAGE_BYTES && (size & (size - 1)) === 0
    return sound ? size : undefined
  } finally {
    await handle.close()
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
