import { SensorError } from '../sensor.ts'
import type { HistogramConfig } from './histogram-plan.ts'
import { findBlock, type RangeFrame } from './ranges.ts'
import { FRAME_HISTOGRAMS } from './registers.ts'

/**
 * The compressed histograms of one frame (facts §8): photons over distance for each aggregate of zones. A value is
 * mantissa / 2^scaler; mantissas use all 32 bits.
 */
export interface Histograms {
  readonly aggregates: number
  readonly bins: number
  /** 11 fractional bits. */
  readonly referenceResidual: number
  /** Index = aggregate * bins + bin. */
  readonly mantissas: Int32Array
  readonly scalers: Int8Array
  /** Per aggregate. */
  readonly ambientMantissas: Int32Array
  readonly ambientScalers: Int8Array
  /** Of each bin, where the chip was told to send it; as `mantissas` and `scalers`. */
  readonly variance?: { readonly mantissas: Int32Array; readonly scalers: Int8Array }
}

/** What a histogram does not say of itself: where its bins lie, and which zones each sums. */
export type HistogramLayout = Pick<HistogramConfig, 'startBin' | 'subSample' | 'grid'>

/** Histograms, and the layout that the chip was told. */
export interface LaidOutHistograms extends Histograms {
  readonly layout: HistogramLayout
}

/** Width of one bin of the chip in distance. */
export const BIN_MM = 37.5348
export const HEAD_BYTES = 20
/** What the chip has room for. */
export const MOST_BYTES = 6160
const NO_VARIANCE = 1

/** The histograms of a raw frame, or undefined if it carries none. Pure. @throws SensorError `corrupt` */
export function histogramsOf(raw: Uint8Array): Histograms | undefined {
  const block = findBlock(raw, FRAME_HISTOGRAMS)
  return block === undefined
    ? undefined
    : decodeHistograms(raw.subarray(block.offset, block.offset + block.bytes))
}

/** The frame with the histograms that it carries, if any. Pure. @throws SensorError `corrupt` */
export function withHistograms(frame: RangeFrame, layout: HistogramLayout): RangeFrame {
  const seen = histogramsOf(frame.raw)
  return seen === undefined ? frame : { ...frame, histograms: { ...seen, layout } }
}

/**
 * Decodes the payload of block 0xC048 as it crosses the bus. Pure.
 * @throws SensorError `corrupt` when its own sizes do not fit into it
 */
export function decodeHistograms(payload: Uint8Array): Histograms {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  if (payload.length < HEAD_BYTES || payload.length > MOST_BYTES) throw corrupt(payload.length)
  const wordsPerHalf = view.getUint32(4) & 0xffff
  const bins = view.getUint16(16)
  const aggregates = view.getUint16(18)
  const count = bins * aggregates
  const half = HEAD_BYTES + (view.getUint32(0) === 0 ? 0 : 4 * wordsPerHalf)
  const mantissasAt = half + 8
  const scalersAt = mantissasAt + 4 * count
  const ambientAt = scalersAt + padded(count)
  const ambientScalersAt = ambientAt + 4 * aggregates
  const varianceAt = ambientScalersAt + padded(aggregates)
  const hasVariance = ((view.getUint32(4) >>> 24) & NO_VARIANCE) === 0
  const end = varianceAt + (hasVariance ? 4 * count + padded(count) : 0)
  if (end > payload.length) throw corrupt(payload.length)
  return {
    aggregates,
    bins,
    referenceResidual: view.getUint32(8),
    mantissas: words(view, mantissasAt, count),
    scalers: bytes(view, scalersAt, count),
    ambientMantissas: words(view, ambientAt, aggregates),
    ambientScalers: bytes(view, ambientScalersAt, aggregates),
    ...(hasVariance
      ? {
          variance: {
            mantissas: words(view, varianceAt, count),
            scalers: bytes(view, varianceAt + 4 * count, count),
          },
        }
      : {}),
  }
}

function corrupt(length: number): SensorError {
  return new SensorError('vl53l8ch', 'corrupt', `a histogram block of ${length} bytes contradicts itself`)
}

function padded(bytesUsed: number): number {
  return Math.ceil(bytesUsed / 4) * 4
}

function words(view: DataView, offset: number, count: number): Int32Array {
  const out = new Int32Array(count)
  for (let i = 0; i < count; i += 1) out[i] = view.getInt32(offset + 4 * i)
  return out
}

// Byte i of a host array stands at i ^ 3 on the bus, see ranges.ts.
function bytes(view: DataView, offset: number, count: number): Int8Array {
  const out = new Int8Array(count)
  for (let i = 0; i < count; i += 1) out[i] = view.getInt8(offset + (i ^ 3))
  return out
}
