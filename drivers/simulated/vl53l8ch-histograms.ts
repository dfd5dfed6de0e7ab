import * as reg from '../vl53l8ch/registers.ts'
import type { DciMemory } from './vl53l8ch-dci.ts'
import type { RangeView } from './vl53l8ch-scene.ts'

// The configuration of the histograms: offsets in host order (facts §8).
const BIN_OFFSET = 0
const SUB_SAMPLE = 18
const BINS = 19
const AGGREGATES = 20
const ACCUMULATIONS = 21
const FLAGS = 25
const MAP = 28
const NO_PING_PONG = 1
const NO_VARIANCE = 2

const BIN_MM = 37.5348
/** Standard deviation of the light's pulse, about ten bins wide. */
const PULSE_BINS = 2.5
const MOST_SCALER = 16
/** Of the 32, less the sign and one to round up. */
const MANTISSA_BITS = 30
const RESIDUAL = 768 << 11

/**
 * The encoder of the histogram block: per aggregate, the light of its zones spread over bins as wide as the pulse. A
 * stand-in with the right form: not the chip's noise, and no variance.
 * @param offset of the payload in the frame @param bytes of the payload
 * @returns undefined where the configuration does not fit into the block
 */
export function histogramEncoder(
  dci: DciMemory,
  offset: number,
  bytes: number,
): ((view: DataView, seen: RangeView) => void) | undefined {
  const at = (index: number): number => dci.byte(reg.DCI_HISTOGRAMS, index)
  const bins = at(BINS)
  const aggregates = at(AGGREGATES)
  const flags = at(FLAGS)
  const count = bins * aggregates
  const variance = (flags & NO_VARIANCE) === 0 ? 4 * count + padded(count) : 0
  const half = 8 + 4 * count + padded(count) + 4 * aggregates + padded(aggregates) + variance
  const pingPong = (flags & NO_PING_PONG) === 0
  if (count === 0 || 20 + half * (pingPong ? 2 : 1) > bytes) return undefined
  const map = Array.from({ length: 64 }, (_, zone) => (at(MAP + zone) << 24) >> 24)
  const first = (dci.word(reg.DCI_HISTOGRAMS + BIN_OFFSET) | 0) / 2048
  const sub = Math.max(1, at(SUB_SAMPLE))
  const scalers = offset + 28 + 4 * count
  const ambient = scalers + padded(count)
  return (view, seen) => {
    view.setUint32(offset + 4, ((variance === 0 ? 1 : 0) << 24) | ((pingPong ? 2 : 1) << 16) | (half / 4))
    view.setUint32(offset + 8, RESIDUAL)
    view.setUint32(offset + 16, (bins << 16) | aggregates)
    view.setUint32(offset + 20, 1)
    view.setUint32(offset + 24, at(ACCUMULATIONS))
    const light = lightOf(
      seen,
      map,
      aggregates,
      (mm) => (mm / BIN_MM - first) / sub - 0.5,
      bins,
      PULSE_BINS / sub,
    )
    putScaled(view, offset + 28, scalers, light.bins)
    putScaled(view, ambient, ambient + 4 * aggregates, light.ambient)
  }
}

/** Mantissas and their scalers: one for all, as large as the largest value leaves room for. */
function putScaled(view: DataView, mantissas: number, scalers: number, values: Float64Array): void {
  const largest = values.reduce((most, value) => Math.max(most, value), 1)
  const scaler = Math.min(MOST_SCALER, MANTISSA_BITS - Math.ceil(Math.log2(largest)))
  for (const [i, value] of values.entries()) {
    view.setInt32(mantissas + 4 * i, Math.round(value * 2 ** scaler))
    view.setInt8(scalers + (i ^ 3), scaler)
  }
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 4) * 4
}

function lightOf(
  seen: RangeView,
  map: readonly number[],
  aggregates: number,
  binOf: (mm: number) => number,
  bins: number,
  width: number,
): { bins: Float64Array; ambient: Float64Array } {
  const light = new Float64Array(bins * aggregates)
  const ambient = new Float64Array(aggregates)
  for (const [zone, echoes] of seen.echoes.entries()) {
    const aggregate = map[zone] ?? -1
    if (aggregate < 0 || aggregate >= aggregates) continue
    ambient[aggregate] = (ambient[aggregate] ?? 0) + (seen.ambientKcpsPerSpad[zone] ?? 0)
    for (const { rangeMm, signalKcpsPerSpad } of echoes) {
      const centre = binOf(rangeMm)
      for (let bin = 0; bin < bins; bin += 1) {
        const place = aggregate * bins + bin
        light[place] =
          (light[place] ?? 0) + signalKcpsPerSpad * Math.exp(-0.5 * ((bin - centre) / width) ** 2)
      }
    }
  }
  return { bins: light, ambient }
}
