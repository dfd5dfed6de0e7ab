import type { I2cBus } from '../../drivers/bus.ts'
import type { Entry } from '../../drivers/transcript/entries.ts'
import { PlaybackBus as Playback, PlaybackDifference } from '../../drivers/transcript/playback-bus.ts'

export { PlaybackDifference }

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

/**
 * Plays a recording of another driver to ours, leniently: what it read and ours does too gets the recorded answer; what
 * it never read goes to the far bus, which gets every write too.
 */
export class PlaybackBus implements I2cBus {
  readonly #playback: Playback

  constructor(transfers: readonly RecordedTransfer[], far: I2cBus) {
    const entries = transfers.map(entryOf)
    this.#playback = new Playback({ name: 'recorded', registerBytes: 2, entries }, { mode: 'lenient', far })
  }

  transfer(address: number, out: Uint8Array, length: number): Promise<Uint8Array> {
    return this.#playback.transfer(address, out, length)
  }

  /** @throws PlaybackDifference when recorded writes are left */
  done(): void {
    this.#playback.done()
  }
}

function entryOf({ kind, register, length, bytes, sha256, unknown }: RecordedTransfer): Entry {
  const content = bytes === undefined ? {} : { bytes }
  const hash = sha256 === undefined || unknown === true ? {} : { sha256 }
  return { op: kind, register, length, ...content, ...hash }
}
