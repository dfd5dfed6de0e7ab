import type { Form } from './form.ts'

/** What a file handle does. */
export interface Readable {
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>
}

/** What of a file that grew is whole. */
export interface Tail {
  /** Bytes up to the end of the last whole record; 0 where not even the header is. */
  readonly bytes: number
  /** Sequence of the last whole record; undefined where there is none. */
  readonly last: number | undefined
}

const CHUNK = 1 << 16
const NEWLINE = 0x0a
const QUOTE = 0x22

/** What the name of a file says of its records. */
interface Stretch {
  readonly epoch: string
  readonly first: number
}

/**
 * How far a file can be trusted after a crash. Records are written in batches, each synced before the next begins, so
 * only those of the last batch can be damaged: of as many the sequence is read, and from the first that is not whole or
 * does not follow the one before it the rest is given up.
 * @param unsure records that one batch has at most
 */
export async function readTail(
  file: Readable,
  form: Form,
  { unsure, ...stretch }: Stretch & { readonly unsure: number },
): Promise<Tail> {
  const header = Buffer.byteLength(form.header)
  const begun = Buffer.alloc(header)
  await file.read(begun, 0, header, 0)
  if (begun.toString() !== form.header) return { bytes: 0, last: undefined }
  const { count, kept } = await recordEnds(file, form, { from: header, keep: unsure + 1 })
  const [base] = kept
  if (base !== undefined && count > unsure) {
    const from = { bytes: base, last: stretch.first + count - kept.length }
    const tail = await follow(file, form, { epoch: stretch.epoch, from, ends: kept.slice(1) })
    // Else damage may have made it miscount: then every record is read.
    if (tail.bytes > base) return tail
  }
  const all = await recordEnds(file, form, { from: header, keep: Number.POSITIVE_INFINITY })
  const from = { bytes: header, last: stretch.first - 1 }
  const tail = await follow(file, form, { epoch: stretch.epoch, from, ends: all.kept })
  return tail.bytes === header ? { ...tail, last: undefined } : tail
}

/** From a place that is sound on, as far as records follow one another. */
async function follow(
  file: Readable,
  form: Form,
  found: {
    readonly epoch: string
    readonly from: { readonly bytes: number; readonly last: number }
    readonly ends: readonly number[]
  },
): Promise<{ readonly bytes: number; readonly last: number }> {
  let { bytes, last } = found.from
  for (const end of found.ends) {
    const record = Buffer.alloc(end - bytes)
    await file.read(record, 0, record.length, bytes)
    const place = form.placeOf(record.toString('utf8', 0, record.length - 1))
    if (place?.epoch !== found.epoch || place.sequence !== last + 1) break
    bytes = end
    last = place.sequence
  }
  return { bytes, last }
}

/** The number of line ends that end records behind `from`, and the offsets behind the newest of them. */
async function recordEnds(
  file: Readable,
  { quotes }: Form,
  { from, keep }: { readonly from: number; readonly keep: number },
): Promise<{ readonly count: number; readonly kept: readonly number[] }> {
  const chunk = Buffer.allocUnsafe(CHUNK)
  let kept: number[] = []
  let count = 0
  const state = { quoted: false }
  for (let at = from; ; ) {
    const { bytesRead } = await file.read(chunk, 0, CHUNK, at)
    if (bytesRead === 0) return { count, kept: kept.slice(-Math.min(keep, count || 1)) }
    for (const place of quotes ? unquoted(chunk.subarray(0, bytesRead), state) : newlines(chunk, bytesRead)) {
      count += 1
      kept.push(at + place + 1)
    }
    if (kept.length > 4 * keep) kept = kept.slice(-keep)
    at += bytesRead
  }
}

function* newlines(chunk: Buffer, length: number): Generator<number> {
  for (let place = chunk.indexOf(NEWLINE); place !== -1 && place < length; ) {
    yield place
    place = chunk.indexOf(NEWLINE, place + 1)
  }
}

/** Line ends outside of double quotes; a doubled quote within them opens and closes. */
function* unquoted(chunk: Buffer, state: { quoted: boolean }): Generator<number> {
  for (const [place, byte] of chunk.entries()) {
    if (byte === QUOTE) state.quoted = !state.quoted
    else if (byte === NEWLINE && !state.quoted) yield place
  }
}
