/** The block of foie gras figures that the original's fusion adds (facts §4, §5; docs/original.md, fault 5). */
import { type Counts, spectrumOf } from './channels.ts'
import { bileTraces, CRU_EXTRA, colourScore, deltaE, hematoma, labOf, oxidation } from './colour.ts'
import { dimensionalConformity, estimatedVolumeCm3, fillLevel, lobeThickness } from './dimensions.ts'
import type { Matrix } from './numpy.ts'

export type FoieGrasMetrics = ReturnType<typeof foieGrasMetrics>

/** Figures of one part with an empty history; `finalScore` 0..1. */
export function foieGrasMetrics(distance: Matrix, counts: Counts, finalScore: number, finalGrade: string) {
  const dimensions = dimensionsOf(distance)
  const colour = colourOf(counts)
  return {
    ...dimensions,
    ...colour,
    dimensional_conformity_percent: dimensions.dimensional_conformity_score,
    color_conformity_percent: colour.color_score_premium,
    global_quality_score_100: finalScore * 100,
    has_critical_color_deviation: colour.delta_e > 8,
    has_underfill: Math.abs(dimensions.fill_deviation_mm) > 5,
    has_oxidation_trend: colour.oxidation_severity > 0.4,
    // A fused C is compliant: only the ToF analyser's long name of it is not (docs/original.md, fault 5).
    is_compliant: finalGrade !== 'REJECT' && finalGrade !== 'Grade C - Qualité acceptable',
    // REJECT contains a C.
    is_downgraded: finalGrade.includes('B') || finalGrade.includes('C'),
    is_rejected: finalGrade.includes('REJECT'),
  }
}

function dimensionsOf(distance: Matrix) {
  const thickness = lobeThickness(distance)
  const fill = fillLevel(distance)
  return {
    lobe_thickness_mm: thickness.thickness_mm,
    thickness_std_mm: thickness.thickness_std,
    thickness_category: thickness.category,
    is_irregular_lobe: thickness.is_irregular,
    estimated_volume_cm3: estimatedVolumeCm3(distance),
    ...fill,
    dimensional_conformity_score: dimensionalConformity(
      thickness.category,
      thickness.is_irregular,
      fill.fill_conformity,
    ),
    process_cp: null,
    process_cpk: null,
    process_capability: 'insufficient_data',
    process_mean: thickness.thickness_mm,
    process_std: 0,
    is_centered: null,
  }
}

function colourOf(counts: Counts) {
  const spectrum = spectrumOf(counts)
  const lab = labOf(spectrum)
  const difference = deltaE(lab, CRU_EXTRA)
  const [hasHematoma, hematomaSeverity] = hematoma(spectrum)
  const [hasBile, bileSeverity] = bileTraces(spectrum)
  const [hasOxidation, oxidationSeverity] = oxidation(lab.b, CRU_EXTRA.b)
  const found = [hasHematoma, hasBile, hasOxidation].filter(Boolean).length
  return {
    l_star: lab.L,
    a_star: lab.a,
    b_star: lab.b,
    delta_e: difference,
    reference_id: 'cru_extra',
    color_score_premium: colourScore(lab, difference),
    has_hematoma: hasHematoma,
    hematoma_severity: hematomaSeverity,
    has_bile_traces: hasBile,
    bile_severity: bileSeverity,
    has_oxidation: hasOxidation,
    oxidation_severity: oxidationSeverity,
    defect_rate_percent: (found / 3) * 100,
  }
}
