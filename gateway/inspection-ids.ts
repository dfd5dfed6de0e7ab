import { randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'

const ID_BYTES = 16
const IDS_DRAWN = 256

/**
 * Ids of inspections: UUIDv7 (RFC 9562), ordered by the millisecond. Random bytes are drawn for many at once: a call
 * into the system for each would cost more than the rest of its id.
 */
export class InspectionIds {
  readonly #random = new Uint8Array(IDS_DRAWN * ID_BYTES)
  #used = this.#random.length

  next(): string {
    if (this.#used === this.#random.length) {
      randomFillSync(this.#random)
      this.#used = 0
    }
    const from = this.#used
    this.#used += ID_BYTES
    return v7({ random: this.#random.subarray(from, from + ID_BYTES) })
  }
}
