/** How the original turns a ToF analysis into a score and a grade (facts §3). */
import type { BinsAnalysis } from './bins.ts'
import type { TofDefect } from './defects.ts'
import { type Matrix, nanmean } from './numpy.ts'
import type { TofLimits } from './profile.ts'
import { max, min, sum } from './python.ts'

/** Each part 0..1, under the original's names. */
export interface ScoreBreakdown {
  readonly vol_score: number
  readonly texture_score: number
  readonly density_score: number
  readonly mean_signal_quality: number
  readonly reflectance_penalty: number
  readonly consistency_ok: number
  readonly defect_penalty: number
  readonly defect_penalty_weight: number
  readonly effective_defect_penalty: number
}

export type TofGrade =
  | 'Grade A - Excellente qualité'
  | 'Grade B - Bonne qualité'
  | 'Grade C - Qualité acceptable'
  | 'REJET - Qualité insuffisante'

const EXPECTED_VOLUME_MM3 = 700_000

/** `badReflectance` is the fraction of zones below 30 % or above 80 %. */
export interface ScoreInput {
  readonly volumeMm3: number
  readonly bins: BinsAnalysis | null
  readonly badReflectance: number
  readonly consistent: boolean
  readonly severities: readonly number[]
  readonly limits: TofLimits
}

/** The weighted sum and its parts; without histograms three parts are the constant 0.8. */
export function scoreTof(input: ScoreInput): { score: number; breakdown: ScoreBreakdown } {
  const { bins, severities, limits } = input
  const average = (matrix: Matrix) => nanmean(matrix.flat())
  const volume = volumeScore(input.volumeMm3)
  const texture = bins ? max(0, 1 - average(bins.texture_score)) : 0.8
  const density = bins ? min(1, average(bins.density_score) / (limits.densityThreshold + 1e-9)) : 0.8
  const signal = bins ? average(bins.signal_quality) : 0.8
  const reflectance = max(0, input.badReflectance)
  const consistency = input.consistent ? 1 : 0.5
  // A mean, not a sum: one more small defect lowers the penalty (docs/original.md, fault 8).
  const penalty = min(1, sum(severities) / Math.max(1, severities.length))
  const effective = clip(penalty * limits.penaltyWeight)
  const combined =
    0.15 * volume +
    0.2 * texture +
    0.2 * density +
    0.15 * signal +
    0.15 * (1 - reflectance) +
    0.15 * consistency
  return {
    score: clip(combined * (1 - effective)),
    breakdown: {
      vol_score: volume,
      texture_score: texture,
      density_score: density,
      mean_signal_quality: signal,
      reflectance_penalty: reflectance,
      consistency_ok: consistency,
      defect_penalty: penalty,
      defect_penalty_weight: limits.penaltyWeight,
      effective_defect_penalty: effective,
    },
  }
}

/** Discontinuous: 1.16 litres, out of range, scores 0.90; 0.95 litres, in range, 0.75 (docs/original.md, fault 6). */
function volumeScore(volumeMm3: number): number {
  const least = EXPECTED_VOLUME_MM3 * 0.5
  const most = EXPECTED_VOLUME_MM3 * 1.5
  if (least <= volumeMm3 && volumeMm3 <= most) {
    const closeness = 1 - Math.abs(volumeMm3 - EXPECTED_VOLUME_MM3) / (EXPECTED_VOLUME_MM3 * 0.5)
    return max(0.75, min(1, closeness))
  }
  return volumeMm3 < least ? max(0.4, volumeMm3 / least) : max(0.4, most / volumeMm3)
}

/** `np.clip(value, 0, 1)`: NaN stays NaN. */
function clip(value: number): number {
  return Math.min(1, Math.max(0, value))
}

/** The French grades; a severe foreign body rejects whatever the score. */
export function tofGrade(score: number, defects: readonly TofDefect[], critical: number): TofGrade {
  if (defects.some((defect) => defect.type === 'foreign_body' && defect.severity > critical)) {
    return 'REJET - Qualité insuffisante'
  }
  if (score >= 0.8) return 'Grade A - Excellente qualité'
  if (score >= 0.65) return 'Grade B - Bonne qualité'
  if (score >= 0.5) return 'Grade C - Qualité acceptable'
  return 'REJET - Qualité insuffisante'
}
