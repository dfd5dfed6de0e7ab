/** What the original takes from scipy.signal (facts §3, "Bins"). */
import { at } from './numpy.ts'

/** `windows.gaussian(length, deviation)`, symmetric, peak at most 1. */
export function gaussianWindow(length: number, deviation: number): number[] {
  const centre = (length - 1) / 2
  return Array.from({ length }, (_, i) => Math.exp(-((i - centre) ** 2) / (2 * deviation * deviation)))
}

/** `convolve(values, kernel, 'same')`, the direct method; `kernel` is not longer than `values`. */
export function convolveSame(values: readonly number[], kernel: readonly number[]): number[] {
  const lead = Math.floor((kernel.length - 1) / 2)
  return values.map((_, i) => {
    const from = Math.max(0, i + lead - kernel.length + 1)
    const to = Math.min(values.length - 1, i + lead)
    let total = 0
    for (let k = from; k <= to; k++) total += at(values, k) * at(kernel, i + lead - k)
    return total
  })
}

/**
 * `find_peaks(values, height, prominence)`: strict local maxima (the middle of a plateau) that are at
 * least `height` high and stand out by at least `prominence`.
 * @returns their indices, ascending
 */
export function findPeaks(values: readonly number[], height: number, prominence: number): number[] {
  return localMaxima(values)
    .filter((peak) => at(values, peak) >= height)
    .filter((peak) => prominenceOf(values, peak) >= prominence)
}

function localMaxima(values: readonly number[]): number[] {
  const peaks: number[] = []
  let i = 1
  while (i < values.length - 1) {
    const value = at(values, i)
    if (at(values, i - 1) < value) {
      let ahead = i + 1
      while (ahead < values.length - 1 && at(values, ahead) === value) ahead++
      if (at(values, ahead) < value) {
        peaks.push(Math.floor((i + ahead - 1) / 2))
        i = ahead
      }
    }
    i++
  }
  return peaks
}

/** The height above the higher of the two valleys that lie between the peak and higher ground. */
function prominenceOf(values: readonly number[], peak: number): number {
  const top = at(values, peak)
  let left = top
  for (let i = peak; i >= 0 && at(values, i) <= top; i--) left = Math.min(left, at(values, i))
  let right = top
  for (let i = peak; i < values.length && at(values, i) <= top; i++) right = Math.min(right, at(values, i))
  return top - Math.max(left, right)
}
