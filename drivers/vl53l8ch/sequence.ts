import { SensorError } from '../sensor.ts'
import type { RangeFrame } from './ranges.ts'
import { framesBetween } from './ranging.ts'

const FRAME_ID = 8
const BEFORE_FIRST = 255
const FIRST_FOLD = 128

/** The stream count that a frame is shown with: 4·id + 3, folded into 128…255, of which 255 is shown as 127 (facts §5). */
export function streamCountOf(frameId: number): number {
  const count = 4 * frameId + 3
  const folded = count < 256 ? count : FIRST_FOLD + (count % FIRST_FOLD)
  return folded === 0xff ? 0x7f : folded
}

/** Holds the numbers that the frames of one ranging carry against each other. */
export class FrameSequence {
  #lastId: number | undefined

  /**
   * @returns frames between the last accepted one and this; before the first, its stream count tells, modulo 32
   * @throws SensorError `frozen` for the same frame again, `failed` for an earlier one: ranging was restarted,
   * `corrupt` for a stream count that does not belong to its frame
   */
  accept(frame: RangeFrame): number {
    const { raw, streamCount } = frame
    const id = new DataView(raw.buffer, raw.byteOffset).getUint32(FRAME_ID)
    const last = this.#lastId
    if (id === last) throw new SensorError(frame.kind, 'frozen', `it says ready, but sends frame ${id} again`)
    if (streamCount !== streamCountOf(id)) {
      throw new SensorError(frame.kind, 'corrupt', `frame ${id} comes with stream count ${streamCount}`)
    }
    if (last !== undefined && (id - last) >>> 31 !== 0) {
      throw new SensorError(frame.kind, 'failed', `frame ${id} comes after frame ${last}: it ranges anew`)
    }
    this.#lastId = id
    return last === undefined ? framesBetween(BEFORE_FIRST, streamCount) - 1 : id - last - 1
  }
}
