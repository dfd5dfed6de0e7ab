/** What ffmpeg's framecrc format says of one packet. */
export interface PacketStamp {
  /** Presentation time in seconds, from the origin of its time base. */
  readonly seconds: number
  readonly bytes: number
}

// `stream, dts, pts, duration, size, 0xADLER…` (libavformat/framecrcenc.c)
const PACKET = /^0, *-?\d+, *(-?\d+), *-?\d+, *(\d+), *0x[0-9a-f]{8}\b/
const TIME_BASE = /^#tb 0: (\d+)\/(\d+)$/

/**
 * Reads the lines of ffmpeg's framecrc format that stand between the pictures of one stream: when the packet behind
 * each was taken. The first preamble of a stream also says in which unit.
 */
export class PacketStamps {
  #base: readonly [numerator: number, denominator: number] | undefined

  /** @returns what the last packet line of the preamble says; undefined where there is none, or its unit is unknown */
  read(preamble: Uint8Array): PacketStamp | undefined {
    let stamp: PacketStamp | undefined
    for (const line of Buffer.from(preamble.buffer, preamble.byteOffset, preamble.length)
      .toString('latin1')
      .split('\n')) {
      const base = TIME_BASE.exec(line)
      if (base !== null) this.#base = [Number(base[1]), Number(base[2])]
      const packet = PACKET.exec(line)
      if (packet === null || this.#base === undefined) continue
      const [numerator, denominator] = this.#base
      stamp = { seconds: (Number(packet[1]) * numerator) / denominator, bytes: Number(packet[2]) }
    }
    return stamp
  }
}
