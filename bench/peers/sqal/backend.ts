/** What the original's message, consumer and alerts make of a fusion (facts §5, §6, §8; docs/original.md, fault 11). */
import { gradeByScore, type SpectralGrade } from './as7341.ts'
import { wireChannels } from './channels.ts'
import type { FullFusion, Spectral } from './fusion.ts'
import { type Matrix, mapMatrix } from './numpy.ts'
import { integer, round, sum, twoDecimals } from './python.ts'
import type { TofRaw, TofReport } from './vl53l8ch.ts'

export interface OriginalAlert {
  readonly alert_type:
    | 'quality_critical'
    | 'quality_low'
    | 'grade_reject'
    | 'oxidation_high'
    | 'freshness_low'
  readonly severity: 'critical' | 'warning'
  readonly message: string
}

export type BackendRecord = ReturnType<typeof backendRecord>

/**
 * The stored record: grades made anew from the scores (so a REJECT can become a C), real analyses replaced
 * by constants, matrices as integers.
 * @throws PythonError when a value of any of the four matrices is NaN or infinite
 */
export function backendRecord(raw: TofRaw, tof: TofReport, { report, counts }: Spectral, fusion: FullFusion) {
  const distances = asIntegers(raw.distance, 4000)
  asIntegers(raw.reflectance, 255)
  asIntegers(raw.amplitude, 4095)
  asIntegers(raw.ambient, 4095)
  const grade = wireGrade(fusion.final_score)
  const { freshness_index, fat_quality_index, oxidation_index } = report.quality_metrics
  return {
    vl53l8ch: {
      volume_mm3: tof.stats.volume_trapezoidal_mm3,
      // Looked up under a name that the analyser never writes: always the default.
      surface_uniformity: 0.85,
      quality_score: tof.quality_score,
      grade: wireGrade(tof.quality_score),
      ...distanceStatistics(distances),
    },
    as7341: {
      channels: wireChannels(counts),
      freshness_index,
      fat_quality_index,
      oxidation_index,
      color_uniformity: 0.88,
      quality_score: report.quality_score,
      grade: wireGrade(report.quality_score),
    },
    fusion: { final_score: fusion.final_score, final_grade: grade, is_compliant: grade !== 'REJECT' },
    distance_matrix_int: distances,
    poids_foie_estime_g: estimatedMassG(tof.stats.volume_trapezoidal_mm3),
    alerts: alertsOf(fusion.final_score, grade, oxidation_index, freshness_index),
  }
}

/** Grams at 0.947 g/cm³ of everything in view, tray included. */
export function estimatedMassG(volumeMm3: number): number {
  return round((volumeMm3 / 1000) * 0.947, 1)
}

function wireGrade(score: number): SpectralGrade {
  return gradeByScore(score, [0.85, 0.75, 0.6, 0.45])
}

function asIntegers(matrix: Matrix, most: number): number[][] {
  return mapMatrix(matrix, (value) => Math.max(0, Math.min(most, integer(value))))
}

function distanceStatistics(distances: Matrix) {
  const all = distances.flat()
  const mean = sum(all) / all.length
  const variance = sum(all.map((value) => (value - mean) ** 2)) / all.length
  return { avg_distance_mm: mean, std_distance_mm: Math.sqrt(variance) }
}

function alertsOf(
  score: number,
  grade: SpectralGrade,
  oxidation: number,
  freshness: number,
): OriginalAlert[] {
  const alerts: OriginalAlert[] = []
  if (score < 0.4) {
    const message = `Score qualité critique: ${twoDecimals(score)} (seuil: 0.40)`
    alerts.push({ alert_type: 'quality_critical', severity: 'critical', message })
  } else if (score < 0.6) {
    const message = `Score qualité faible: ${twoDecimals(score)} (seuil: 0.60)`
    alerts.push({ alert_type: 'quality_low', severity: 'warning', message })
  }
  if (grade === 'REJECT') {
    const message = 'Échantillon REJETÉ - Non conforme qualité'
    alerts.push({ alert_type: 'grade_reject', severity: 'critical', message })
  }
  if (oxidation > 0.7) {
    const message = `Indice oxydation élevé: ${twoDecimals(oxidation)} (seuil: 0.70)`
    alerts.push({ alert_type: 'oxidation_high', severity: 'warning', message })
  }
  if (freshness < 0.5) {
    const message = `Indice fraîcheur faible: ${twoDecimals(freshness)} (seuil: 0.50)`
    alerts.push({ alert_type: 'freshness_low', severity: 'warning', message })
  }
  return alerts
}
