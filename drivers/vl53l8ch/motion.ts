import { SensorError } from '../sensor.ts'
import { type Link, statusName, writeDci } from './mailbox.ts'
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

/** Between which distances the firmware watches for motion: 400…4000 mm, at most 1500 mm apart. */
export interface MotionWindow {
  readonly nearestMm: number
  readonly farthestMm: number
}

const MOTION_BYTES = 140
const INDICATORS = 32
/** The object that the motion indicator shares with the histograms (facts §7, §8). */
export const MOTION_OBJECT_BYTES = 156
const NEAREST_MM = 400
const FARTHEST_MM = 4000
const WIDEST_MM = 1500
const BIN_MM = Math.fround(37.5348)
const FINE_BIN_MM = Math.fround(15.01392)
const MAP = 28

/** What ST's driver starts with: 400 to 1500 mm, by its first values. */
const DEFAULT_OFFSET = 13633
const DEFAULT_LENGTH = 9

/** @throws RangeError */
export function checkMotionWindow({ nearestMm, farthestMm }: MotionWindow): void {
  const width = farthestMm - nearestMm
  if (nearestMm >= NEAREST_MM && farthestMm <= FARTHEST_MM && width > 0 && width <= WIDEST_MM) return
  const allowed = `within ${NEAREST_MM} to ${FARTHEST_MM} and at most ${WIDEST_MM} mm wide`
  throw new RangeError(
    `motion from ${nearestMm} to ${farthestMm} mm, ${allowed} expected: ${statusName(127)}`,
  )
}

/**
 * The chip's object for a motion indicator, 156 bytes in host byte order. Pure. One aggregate per zone with 16 zones,
 * per four with 64.
 * @param window default: the values that ST's driver starts with
 * @throws RangeError
 */
export function encodeMotion(zones: 16 | 64, window?: MotionWindow): Uint8Array {
  const bytes = new Uint8Array(MOTION_OBJECT_BYTES)
  const view = new DataView(bytes.buffer)
  const { offset, length } = window === undefined ? DEFAULT_WINDOW : windowOf(window)
  view.setInt32(0, offset, true)
  view.setUint32(4, 2883584, true)
  // Update mode and choice, sum span, feature length, aggregates, accumulations, least for global, format (facts §7).
  bytes.set([6, 2, 4, length, 16, 16, 1, 8], 16)
  bytes.fill(0xff, MAP, MAP + 64)
  for (let zone = 0; zone < zones; zone += 1) {
    bytes[MAP + zone] = zones === 16 ? zone : Math.floor((zone % 8) / 2) + 4 * Math.floor(zone / 16)
  }
  return bytes
}

const DEFAULT_WINDOW = { offset: DEFAULT_OFFSET, length: DEFAULT_LENGTH }

// In single precision, as ST's code reckons: in double precision some windows come out one lower.
function windowOf(window: MotionWindow): { offset: number; length: number } {
  checkMotionWindow(window)
  const f = Math.fround
  const { nearestMm, farthestMm } = window
  const bins = f(f(f(nearestMm) / BIN_MM) - 4)
  const fine = f(f(f((farthestMm - nearestMm) / 10) + f(30.02784)) / FINE_BIN_MM)
  return { offset: Math.trunc(f(bins * 2048.5)), length: Math.trunc(f(fine + 0.5)) }
}

/** Starts the motion indicator with the next ranging; it excludes the histograms. @throws RangeError */
export async function setMotion(link: Link, zones: 16 | 64, window: MotionWindow): Promise<void> {
  await writeDci(link, reg.DCI_HISTOGRAMS, encodeMotion(zones, window))
}

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
