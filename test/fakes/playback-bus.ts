import { createHash } from 'node:crypto'
import type { I2cBus } from '../../drivers/bus.ts'

/** One recorded transfer on 16-bit registers. Large blocks are known by their hash only, or by hash and content. */
export interface RecordedTransfer {
  readonly kind: 'write' | 'read'
  readonly register: number
  readonly length: number
  readonly bytes?: Uint8Array | undefined
  readonly sha256?: string | undefined
  /** Its content is not at hand: a write of this length is taken for it. */
  readonly unknown?: boolean
}

/** What the driver said is not what was recorded. */
export class PlaybackDifference extends Error {
  override readonly name = 'PlaybackDifference'
}

/**
 * Plays a recording to a driver. Writes must be the recorded ones, in order, however they are cut into pieces. Reads
 * get the recorded answer if the same one stands before the next recorded write, so polls may be fewer or more than
 * they were; other reads go to the far bus, which gets every write too.
 */
export class PlaybackBus implements I2cBus {
  readonly #transfers: readonly RecordedTransfer[]
  readonly #far: I2cBus
  #next = 0
  #pieces: { readonly expected: RecordedTransfer; readonly bytes: number[] } | undefined
  #answered: RecordedTransfer | undefined
  /** Recorded writes that were met. */
  writes = 0

  constructor(transfers: readonly RecordedTransfer[], far: I2cBus) {
    this.#transfers = transfers
    this.#far = far
  }

  async transfer(address: number, out: Uint8Array, length: number): Promise<Uint8Array> {
    const register = ((out[0] ?? 0) << 8) | (out[1] ?? 0)
    if (out.length > 2) this.#write(register, out.subarray(2))
    const answer = length > 0 ? this.#answer(register, length) : undefined
    return answer ?? (await this.#far.transfer(address, out, length))
  }

  /** @throws PlaybackDifference when recorded writes are left */
  done(): void {
    const left = this.#transfers.slice(this.#next).find((transfer) => transfer.kind === 'write')
    const missing = this.#pieces?.expected ?? left
    if (missing !== undefined)
      throw new PlaybackDifference(`nothing more was written; expected ${name(missing)}`)
  }

  #write(register: number, bytes: Uint8Array): void {
    this.#answered = undefined
    const piece = this.#pieces ?? this.#begin(register, bytes)
    const at = piece.expected.register + piece.bytes.length
    if (register !== at) {
      throw new PlaybackDifference(
        `wrote ${bytes.length} bytes at ${hex(register)}; expected ${name(piece.expected)}`,
      )
    }
    for (const byte of bytes) piece.bytes.push(byte)
    this.#pieces = piece.bytes.length < piece.expected.length ? piece : undefined
    if (this.#pieces === undefined) this.#compare(piece.expected, Uint8Array.from(piece.bytes))
  }

  #begin(register: number, bytes: Uint8Array): { expected: RecordedTransfer; bytes: number[] } {
    const at = this.#transfers.findIndex((transfer, i) => i >= this.#next && transfer.kind === 'write')
    const expected = this.#transfers[at]
    if (expected === undefined) {
      throw new PlaybackDifference(
        `wrote ${bytes.length} bytes at ${hex(register)} behind the last recorded write`,
      )
    }
    this.#next = at + 1
    return { expected, bytes: [] }
  }

  #compare(expected: RecordedTransfer, bytes: Uint8Array): void {
    if (bytes.length !== expected.length || !sameContent(bytes, expected)) {
      const wrote = bytes.length <= 64 ? Buffer.from(bytes).toString('hex') : `${bytes.length} bytes`
      throw new PlaybackDifference(`wrote ${wrote}; expected ${name(expected)}`)
    }
    this.writes += 1
  }

  #answer(register: number, length: number): Uint8Array | undefined {
    for (let i = this.#next; i < this.#transfers.length; i += 1) {
      const transfer = this.#transfers[i]
      if (transfer === undefined || transfer.kind === 'write') break
      if (transfer.register !== register || transfer.length !== length) continue
      this.#next = i + 1
      this.#answered = transfer
      return transfer.bytes?.slice()
    }
    const again = this.#answered
    return again?.register === register && again.length === length ? again.bytes?.slice() : undefined
  }
}

function sameContent(bytes: Uint8Array, expected: RecordedTransfer): boolean {
  if (expected.unknown === true) return true
  if (expected.bytes !== undefined) return Buffer.compare(bytes, expected.bytes) === 0
  return createHash('sha256').update(bytes).digest('hex') === expected.sha256
}

function hex(register: number): string {
  return `0x${register.toString(16).padStart(4, '0')}`
}

function name({ register, length, bytes, sha256 }: RecordedTransfer): string {
  const content =
    bytes !== undefined && length <= 64 ? Buffer.from(bytes).toString('hex') : `sha256 ${sha256}`
  return `${length} bytes at ${hex(register)}: ${content}`
}
