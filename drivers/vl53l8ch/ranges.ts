import { SensorError } from '../sensor.ts'
import type { LaidOutHistograms } from './histograms.ts'
import * as reg from './registers.ts'

/** One frame of the ranging chip, in units, every zone that the configuration has. Zones are row-major. */
export interface RangeFrame {
  readonly kind: 'vl53l8ch'
  /** Monotonic ms of the driver's clock when the last byte was read. */
  readonly takenAt: number
  readonly zones: 16 | 64
  readonly targetsPerZone: 1 | 2 | 3 | 4
  /** As the chip counts frames; 255 never appears (facts §5). */
  readonly streamCount: number
  readonly siliconTemperatureC: number
  /** Per zone, kcps/spad. This and the following are empty where the chip was told not to send them. */
  readonly ambientKcpsPerSpad: Float64Array
  readonly spads: Float64Array
  readonly targetsDetected: Float64Array
  /** The following are per target: index = zone * targetsPerZone + target. */
  readonly signalKcpsPerSpad: Float64Array
  readonly sigmaMm: Float64Array
  /** Along the optical axis, in the chip's steps of 0.25 mm; may be negative near contact. */
  readonly rangeMm: Float64Array
  readonly reflectancePercent: Float64Array
  /** ST's target status; 5 is valid, 6 and 9 half-trusted, 255 no target. */
  readonly status: Float64Array
  /** Where the chip was told to take them (`withHistograms`). */
  readonly histograms?: LaidOutHistograms
  /** The frame as it came over the bus: decoding it again gives this measurement. */
  readonly raw: Uint8Array
}

/** Status of every target of a zone in which the chip saw none. */
export const NO_TARGET = 255
const FRAME_HEAD = 16
const FRAME_FOOT = 12

/**
 * Decodes one frame as it was read at page 2, register 0 (facts §5). Pure; unknown blocks are passed over.
 * @param raw the frame; it is kept, not copied
 * @param takenAt monotonic ms
 * @throws SensorError `corrupt` when head and foot carry different frame ids, or a block is cut
 */
export function decodeFrame(
  raw: Uint8Array,
  zones: 16 | 64,
  targetsPerZone: 1 | 2 | 3 | 4,
  takenAt: number,
): RangeFrame {
  if (!isWhole(raw)) throw corrupt('the frame ids in head and foot differ')
  return decodeBlocks(raw, zones, targetsPerZone, takenAt)
}

/** Whether the frame's head and foot belong together; they do not if the chip replaced it during the read. */
export function isWhole(raw: Uint8Array): boolean {
  const end = raw.length
  return end >= FRAME_HEAD + FRAME_FOOT && raw[10] === raw[end - 2] && raw[11] === raw[end - 1]
}

/** `decodeFrame` without the comparison of head and foot: what ST's driver still fills in for a corrupt frame. */
export function decodeBlocks(
  raw: Uint8Array,
  zones: 16 | 64,
  targetsPerZone: 1 | 2 | 3 | 4,
  takenAt: number,
): RangeFrame {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
  const blocks = findBlocks(view)
  if (blocks.metadata === 0) throw corrupt('the frame carries no metadata')
  const targets = zones * targetsPerZone
  // One buffer for all eight: eight allocations cost more than the decoding.
  const store = new ArrayBuffer((3 * zones + 5 * targets) * 8)
  let used = 0
  const field = (block: number, count: number, read: ReadField, scale: number): Float64Array => {
    const out = new Float64Array(store, used, block === 0 ? 0 : count)
    used += out.byteLength
    if (block !== 0) read(view, fits(view, block, count, read), out, scale)
    return out
  }
  const targetsDetected = field(blocks.targets, zones, readBytes, 1)
  const status = field(blocks.status, targets, readBytes, 1)
  markEmptyZones(targetsDetected, status, targetsPerZone)
  return {
    kind: 'vl53l8ch',
    takenAt,
    zones,
    targetsPerZone,
    streamCount: raw[0] ?? NO_TARGET,
    siliconTemperatureC: view.getInt8(blocks.metadata + 11),
    ambientKcpsPerSpad: field(blocks.ambient, zones, readWords, 1 / 2048),
    spads: field(blocks.spads, zones, readWords, 1),
    targetsDetected,
    signalKcpsPerSpad: field(blocks.signal, targets, readWords, 1 / 2048),
    sigmaMm: field(blocks.sigma, targets, readHalves, 1 / 128),
    rangeMm: field(blocks.range, targets, readSignedHalves, 1 / 4),
    reflectancePercent: field(blocks.reflectance, targets, readBytes, 1 / 2),
    status,
    raw,
  }
}

