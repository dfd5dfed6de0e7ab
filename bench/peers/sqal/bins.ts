/** The original's reading of the histograms (facts §3, "Bins"). */
import { argmax, at, type Cube, type Matrix, maximum, median, std, sum } from './numpy.ts'
import { PythonError } from './python.ts'
import { convolveSame, findPeaks, gaussianWindow } from './signal.ts'

/** One value for each zone; the names are the original's. */
export interface BinsAnalysis {
  readonly multi_peak_count: Matrix
  readonly surface_roughness: Matrix
  /** At most 0.133 by construction: the peak of the smoothing window itself (docs/original.md, fault 7). */
  readonly signal_quality: Matrix
  /** Normalised entropy, 0..1. */
  readonly texture_score: Matrix
  /** Counts above the base line. */
  readonly density_score: Matrix
  readonly peak_bin_map: Matrix
}

/**
 * Analyses each zone's histogram.
 * @param bins rows × columns × bins; or flattened in two dimensions to `zones` × `zones` × `binCount`
 * @throws PythonError ValueError when a flattened table has another size, as at 32 × 32 (docs/original.md, fault 13)
 */
export function analyseBins(bins: Cube | Matrix, zones: number, binCount: number): BinsAnalysis {
  const cube = asCube(bins, zones, binCount)
  const analysed = cube.map((row) => row.map(analyseHistogram))
  const map = (pick: (zone: ZoneBins) => number) => analysed.map((row) => row.map(pick))
  return {
    multi_peak_count: map((zone) => zone.peaks),
    surface_roughness: map((zone) => zone.roughness),
    signal_quality: map((zone) => zone.signalQuality),
    texture_score: map((zone) => zone.texture),
    density_score: map((zone) => zone.density),
    peak_bin_map: map((zone) => zone.peakBin),
  }
}

interface ZoneBins {
  readonly peaks: number
  readonly roughness: number
  readonly signalQuality: number
  readonly texture: number
  readonly density: number
  readonly peakBin: number
}

function analyseHistogram(histogram: readonly number[]): ZoneBins {
  const count = histogram.length
  const base = median(histogram.slice(0, Math.max(1, Math.floor(count / 16))))
  const signal = histogram.map((value) => Math.max(0, value - base))
  const total = sum(signal) + 1e-12
  const smooth = convolveSame(signal, smoothingWindow(Math.min(41, count)))
  const highest = maximum(smooth)
  return {
    peaks: findPeaks(smooth, highest * 0.18, highest * 0.05).length,
    roughness: std(smooth) / (highest + 1e-9),
    // NaN > 0 is false: a histogram with a NaN gets signal quality 0, its other figures are NaN.
    signalQuality: total > 0 ? highest / (total + 1e-9) : 0,
    texture: entropy(signal, total) / (Math.log(count) + 1e-9),
    density: total,
    peakBin: argmax(smooth),
  }
}

function smoothingWindow(length: number): number[] {
  const window = gaussianWindow(length, 3)
  const area = sum(window)
  return window.map((value) => value / area)
}

function entropy(signal: readonly number[], total: number): number {
  const shares = signal.map((value) => Math.max(1e-12, value / (total + 1e-12)))
  return -sum(shares.map((share) => share * Math.log(share)))
}

function isCube(bins: Cube | Matrix): bins is Cube {
  return Array.isArray(bins[0]?.[0])
}

function asCube(bins: Cube | Matrix, zones: number, binCount: number): Cube {
  if (isCube(bins)) return bins
  const flat = bins.flat()
  if (flat.length !== zones * zones * binCount) {
    throw new PythonError(
      'ValueError',
      'bins_matrix format unexpected; expected 3D array shape (res,res,n_bins)',
    )
  }
  const histograms = Array.from({ length: zones * zones }, (_, zone) =>
    flat.slice(zone * binCount, (zone + 1) * binCount),
  )
  return Array.from({ length: zones }, (_, i) =>
    Array.from({ length: zones }, (_, j) => at(histograms, i * zones + j)),
  )
}
