/** The original's spectral analyser (facts §4), from raw counts that it never calibrates. */
import type { Counts } from './channels.ts'
import { type JsQuality, jsQuality } from './js-quality.ts'
import { max, min } from './python.ts'

export type SpectralGrade = 'A+' | 'A' | 'B' | 'C' | 'REJECT'

export interface SpectralRatios {
  readonly violet_orange_ratio: number
  readonly nir_violet_ratio: number
  readonly discoloration_index: number
  readonly lipid_oxidation_index: number
  readonly freshness_meat_index: number
  readonly oil_oxidation_index: number
  readonly red_violet_ratio: number
  readonly green_red_ratio: number
  readonly yellow_blue_ratio: number
  readonly normalized_clear: number
}

/** All 0..1 but the grade, which has other limits than the one that counts (docs/original.md, fault 12). */
export interface QualityMetrics {
  readonly freshness_index: number
  readonly fat_quality_index: number
  readonly color_uniformity: number
  /** 1 - fat quality: never above 0.7, so its alert cannot fire (docs/original.md, fault 9). */
  readonly oxidation_index: number
  readonly overall_grade: SpectralGrade
  readonly quality_score: number
  /** Always empty. */
  readonly defects_detected: readonly string[]
}

export interface SpectralReport {
  readonly spectral_ratios: SpectralRatios
  readonly quality_metrics: QualityMetrics
  readonly grade: SpectralGrade
  /** 0..1. */
  readonly quality_score: number
  readonly defects: readonly string[]
  readonly quality_js: JsQuality
}

interface Band {
  readonly optimal: readonly [number, number]
  readonly acceptable: readonly [number, number]
  readonly below: string
  readonly above: string
}

const BANDS = {
  violet_orange_ratio: {
    optimal: [0.25, 0.45],
    acceptable: [0.2, 0.55],
    below: 'Ratio Violet/Orange anormalement bas (< 0.20)',
    above: 'Oxydation lipidique excessive (Violet/Orange > 0.55)',
  },
  nir_violet_ratio: {
    optimal: [1.2, 1.8],
    acceptable: [1, 2],
    below: 'Structure inhomogène (NIR/Violet < 1.0)',
    above: 'Anomalie structurelle (NIR/Violet > 2.0)',
  },
  discoloration_index: {
    optimal: [1.3, 1.7],
    acceptable: [1.1, 2],
    below: 'Indice décoloration anormal (< 1.1)',
    above: 'Jaunissement excessif (décoloration > 2.0)',
  },
  lipid_oxidation_index: {
    optimal: [0.8, 1.2],
    acceptable: [0.7, 1.4],
    below: 'Indice oxydation lipidique bas (< 0.7)',
    above: 'Oxydation acides gras élevée (TBARS > 1.4)',
  },
  freshness_meat_index: {
    optimal: [0.35, 0.65],
    acceptable: [0.25, 0.75],
    below: 'Dégradation pigments hémiques (freshness < 0.25)',
    above: 'Indice fraîcheur anormal (> 0.75)',
  },
  oil_oxidation_index: {
    optimal: [0.5, 0.8],
    acceptable: [0.4, 0.9],
    below: 'Indice oxydation huile bas (< 0.4)',
    above: 'Oxydation graisses excessive (> 0.9)',
  },
} as const satisfies Partial<Record<keyof SpectralRatios, Band>>

const BANDED = [
  'violet_orange_ratio',
  'nir_violet_ratio',
  'discoloration_index',
  'lipid_oxidation_index',
  'freshness_meat_index',
  'oil_oxidation_index',
] as const satisfies readonly (keyof typeof BANDS)[]

/**
 * Analyses one set of counts as the original does; missing channels count as 1.
 * @throws PythonError when the mean deviation of `quality_js` is NaN (one of F2, F5, F6, F7, NIR) or infinite
 */
export function analyseSpectrum(counts: Counts): SpectralReport {
  const ratios = spectralRatios(counts)
  const metrics = qualityMetrics(ratios)
  const defects = [...outOfBand(ratios), ...unreliable(counts)]
  const score = max(0, metrics.quality_score - min(defects.length * 0.1, 0.5))
  return {
    spectral_ratios: ratios,
    quality_metrics: metrics,
    grade: spectralGrade(score, defects),
    quality_score: score,
    defects,
    quality_js: jsQuality(counts),
  }
}