/**
 * Where the payload of a block stands in a frame.
 * @param index the block's DCI address
 * @returns the offset and length of the payload, or undefined if the frame does not carry it
 * @throws SensorError `corrupt` when a block before it is cut
 */
export function findBlock(raw: Uint8Array, index: number): { offset: number; bytes: number } | undefined {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength)
  const end = raw.length - FRAME_FOOT
  for (let at = FRAME_HEAD; at + 4 <= end; ) {
    const header = view.getUint32(at)
    const bytes = payloadBytesWithin(header, at, end)
    if (header >>> 16 === index) return { offset: at + 4, bytes }
    at += 4 + bytes
  }
  return undefined
}

interface Blocks {
  metadata: number
  ambient: number
  spads: number
  targets: number
  signal: number
  sigma: number
  range: number
  reflectance: number
  status: number
}

// Payload offsets; 0 is "not there", as no payload can stand in the frame's head.
function findBlocks(view: DataView): Blocks {
  const blocks: Blocks = {
    metadata: 0,
    ambient: 0,
    spads: 0,
    targets: 0,
    signal: 0,
    sigma: 0,
    range: 0,
    reflectance: 0,
    status: 0,
  }
  const end = view.byteLength - FRAME_FOOT
  for (let at = FRAME_HEAD; at + 4 <= end; ) {
    const header = view.getUint32(at)
    const bytes = payloadBytesWithin(header, at, end)
    const name = nameOf(header >>> 16)
    if (name !== undefined) blocks[name] = at + 4
    at += 4 + bytes
  }
  return blocks
}

function nameOf(index: number): keyof Blocks | undefined {
  switch (index) {
    case reg.FRAME_METADATA:
      return 'metadata'
    case reg.FRAME_AMBIENT:
      return 'ambient'
    case reg.FRAME_SPADS:
      return 'spads'
    case reg.FRAME_TARGETS.single:
    case reg.FRAME_TARGETS.several:
      return 'targets'
    case reg.FRAME_SIGNAL.single:
    case reg.FRAME_SIGNAL.several:
      return 'signal'
    case reg.FRAME_SIGMA.single:
    case reg.FRAME_SIGMA.several:
      return 'sigma'
    case reg.FRAME_RANGE.single:
    case reg.FRAME_RANGE.several:
      return 'range'
    case reg.FRAME_REFLECTANCE.single:
    case reg.FRAME_REFLECTANCE.several:
      return 'reflectance'
    case reg.FRAME_STATUS.single:
    case reg.FRAME_STATUS.several:
      return 'status'
    default:
      return undefined
  }
}

function payloadBytesWithin(header: number, at: number, end: number): number {
  const bytes = reg.payloadBytes(header)
  if (at + 4 + bytes > end) throw corrupt(`block 0x${header.toString(16)} at ${at} is cut`)
  return bytes
}

function corrupt(detail: string): SensorError {
  return new SensorError('vl53l8ch', 'corrupt', detail)
}

type ReadField = (view: DataView, offset: number, out: Float64Array, scale: number) => void

// The bus carries 32-bit words, most significant byte first, while the firmware's arrays are little-endian: in place,
// element i of a byte array stands at i ^ 3 and element i of a 16-bit array at i ^ 1.
function readWords(view: DataView, offset: number, out: Float64Array, scale: number): void {
  for (let i = 0; i < out.length; i += 1) out[i] = view.getUint32(offset + 4 * i) * scale
}

function readHalves(view: DataView, offset: number, out: Float64Array, scale: number): void {
  for (let i = 0; i < out.length; i += 1) out[i] = view.getUint16(offset + 2 * (i ^ 1)) * scale
}

function readSignedHalves(view: DataView, offset: number, out: Float64Array, scale: number): void {
  for (let i = 0; i < out.length; i += 1) out[i] = view.getInt16(offset + 2 * (i ^ 1)) * scale
}

function readBytes(view: DataView, offset: number, out: Float64Array, scale: number): void {
  for (let i = 0; i < out.length; i += 1) out[i] = view.getUint8(offset + (i ^ 3)) * scale
}

function fits(view: DataView, offset: number, count: number, read: ReadField): number {
  const bytes = count * (read === readWords ? 4 : read === readBytes ? 1 : 2)
  const sent = reg.payloadBytes(view.getUint32(offset - 4))
  if (sent < bytes) throw corrupt(`a block holds ${sent} bytes where ${bytes} are needed`)
  return offset
}

function markEmptyZones(targetsDetected: Float64Array, status: Float64Array, targetsPerZone: number): void {
  if (status.length === 0) return
  for (let zone = 0; zone < targetsDetected.length; zone += 1) {
    if (targetsDetected[zone] === 0) {
      status.fill(NO_TARGET, zone * targetsPerZone, (zone + 1) * targetsPerZone)
    }
  }
}
