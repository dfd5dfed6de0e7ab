import { AGEING, FAT_LOSS, OXIDATION, SIZE } from './colour-fit.ts'
import { at } from './numbers.ts'

/** How well the three states can be told apart in one spectrum: correlations of their errors, -1…1. */
export interface Identifiability {
  readonly freshnessFat: number
  readonly freshnessOxidation: number
  readonly fatOxidation: number
  /**
   * Of the matrix of these correlations, ≥ 1: the square of how many times less sure the worst mixture of states is
   * than the best. 1: independent; beyond 100 two of them are one number seen twice.
   */
  readonly condition: number
}

/** @param covariance of (ageing, oxidation, fat loss, level), row-major 4 × 4 */
export function identifiabilityOf(covariance: Float64Array): Identifiability {
  const variance = (i: number): number => at(covariance, i * SIZE + i)
  const correlation = (i: number, j: number): number =>
    at(covariance, i * SIZE + j) / Math.sqrt(variance(i) * variance(j))
  // Freshness is 1 - ageing and fat quality 1 - fat loss: theirs has the same sign, each one's with oxidation the other.
  const freshnessFat = correlation(AGEING, FAT_LOSS)
  const freshnessOxidation = -correlation(AGEING, OXIDATION)
  const fatOxidation = -correlation(FAT_LOSS, OXIDATION)
  return {
    freshnessFat,
    freshnessOxidation,
    fatOxidation,
    condition: conditionOf(freshnessFat, freshnessOxidation, fatOxidation),
  }
}

/** The eigenvalues 1 + μ of a matrix of three correlations solve μ³ - pμ - 2q = 0 (Viète's cosines). */
function conditionOf(x: number, y: number, z: number): number {
  const third = (x * x + y * y + z * z) / 3
  if (third === 0) return 1
  const angle = Math.acos(Math.min(1, Math.max(-1, (x * y * z) / third ** 1.5))) / 3
  const reach = 2 * Math.sqrt(third)
  const most = 1 + reach * Math.cos(angle)
  const least = 1 + reach * Math.cos(angle + (2 * Math.PI) / 3)
  return most / Math.max(1e-12, least)
}
