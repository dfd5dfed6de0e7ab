/** The original's fusion of both sensors (facts §5). */
import { gradeByScore, type SpectralGrade, type SpectralReport } from './as7341.ts'
import type { Counts } from './channels.ts'
import type { TofDefect } from './defects.ts'
import { type FoieGrasMetrics, foieGrasMetrics } from './foiegras.ts'
import type { Matrix } from './numpy.ts'
import type { TofGrade } from './score.ts'
import type { TofReport } from './vl53l8ch.ts'

export interface SpectralDefect {
  readonly type: `Spectral: ${string}`
  readonly source: 'AS7341'
  /** The same for all. */
  readonly severity: 0.5
}

/** Without a spectrum: the ToF's score and its long French grade, and nothing else. */
export interface TofOnlyFusion {
  readonly final_grade: TofGrade
  readonly final_score: number
  readonly tof_contribution: 1
  readonly spectral_contribution: 0
  readonly combined_defects: readonly TofDefect[]
  readonly fusion_mode: 'ToF only'
}

/** Under the original's own names, several of them for one figure; the random sample id is left out. */
export interface FullFusion {
  readonly final_grade: SpectralGrade
  /** 0..1: 0.6 ToF + 0.4 spectral. */
  readonly final_score: number
  readonly tof_score: number
  readonly spectral_score: number
  readonly tof_contribution: 0.6
  readonly spectral_contribution: 0.4
  readonly combined_defects: readonly (TofDefect | SpectralDefect)[]
  readonly num_defects: number
  readonly defects: readonly (TofDefect | SpectralDefect)[]
  readonly fusion_mode: 'ToF + Spectral'
  readonly vl53l8ch_grade: TofGrade
  readonly vl53l8ch_score: number
  readonly as7341_grade: SpectralGrade
  readonly as7341_score: number
  readonly metrics: {
    readonly tof_grade: TofGrade
    readonly spectral_grade: SpectralGrade
    readonly freshness_index: number
    readonly fat_quality_index: number
    readonly volume_mm3: number
  }
  readonly foie_gras_metrics: FoieGrasMetrics
}

export type Fusion = TofOnlyFusion | FullFusion

/** The spectral report and the counts it was made from. */
export interface Spectral {
  readonly report: SpectralReport
  readonly counts: Counts
}

/**
 * Fuses both reports.
 * @param uniformity what production drew at random from the configuration: 70 % of the ToF score (docs/original.md, fault 4);
 *   undefined takes the measured score alone
 */
export function fuse(
  tof: TofReport,
  spectral: Spectral | null,
  distance: Matrix,
  uniformity?: number,
): Fusion {
  const tofScore = uniformity === undefined ? tof.quality_score : 0.7 * uniformity + 0.3 * tof.quality_score
  if (spectral === null) {
    return {
      final_grade: tof.grade,
      final_score: tofScore,
      tof_contribution: 1,
      spectral_contribution: 0,
      combined_defects: tof.defects,
      fusion_mode: 'ToF only',
    }
  }
  return fuseBoth(tof, spectral, distance, tofScore)
}

function fuseBoth(
  tof: TofReport,
  { report, counts }: Spectral,
  distance: Matrix,
  tofScore: number,
): FullFusion {
  const score = tofScore * 0.6 + report.quality_score * 0.4
  const defects = [...tof.defects, ...report.defects.map(spectralDefect)]
  const grade = fusedGrade(score, report.grade, defects.length)
  return {
    final_grade: grade,
    final_score: score,
    tof_score: tofScore,
    spectral_score: report.quality_score,
    tof_contribution: 0.6,
    spectral_contribution: 0.4,
    combined_defects: defects,
    num_defects: defects.length,
    defects,
    fusion_mode: 'ToF + Spectral',
    vl53l8ch_grade: tof.grade,
    vl53l8ch_score: tofScore,
    as7341_grade: report.grade,
    as7341_score: report.quality_score,
    metrics: {
      tof_grade: tof.grade,
      spectral_grade: report.grade,
      freshness_index: report.quality_metrics.freshness_index,
      fat_quality_index: report.quality_metrics.fat_quality_index,
      volume_mm3: tof.stats.volume_trapezoidal_mm3,
    },
    foie_gras_metrics: foieGrasMetrics(distance, counts, score, grade),
  }
}

function spectralDefect(text: string): SpectralDefect {
  return { type: `Spectral: ${text}`, source: 'AS7341', severity: 0.5 }
}

/** The original also asks whether the ToF grade is "REJECT"; it is "REJET …", so never (docs/original.md, fault 10). */
function fusedGrade(score: number, spectralGrade: SpectralGrade, defects: number): SpectralGrade {
  if (spectralGrade === 'REJECT' || defects >= 5) return 'REJECT'
  return gradeByScore(score, [0.85, 0.75, 0.6, 0.45])
}
