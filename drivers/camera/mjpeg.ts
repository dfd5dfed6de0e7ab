/** A picture of a camera is some 100 to 500 kB; more than this is no picture. */
export const MAX_FRAME_BYTES = 16 * 1024 * 1024
/** How much of what stands before a picture is kept. */
const MAX_PREAMBLE_BYTES = 1024

/** One whole JPEG, from its SOI to its EOI. */
export interface Jpeg {
  readonly bytes: Uint8Array
  /** As its frame header says, before any EXIF rotation. */
  readonly width: number
  readonly height: number
  /** What stood between the picture before and this one: at most its last 1024 bytes. */
  readonly preamble: Uint8Array
}

// Markers of ITU-T T.81, table B.1; each stands behind 0xFF.
const STUFFED = 0x00
const SOF_FIRST = 0xc0
const SOF_LAST = 0xcf
const NOT_SOF = new Set([0xc4, 0xc8, 0xcc])
const RST_FIRST = 0xd0
const RST_LAST = 0xd7
const SOI = 0xd8
const EOI = 0xd9
const SOS = 0xda
/** Tables and headers are short, only APPn and COM hold what they like: a longer one has lost its end. */
const MAX_TABLE_BYTES = 4096
const APP_FIRST = 0xe0
/** Bytes of a frame header up to its size: precision, height, width (T.81 B.2.2). */
const SOF_SIZE_BYTES = 5
const START = Uint8Array.of(0xff, SOI)

type State = 'gap' | 'marker' | 'length' | 'segment' | 'scan'

/**
 * Cuts a stream of JPEGs that follow each other into pictures, whatever pieces it comes in. It walks the markers
 * (T.81 annex B): an EOI inside a segment, as in the thumbnail of an EXIF block, does not end a picture.
 *
 * What is no picture is passed over up to the next SOI. A picture that stands behind bytes of another kind and has
 * another size than the one before is taken for a thumbnail out of a damaged picture: a real change costs one picture.
 */
export class MjpegSplitter {
  readonly #maxBytes: number
  #state: State = 'gap'
  /** The byte before was 0xFF. */
  #ff = false
  #code = 0
  #left = 0
  #header: number[] = []
  /** Of the picture under way, and where its bytes of the present chunk begin. */
  #parts: Uint8Array[] = []
  #held = 0
  #from = 0
  #width = 0
  #height = 0
  #preamble = new Uint8Array(0)
  #doubtful = false
  #lastWidth = 0
  #lastHeight = 0
  #damaged = 0
  #skippedBytes = 0

  constructor(options: { readonly maxFrameBytes?: number } = {}) {
    this.#maxBytes = options.maxFrameBytes ?? MAX_FRAME_BYTES
  }

  /** Pictures that began and were cut off, too long, or no JPEG inside. */
  get damaged(): number {
    return this.#damaged
  }

  /** Bytes that belong to no picture: padding, time stamps, noise. */
  get skippedBytes(): number {
    return this.#skippedBytes
  }

  /** Bytes held of a picture whose end has not come: at most `maxFrameBytes`. */
  get heldBytes(): number {
    return this.#held
  }

  /** @returns the pictures that end in this chunk; they hold their own bytes */
  push(chunk: Uint8Array): Jpeg[] {
    const pictures: Jpeg[] = []
    this.#from = 0
    let at = 0
    while (at < chunk.length) at = this.#take(chunk, at, pictures)
    // A 0xFF at its end may be half of the next picture's SOI.
    if (this.#state === 'gap') this.#skip(chunk.subarray(this.#from, chunk.length - (this.#ff ? 1 : 0)))
    else this.#keep(chunk, chunk.length)
    return pictures
  }

  /** The stream is over: a picture without its end is damaged. */
  end(): void {
    if (this.#state !== 'gap') this.#damage(0)
  }

  /** @returns where to go on */
  #take(chunk: Uint8Array, at: number, pictures: Jpeg[]): number {
    switch (this.#state) {
      case 'gap':
        return this.#seek(chunk, at)
      case 'marker':
        return this.#marker(chunk, at, pictures)
      case 'length':
        return this.#length(chunk, at)
      case 'segment':
        return this.#segment(chunk, at)
      case 'scan':
        return this.#scan(chunk, at, pictures)
    }
  }

  #seek(chunk: Uint8Array, at: number): number {
    if (!this.#ff) {
      const next = chunk.indexOf(0xff, at)
      this.#ff = next >= 0
      return next < 0 ? chunk.length : next + 1
    }
    const byte = chunk[at] ?? 0
    if (byte === SOI) {
      this.#skip(chunk.subarray(this.#from, Math.max(this.#from, at - 1)))
      this.#begin(at + 1)
      return at + 1
    }
    // The 0xFF came at the end of the chunk before, and was none.
    if (at === 0) this.#skip(Uint8Array.of(0xff))
    this.#ff = byte === 0xff
    return at + 1
  }

