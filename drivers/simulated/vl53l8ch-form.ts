import { bigEndianWords } from '../vl53l8ch/mailbox.ts'
import * as reg from '../vl53l8ch/registers.ts'
import type { DciMemory } from './vl53l8ch-dci.ts'
import { type Encode, encoderOf } from './vl53l8ch-encoders.ts'
import { putMotion } from './vl53l8ch-motion.ts'

/** What the frames of one ranging look like. */
export interface FrameForm {
  readonly zones: 16 | 64
  /** A frame without what the scene says. */
  readonly template: Uint8Array
  readonly encoders: readonly Encode[]
}

const FRAME_HEAD = 12
const FRAME_ID = 8
/** Meaning unknown; real frames have about this. */
const METADATA_WORD = 700
const LIST_WORDS = 32
/** Enable bits 126 and 127 append this many zero bytes behind the frame (facts §4). */
const TAIL_BYTES = 8

/** The form that the output list, resolution and targets per zone ask for now. */
export function planFrame(dci: DciMemory): FrameForm {
  const zones = dci.byte(reg.DCI_ZONES, 0) * dci.byte(reg.DCI_ZONES, 1) === 64 ? 64 : 16
  const bytes = new Array<number>(FRAME_HEAD).fill(0)
  const encoders: Encode[] = []
  const targets = Math.min(4, Math.max(1, dci.byte(reg.DCI_PIPE, 0)))
  for (let i = 0; i < LIST_WORDS; i += 1) {
    if (((dci.word(reg.DCI_OUTPUT_ENABLES) >>> i) & 1) === 0) continue
    const header = dci.word(reg.DCI_OUTPUT_LIST + 4 * i)
    bytes.push(...bigEndianWords(header))
    const offset = bytes.length
    const payload = new Uint8Array(reg.payloadBytes(header))
    prefill(header >>> 16, payload, zones)
    const encode = ownEncoder(header, offset) ?? encoderOf(header, offset, dci, zones, targets)
    if (encode !== undefined) encoders.push(encode)
    bytes.push(...payload)
  }
  const foot = bytes.length
  bytes.push(...bigEndianWords(0x0000000e, reg.END_OF_BLOCKS, 0))
  if (dci.word(reg.DCI_OUTPUT_ENABLES + 12) >>> 30 === 3) bytes.push(...new Uint8Array(TAIL_BYTES))
  encoders.push((view) => view.setUint32(foot + 8, view.getUint32(FRAME_ID)))
  return { zones, template: Uint8Array.from(bytes), encoders }
}

/** 4·id + 3, folded into 128…255 (facts §5). */
export function streamCount(id: number): number {
  const count = 4 * id + 3
  return count < 256 ? count : 128 + (count % 128)
}

/** The encoder of what is not about zones. */
function ownEncoder(header: number, offset: number): Encode | undefined {
  if (header >>> 16 === reg.FRAME_MOTION && reg.payloadBytes(header) >= 140) {
    return (view, _, motion) => putMotion(view, offset, motion)
  }
  if (header >>> 16 !== reg.FRAME_METADATA) return undefined
  return (view, seen) => {
    view.setUint32(offset, METADATA_WORD)
    view.setUint32(offset + 4, (streamCount(view.getUint32(FRAME_ID)) << 24) >>> 0)
    view.setInt8(offset + 11, Math.round(seen.siliconTemperatureC))
  }
}

// What does not depend on the scene, as real frames have it (facts §5).
function prefill(index: number, payload: Uint8Array, zones: number): void {
  if (index === reg.FRAME_COMMON && payload.length >= 4) payload.set([0x00, 0x02, zones, 0x0f])
  if (index === reg.FRAME_MOTION && payload.length >= 12) payload[8 ^ 3] = 3
}
