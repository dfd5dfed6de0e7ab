/** The original's ToF analyser (facts §3), bugs included: what it measures is listed in docs/original.md. */
import { analyseBins, type BinsAnalysis } from './bins.ts'
import { findDefects, type TofDefect } from './defects.ts'
import { analyseHeights, type HeightStatistics } from './heights.ts'
import { type Cube, type Matrix, mean, nanmean, nanstd, std } from './numpy.ts'
import { STANDARD_LIMITS, type TofLimits } from './profile.ts'
import { type ScoreBreakdown, scoreTof, type TofGrade, tofGrade } from './score.ts'

/** What the original's sensor hands over: square matrices of the same size, 8 × 8 as a rule. */
export interface TofRaw {
  /** mm, seen from the sensor. */
  readonly distance: Matrix
  /** %, 0..100. */
  readonly reflectance: Matrix
  /** 0..4095. */
  readonly amplitude: Matrix
  readonly ambient: Matrix
  /** rows × columns × bins, or none. */
  readonly bins: Cube | Matrix | null
  /** Height of the sensor above the ground, mm. */
  readonly sensorHeightMm: number
  /** Taken as both sides of a zone although it is the longer one (docs/original.md, fault 6), mm. */
  readonly zoneSizeMm: number
  readonly binCount: number
}

export interface ReflectanceAnalysis {
  readonly mean_reflectance_pct: number
  readonly std_reflectance_pct: number
  readonly low_reflectance_fraction: number
  readonly high_reflectance_fraction: number
  /** Row, column and deviation of 3 × 3 windows that vary by more than 12 %; 50 at most. */
  readonly local_variations: readonly (readonly [number, number, number])[]
}

export interface AmplitudeConsistency {
  readonly mean_amplitude: number
  readonly std_amplitude: number
  readonly outlier_fraction: number
  readonly consistency_ok: boolean
}

/** The analyser's report under the original's own names, its time stamps left out. */
export interface TofReport {
  readonly stats: HeightStatistics
  readonly bins_analysis: BinsAnalysis | null
  readonly reflectance_analysis: ReflectanceAnalysis
  readonly amplitude_consistency: AmplitudeConsistency
  readonly defects: readonly TofDefect[]
  /** 0..1. */
  readonly quality_score: number
  readonly score_breakdown: ScoreBreakdown
  readonly grade: TofGrade
}

/**
 * Analyses one frame as the original does.
 * @throws PythonError where the original raised
 */
export function analyseTof(raw: TofRaw, limits: TofLimits = STANDARD_LIMITS): TofReport {
  const stats = analyseHeights(raw.distance, raw.sensorHeightMm, raw.zoneSizeMm)
  const bins = raw.bins === null ? null : analyseBins(raw.bins, raw.distance.length, raw.binCount)
  const reflectance = analyseReflectance(raw.reflectance)
  const amplitude = analyseAmplitude(raw.amplitude, limits.consistencyThreshold)
  const defects = findDefects(raw.distance, limits.distanceDefectMm)
  const { score, breakdown } = scoreTof({
    volumeMm3: stats.volume_mm3,
    bins,
    badReflectance: reflectance.low_reflectance_fraction + reflectance.high_reflectance_fraction,
    consistent: amplitude.consistency_ok,
    severities: defects.map((defect) => defect.severity),
    limits,
  })
  return {
    stats,
    bins_analysis: bins,
    reflectance_analysis: reflectance,
    amplitude_consistency: amplitude,
    defects,
    quality_score: score,
    score_breakdown: breakdown,
    grade: tofGrade(score, defects, limits.criticalSeverity),
  }
}

function analyseReflectance(reflectance: Matrix): ReflectanceAnalysis {
  const all = reflectance.flat()
  const fraction = (test: (value: number) => boolean) => all.filter(test).length / reflectance.length ** 2
  return {
    mean_reflectance_pct: nanmean(all),
    std_reflectance_pct: nanstd(all),
    low_reflectance_fraction: fraction((value) => value < 30),
    high_reflectance_fraction: fraction((value) => value > 80),
    local_variations: localVariations(reflectance).slice(0, 50),
  }
}

function localVariations(reflectance: Matrix): [number, number, number][] {
  const found: [number, number, number][] = []
  for (let i = 1; i < reflectance.length - 1; i++) {
    for (let j = 1; j < reflectance.length - 1; j++) {
      const window = reflectance.slice(i - 1, i + 2).flatMap((row) => row.slice(j - 1, j + 2))
      const deviation = std(window)
      if (deviation > 12) found.push([i, j, deviation])
    }
  }
  return found
}

function analyseAmplitude(amplitude: Matrix, threshold: number): AmplitudeConsistency {
  const all = amplitude.flat()
  const centre = mean(all)
  const deviation = std(all)
  const outliers = all.filter((value) => Math.abs((value - centre) / (deviation + 1e-9)) > 2.5).length
  const fraction = outliers / all.length
  return {
    mean_amplitude: centre,
    std_amplitude: deviation,
    outlier_fraction: fraction,
    consistency_ok: fraction < 1 - threshold,
  }
}
