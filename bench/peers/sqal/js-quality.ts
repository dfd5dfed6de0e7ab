/** The second, 60..100 score that the original keeps beside its first (facts §4, `quality_js`). */
import type { Counts } from './channels.ts'
import { integer, max, min, round } from './python.ts'

interface FourRatios {
  readonly red_green: number
  readonly red_blue: number
  readonly yellow_blue: number
  readonly ir_red: number
}

export interface JsQuality {
  /** 60..100, whole. */
  readonly score: number
  readonly classification: 'Excellent' | 'Très bon' | 'Bon' | 'Acceptable'
  readonly ratios: FourRatios
  readonly deviations: FourRatios & { readonly average: number }
}

/**
 * Relative deviation of four ratios from their ideal.
 * @throws PythonError when the mean deviation is not finite
 */
export function jsQuality(counts: Counts): JsQuality {
  const f2 = max(counts.F2_indigo ?? 500, 1)
  const f5 = max(counts.F5_green ?? 500, 1)
  const f6 = max(counts.F6_yellow ?? 500, 1)
  const f7 = max(counts.F7_orange ?? 500, 1)
  const nir = max(counts.NIR ?? 300, 1)
  const ratios = { red_green: f7 / f5, red_blue: f7 / f2, yellow_blue: f6 / f2, ir_red: nir / f7 }
  const deviations = {
    red_green: Math.abs((ratios.red_green - 1.5) / 1.5),
    red_blue: Math.abs((ratios.red_blue - 1.6) / 1.6),
    yellow_blue: Math.abs((ratios.yellow_blue - 1.3) / 1.3),
    ir_red: Math.abs((ratios.ir_red - 0.5) / 0.5),
  }
  const average =
    (deviations.red_green + deviations.red_blue + deviations.yellow_blue + deviations.ir_red) / 4
  const score = max(60, min(100, integer(100 - average * 100)))
  return {
    score,
    classification: classify(score),
    ratios: rounded(ratios),
    deviations: { ...rounded(deviations), average: round(average, 2) },
  }
}

function rounded(values: FourRatios): FourRatios {
  return {
    red_green: round(values.red_green, 2),
    red_blue: round(values.red_blue, 2),
    yellow_blue: round(values.yellow_blue, 2),
    ir_red: round(values.ir_red, 2),
  }
}

function classify(score: number): JsQuality['classification'] {
  if (score >= 90) return 'Excellent'
  if (score >= 80) return 'Très bon'
  return score >= 70 ? 'Bon' : 'Acceptable'
}
