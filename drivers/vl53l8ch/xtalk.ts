import { bigEndianWords, swapWords } from './mailbox.ts'
import { reduceUnsigned } from './offset.ts'
import * as reg from './registers.ts'

// Offsets within the crosstalk command and what 4×4 needs there (facts §6).
const GEOMETRY = 0x08
const GEOMETRY_4X4 = [0x0f, 0x04, 0x04, 0x17, 0x08, 0x10, 0x10, 0x07] as const
const SCALE = 0x20
const SCALE_4X4 = [0x00, 0x78, 0x00, 0x08, 0x00, 0x00, 0x00, 0x08] as const
const SIGNAL_GRID = 0x34
const CLEARED = 0x78
const SHAPE = 0x134
const SHAPE_4X4 = [0xa0, 0xfc, 0x01, 0x00] as const

/**
 * The command that gives the firmware the crosstalk of the cover glass for a resolution.
 * @param xtalk 776 bytes for 8×8: ST's default or a calibration; not changed
 * @returns 776 bytes for the mailbox
 */
export function xtalkCommand(xtalk: Uint8Array, zones: 16 | 64): Uint8Array {
  if (zones === 64) return xtalk.slice()
  const image = xtalk.slice()
  image.set(GEOMETRY_4X4, GEOMETRY)
  image.set(SCALE_4X4, SCALE)
  const host = swapWords(image)
  reduceUnsigned(new DataView(host.buffer), SIGNAL_GRID)
  const command = swapWords(host)
  command.set(SHAPE_4X4, SHAPE)
  command.fill(0, CLEARED, CLEARED + 4)
  return command
}

const XTALK_BYTES = 776
const FOOTER_BYTES = 8
/** Group 7 reads the crosstalk, group 0 takes what a calibration found; both as ST's tables have them. */
const READ_FOOTER = 0x07020000
const CALIBRATED_FOOTER = 0x00010304
/** Comes before the crosstalk in an answer: 4 bytes, meaning unknown. */
const ANSWER_HEAD = reg.blockHeader(0x5400, 4, 0)
const ANSWER_HEAD_BYTES = 8
export const XTALK_ANSWER_BYTES = ANSWER_HEAD_BYTES + XTALK_BYTES - 4

/** The headers of the blocks in a crosstalk command. Pure. @param xtalk 776 bytes, for 8×8 */
function blockHeaders(xtalk: Uint8Array): number[] {
  const view = new DataView(xtalk.buffer, xtalk.byteOffset, xtalk.byteLength)
  const headers: number[] = []
  for (let at = 0; at < XTALK_BYTES - FOOTER_BYTES; ) {
    const header = view.getUint32(at)
    headers.push(header)
    at += 4 + Math.ceil(reg.payloadBytes(header) / 4) * 4
  }
  return headers
}

/**
 * The command that reads the crosstalk back: the same blocks without their payload. With ST's default this is ST's
 * VL53LMZ_GET_XTALK_CMD, byte for byte, 72 bytes.
 */
export function xtalkReadCommand(xtalk: Uint8Array): Uint8Array {
  const headers = [ANSWER_HEAD, ...blockHeaders(xtalk), reg.END_OF_BLOCKS]
  return bigEndianWords(...headers, (READ_FOOTER | (4 * headers.length)) >>> 0)
}

/**
 * What a crosstalk calibration outputs: the same blocks, those with entries sized for every zone.
 * @returns block headers for an output list
 */
export function xtalkOutputs(xtalk: Uint8Array, zones: 16 | 64): number[] {
  const sized = blockHeaders(xtalk).map((header) => {
    const type = header & 0xf
    return type >= 1 && type < 13 ? reg.blockHeader(header >>> 16, zones, type) : header
  })
  return [reg.blockHeader(0, 0, 13), ANSWER_HEAD, ...sized]
}

/** The answer to that command as crosstalk that can be sent and kept. @param answer 780 bytes @returns 776 bytes */
export function xtalkOf(answer: Uint8Array): Uint8Array {
  const xtalk = new Uint8Array(XTALK_BYTES)
  xtalk.set(answer.subarray(ANSWER_HEAD_BYTES, ANSWER_HEAD_BYTES + XTALK_BYTES - FOOTER_BYTES))
  xtalk.set(bigEndianWords(reg.END_OF_BLOCKS, CALIBRATED_FOOTER), XTALK_BYTES - FOOTER_BYTES)
  return xtalk
}