  #begin(from: number): void {
    this.#state = 'marker'
    this.#ff = false
    this.#parts = [START]
    this.#held = START.length
    this.#from = from
    this.#width = 0
    this.#height = 0
  }

  #marker(chunk: Uint8Array, at: number, pictures: Jpeg[]): number {
    const byte = chunk[at] ?? 0
    if (this.#ff) return this.#coded(byte, chunk, at, pictures)
    if (byte !== 0xff) return this.#damage(at)
    this.#ff = true
    return at + 1
  }

  /** The byte behind 0xFF, where it means something. */
  #coded(code: number, chunk: Uint8Array, at: number, pictures: Jpeg[]): number {
    // Any number of 0xFF may stand before a marker (B.1.1.2).
    if (code === 0xff) return at + 1
    this.#ff = false
    if (code === EOI) {
      this.#keep(chunk, at + 1)
      this.#finish(pictures, at + 1)
    } else if (code === SOI) {
      this.#damage(at)
      // Its 0xFF was counted with what went before.
      this.#skippedBytes -= 1
      this.#begin(at + 1)
    } else if (code < SOF_FIRST || (code >= RST_FIRST && code <= RST_LAST)) {
      return this.#damage(at)
    } else {
      this.#code = code
      this.#header = []
      this.#state = 'length'
    }
    return at + 1
  }

  #length(chunk: Uint8Array, at: number): number {
    this.#header.push(chunk[at] ?? 0)
    const [high = 0, low] = this.#header
    if (low === undefined) return at + 1
    this.#left = high * 256 + low - 2
    this.#header = []
    if (this.#left < 0 || (this.#code < APP_FIRST && this.#left > MAX_TABLE_BYTES)) return this.#damage(at)
    this.#state = 'segment'
    return this.#left > 0 ? at + 1 : this.#segmentEnd(at + 1)
  }

  #segment(chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + this.#left)
    if (this.#code <= SOF_LAST && !NOT_SOF.has(this.#code)) {
      for (let i = at; i < end && this.#header.length < SOF_SIZE_BYTES; i += 1) {
        this.#header.push(chunk[i] ?? 0)
      }
    }
    this.#left -= end - at
    return this.#left > 0 ? end : this.#segmentEnd(end)
  }

  #segmentEnd(at: number): number {
    const [, heightHigh = 0, heightLow = 0, widthHigh = 0, widthLow] = this.#header
    if (widthLow !== undefined) {
      this.#height = heightHigh * 256 + heightLow
      this.#width = widthHigh * 256 + widthLow
    }
    this.#state = this.#code === SOS ? 'scan' : 'marker'
    return at
  }

  /** Entropy-coded data: a 0xFF of the picture is followed by 0x00, so any other marker is one (B.1.1.5). */
  #scan(chunk: Uint8Array, at: number, pictures: Jpeg[]): number {
    let next = at
    while (next < chunk.length) {
      if (!this.#ff) {
        next = chunk.indexOf(0xff, next)
        if (next < 0) return chunk.length
        this.#ff = true
        next += 1
        continue
      }
      const byte = chunk[next] ?? 0
      if (byte !== STUFFED && (byte < RST_FIRST || byte > RST_LAST)) {
        return this.#coded(byte, chunk, next, pictures)
      }
      this.#ff = false
      next += 1
    }
    return next
  }

  /** Takes over the picture's bytes of this chunk, up to `end`. */
  #keep(chunk: Uint8Array, end: number): void {
    const bytes = end - this.#from
    if (this.#held + bytes > this.#maxBytes) {
      this.#damage(end)
      return
    }
    this.#held += bytes
    // A copy: a chunk may be a small view of a large buffer that would stay alive with it, and be written over.
    this.#parts.push(new Uint8Array(chunk.subarray(this.#from, end)))
  }

  #finish(pictures: Jpeg[], from: number): void {
    if (this.#state === 'gap') return
    const [width, height, doubtful] = [this.#width, this.#height, this.#doubtful]
    const otherSize = width !== this.#lastWidth || height !== this.#lastHeight
    const bytes = joined(this.#parts, this.#held)
    const empty = width === 0 || height === 0
    if (empty || (doubtful && otherSize && this.#lastWidth > 0)) {
      this.#damaged += 1
      this.#skippedBytes += bytes.length
    } else pictures.push({ bytes, width, height, preamble: this.#preamble })
    if (!empty) [this.#lastWidth, this.#lastHeight] = [width, height]
    this.#gap(from)
    this.#doubtful = false
    this.#preamble = new Uint8Array(0)
  }

  #damage(at: number): number {
    this.#damaged += 1
    this.#skippedBytes += this.#held + Math.max(0, at - this.#from)
    this.#doubtful = true
    this.#gap(at)
    return at
  }

  #gap(from: number): void {
    this.#state = 'gap'
    this.#ff = false
    this.#parts = []
    this.#held = 0
    this.#from = from
  }

  #skip(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#skippedBytes += bytes.length
    this.#doubtful = true
    const both = Buffer.concat([this.#preamble, bytes.subarray(-MAX_PREAMBLE_BYTES)])
    this.#preamble = both.subarray(-MAX_PREAMBLE_BYTES)
  }
}

/** Memory of its own, also where it is small: Buffers share theirs, and could not be handed to a thread. */
function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
