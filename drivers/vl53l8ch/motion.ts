import { SensorError } from '../sensor.ts'
import { findBlock } from './ranges.ts'
import * as reg from './registers.ts'

/** The firmware's motion indicator of one frame (facts §5). */
export interface Motion {
  readonly globalIndicator1: number
  readonly globalIndicator2: number
  readonly status: number
  readonly detectedAggregates: number
  readonly aggregates: number
  readonly spare: number
  /** 32 raw words; 65535 is ST's unit. */
  readonly indicators: Float64Array
}

const MOTION_BYTES = 140
const INDICATORS = 32

/**
 * The motion block of a raw frame, or undefined if the frame does not carry it. Pure.
 * @throws SensorError `corrupt` when it is cut
 */
export function decodeMotion(raw: Uint8Array): Motion | undefined {
  const block = findBlock(raw, reg.FRAME_MOTION)
  if (block === undefined) return undefined
  if (block.bytes < MOTION_BYTES) {
    throw new SensorError(
      'vl53l8ch',
      'corrupt',
      `the motion block holds ${block.bytes} of ${MOTION_BYTES} bytes`,
    )
  }
  const view = new DataView(raw.buffer, raw.byteOffset + block.offset, block.bytes)
  const indicators = new Float64Array(INDICATORS)
  for (let i = 0; i < INDICATORS; i += 1) indicators[i] = view.getUint32(12 + 4 * i)
  return {
    globalIndicator1: view.getUint32(0),
    globalIndicator2: view.getUint32(4),
    status: view.getUint8(11),
    detectedAggregates: view.getUint8(10),
    aggregates: view.getUint8(9),
    spare: view.getUint8(8),
    indicators,
  }
}