function spectralRatios(counts: Counts): SpectralRatios {
  const channel = (name: string) => max(counts[name] ?? 1, 1)
  const f1 = channel('F1_violet')
  const f2 = channel('F2_indigo')
  const f3 = channel('F3_blue')
  const f4 = channel('F4_cyan')
  const f5 = channel('F5_green')
  const f6 = channel('F6_yellow')
  const f7 = channel('F7_orange')
  const f8 = channel('F8_red')
  return {
    violet_orange_ratio: f1 / f7,
    nir_violet_ratio: channel('NIR') / f1,
    discoloration_index: (f5 + f6) / (f1 + f2),
    lipid_oxidation_index: (f7 + f8) / f4,
    freshness_meat_index: (f1 + f2) / (f7 + f8),
    oil_oxidation_index: (f1 + f3) / (f5 + f6),
    red_violet_ratio: f8 / f1,
    green_red_ratio: f5 / f8,
    yellow_blue_ratio: f6 / f3,
    normalized_clear: channel('Clear') / 65535,
  }
}

function qualityMetrics(ratios: SpectralRatios): QualityMetrics {
  const within = (name: keyof typeof BANDS) => withinBand(ratios[name], BANDS[name])
  const freshness = 0.6 * within('violet_orange_ratio') + 0.4 * within('freshness_meat_index')
  const fat = 0.6 * within('lipid_oxidation_index') + 0.4 * within('oil_oxidation_index')
  const colour = within('discoloration_index')
  const oxidation = 1 - fat
  const score = freshness * 0.35 + fat * 0.3 + colour * 0.2 + (1 - oxidation) * 0.15
  return {
    freshness_index: freshness,
    fat_quality_index: fat,
    color_uniformity: colour,
    oxidation_index: oxidation,
    overall_grade: gradeByScore(score, [0.85, 0.75, 0.65, 0.5]),
    quality_score: score,
    defects_detected: [],
  }
}

/** 1 inside the optimal band, 0.7..1 inside the acceptable one, 0.3 outside (and for NaN). */
function withinBand(ratio: number, { optimal, acceptable }: Band): number {
  if (optimal[0] <= ratio && ratio <= optimal[1]) return 1
  if (!(acceptable[0] <= ratio && ratio <= acceptable[1])) return 0.3
  const outside =
    ratio < optimal[0]
      ? (optimal[0] - ratio) / (optimal[0] - acceptable[0])
      : (ratio - optimal[1]) / (acceptable[1] - optimal[1])
  return 0.7 + 0.3 * (1 - outside)
}

function outOfBand(ratios: SpectralRatios): string[] {
  return BANDED.flatMap((name) => {
    const { acceptable, below, above } = BANDS[name]
    if (ratios[name] < acceptable[0]) return [below]
    return ratios[name] > acceptable[1] ? [above] : []
  })
}

function unreliable(counts: Counts): string[] {
  const channels = Object.entries(counts).filter(([name]) => name !== 'Flicker')
  return [
    ...channels.filter(([, value]) => value >= 65500).map(([name]) => `Saturation canal ${name}`),
    ...channels.filter(([, value]) => value < 10).map(([name]) => `Signal trop faible ${name}`),
  ]
}

/** Of the three critical words of the original only this one is ever written (docs/original.md, fault 10). */
function spectralGrade(score: number, defects: readonly string[]): SpectralGrade {
  const critical = defects.some((defect) => defect.includes('Saturation'))
  if (critical && score < 0.6) return 'REJECT'
  return gradeByScore(score, [0.85, 0.75, 0.6, 0.45])
}

/** A+, A, B, C or REJECT by four falling limits; NaN is REJECT. */
export function gradeByScore(
  score: number,
  [aPlus, a, b, c]: readonly [number, number, number, number],
): SpectralGrade {
  if (score >= aPlus) return 'A+'
  if (score >= a) return 'A'
  if (score >= b) return 'B'
  return score >= c ? 'C' : 'REJECT'
}
