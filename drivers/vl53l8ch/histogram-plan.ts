import { BIN_MM, HEAD_BYTES, MOST_BYTES } from './histograms.ts'
import { type Link, statusName, writeDci } from './mailbox.ts'
import * as reg from './registers.ts'

/** Rectangular aggregates of zones: `columns` × `rows` of them, each `mergeX` × `mergeY` zones. */
export interface AggregateGrid {
  readonly startX: number
  readonly startY: number
  readonly mergeX: number
  readonly mergeY: number
  readonly columns: number
  readonly rows: number
}

/** The compressed histograms that a frame shall carry (CNH, facts §8). */
export interface HistogramConfig {
  /** First bin of the chip, 37.5348 mm each. */
  readonly startBin: number
  /** Bins of a histogram, 1…255. */
  readonly bins: number
  /** Bins of the chip that are summed into one, 1…255. */
  readonly subSample: number
  readonly grid: AggregateGrid
  /** Two halves in turn. Default false. */
  readonly pingPong?: boolean
  /** The variance of every bin. Default false. */
  readonly variance?: boolean
  /** The following are what ST's driver switches on: default true. */
  readonly ambient?: boolean
  readonly removeXtalk?: boolean
  readonly zeroInvalidBins?: boolean
  readonly storeResidual?: boolean
}

const OBJECT_BYTES = 156
const MAP = 28
/** Offsets within the object (facts §8). */
const SUM_SPAN = 18
const BINS_AT = 19
const AGGREGATES_AT = 20
const ACCUMULATIONS_AT = 21
const FLAGS_AT = 25
const FLEX_SHIFT_AT = 26
const BIN_UNIT = 2048
/** The pulse is about ten bins wide: nearer to an end of the histogram its peak is cut. */
const HALF_PULSE_BINS = 5

/** The bits of cnh_cfg. */
function flagsOf(config: HistogramConfig): number {
  const { pingPong = false, variance = false, ambient = true } = config
  const { removeXtalk = true, zeroInvalidBins = true, storeResidual = true } = config
  const bits = [!pingPong, !variance, ambient, removeXtalk, zeroInvalidBins, storeResidual]
  return bits.reduce((flags, on, i) => flags | (on ? 1 << i : 0), 0)
}

/**
 * Bytes of the block in every frame, of which the chip has at most 6160. Pure.
 * @returns as reckoned, also where it is more
 */
export function histogramBytes(config: HistogramConfig): number {
  const { bins, pingPong = false, variance = false, grid } = config
  const aggregates = grid.columns * grid.rows
  const values = 4 * aggregates * bins + padded(aggregates * bins)
  const half = 8 + values * (variance ? 2 : 1) + 4 * aggregates + padded(aggregates)
  return HEAD_BYTES + half * (pingPong ? 2 : 1)
}

/**
 * The most bins that fit beside these aggregates. Pure.
 * @returns 0 where not one does
 */
export function mostBins(config: HistogramConfig): number {
  let bins = 0
  while (bins < 255 && histogramBytes({ ...config, bins: bins + 1 }) <= MOST_BYTES) bins += 1
  return bins
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 4) * 4
}

/**
 * Which aggregate each zone belongs to, -1 for none; zones and aggregates are row-major. Pure.
 * @throws RangeError where the grid does not fit into the zones
 */
export function aggregateMap(grid: AggregateGrid, zones: 16 | 64): Int8Array {
  const side = zones === 64 ? 8 : 4
  for (const [name, value] of Object.entries(grid)) {
    const least = name.startsWith('start') ? 0 : 1
    if (!Number.isInteger(value) || value < least) {
      throw new RangeError(
        `histograms.grid.${name} ${value}, a whole number from ${least} expected: ${statusName(127)}`,
      )
    }
  }
  const { startX, startY, mergeX, mergeY, columns, rows } = grid
  const [width, height] = [startX + columns * mergeX, startY + rows * mergeY]
  if (width > side || height > side) {
    throw new RangeError(
      `histograms.grid reaches ${width}×${height} zones of ${side}×${side}: ${statusName(127)}`,
    )
  }
  const map = new Int8Array(64).fill(-1)
  for (let row = startY; row < height; row += 1) {
    for (let column = startX; column < width; column += 1) {
      const aggregate = Math.floor((row - startY) / mergeY) * columns + Math.floor((column - startX) / mergeX)
      map[side * row + column] = aggregate
    }
  }
  return map
}

/**
 * The chip's object for these histograms, 156 bytes in host byte order. Pure, and without the limit of the memory.
 * @param map of `aggregateMap`
 */
export function encodeHistograms(config: HistogramConfig, map: Int8Array): Uint8Array {
  const bytes = new Uint8Array(OBJECT_BYTES)
  new DataView(bytes.buffer).setInt32(0, config.startBin * BIN_UNIT, true)
  bytes[SUM_SPAN] = config.subSample
  bytes[BINS_AT] = config.bins
  bytes[AGGREGATES_AT] = Math.max(...map) + 1
  bytes[ACCUMULATIONS_AT] = 1
  bytes[FLAGS_AT] = flagsOf(config)
  bytes[FLEX_SHIFT_AT] = 1
  bytes.set(new Uint8Array(map.buffer), MAP)
  return bytes
}

/** The object for the chip and the header of the block that a frame then carries. */
export interface HistogramPlan {
  readonly object: Uint8Array
  readonly header: number
  readonly bytes: number
}

/** @throws RangeError for a grid that does not fit, numbers outside a byte, or more than 6160 bytes: with the number */
export function planHistograms(config: HistogramConfig, zones: 16 | 64): HistogramPlan {
  const map = aggregateMap(config.grid, zones)
  const numbers = [
    ['startBin', config.startBin, 0],
    ['bins', config.bins, 1],
    ['subSample', config.subSample, 1],
  ] as const
  for (const [name, value, least] of numbers) {
    if (Number.isInteger(value) && value >= least && value <= 255) continue
    throw new RangeError(`histograms.${name} ${value}, a whole number from ${least} to 255 expected`)
  }
  const bytes = histogramBytes(config)
  if (bytes > MOST_BYTES) {
    const aggregates = config.grid.columns * config.grid.rows
    const fit = `${mostBins(config)} bins fit with ${aggregates} aggregates`
    throw new RangeError(`histograms of ${bytes} bytes, at most ${MOST_BYTES} expected: ${fit}`)
  }
  const header = reg.blockHeader(reg.FRAME_HISTOGRAMS, bytes / 4, 4)
  return { object: encodeHistograms(config, map), header, bytes }
}

/** Configures the histograms for the next ranging, whose output list must carry them; excludes motion. */
export async function setHistograms(link: Link, plan: HistogramPlan): Promise<void> {
  await writeDci(link, reg.DCI_HISTOGRAMS, plan.object)
}

/**
 * Between which distances a target's whole pulse lies within the histogram, mm. Pure. ST's function for it is right for
 * a start bin of 0 only (facts §8).
 */
export function histogramWindow(config: HistogramConfig): { nearestMm: number; farthestMm: number } {
  const { startBin, bins, subSample } = config
  const half = subSample / 2
  return {
    nearestMm: (startBin + HALF_PULSE_BINS + Math.floor(half)) * BIN_MM,
    farthestMm: (startBin + bins * subSample - HALF_PULSE_BINS - Math.ceil(half)) * BIN_MM,
  }
}

/** The distance at the middle of a bin, mm. Pure. */
export function binCentreMm({ startBin, subSample }: HistogramConfig, bin: number): number {
  return (startBin + bin * subSample + subSample / 2) * BIN_MM
}
