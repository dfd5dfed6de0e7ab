import type { Socket } from 'node:net'

/** Follows the fixed headers of an MQTT byte stream (MQTT 3.1.1 §2.2), whatever the chunks it comes in. */
export class PacketMeter {
  readonly #maxBytes: number
  /** Bytes of the present packet's body still to come; -1 before its type byte, -2 within its length. */
  #remaining = -1
  #length = 0
  #shift = 0

  /** @param maxBytes the longest body (all but the fixed header) a packet may have */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** @returns false when a packet in it announces a body beyond the limit; nothing may be fed after that */
  feed(chunk: Uint8Array): boolean {
    let place = 0
    while (place < chunk.length) {
      if (this.#remaining > 0) {
        const step = Math.min(this.#remaining, chunk.length - place)
        place += step
        this.#remaining -= step
        if (this.#remaining === 0) this.#remaining = -1
      } else if (this.#remaining === -1) {
        place += 1
        this.#remaining = -2
        this.#length = 0
        this.#shift = 0
      } else {
        if (!this.#lengthByte(chunk[place] ?? 0)) return false
        place += 1
      }
    }
    return true
  }

  #lengthByte(byte: number): boolean {
    this.#length += (byte & 0x7f) * 2 ** this.#shift
    this.#shift += 7
    if ((byte & 0x80) !== 0) return this.#shift < 28
    this.#remaining = this.#length === 0 ? -1 : this.#length
    return this.#length <= this.#maxBytes
  }
}

/**
 * Ends the connection when a packet announces more than `maxBytes`: aedes itself collects whatever is announced,
 * up to 256 MiB a client, before it looks at it.
 */
export function limitPackets(socket: Socket, maxBytes: number): void {
  const meter = new PacketMeter(maxBytes)
  const read = socket.read.bind(socket)
  socket.read = (size?: number) => {
    const chunk: unknown = read(size)
    if (!(chunk instanceof Uint8Array) || meter.feed(chunk)) return chunk
    socket.destroy(new Error(`packet longer than ${maxBytes} bytes`))
    return null
  }
}
