/** The original's colour of foie gras, from raw counts that it never calibrates (facts §4; docs/original.md, fault 5). */
import type { Spectrum } from './channels.ts'
import { mean, std } from './numpy.ts'
import { max, min, sum } from './python.ts'

/** Called L*a*b* by the original; no conversion of the CIE's. */
export interface Lab {
  readonly L: number
  readonly a: number
  readonly b: number
}

/** The reference that every part is compared with, whatever the product. */
export const CRU_EXTRA: Lab = { L: 70, a: 5, b: 20 }

function channel(spectrum: Spectrum, name: string): number {
  return spectrum[name] ?? 0
}

function red(spectrum: Spectrum): number {
  return channel(spectrum, '630nm') + channel(spectrum, '680nm')
}

function green(spectrum: Spectrum): number {
  return channel(spectrum, '515nm') + channel(spectrum, '555nm')
}

function blue(spectrum: Spectrum): number {
  return channel(spectrum, '445nm') + channel(spectrum, '480nm')
}

/** From three sums of two channels each, over full scale; L is 50 in the dark. */
export function labOf(spectrum: Spectrum): Lab {
  const r = red(spectrum) / 65535
  const g = green(spectrum) / 65535
  const b = blue(spectrum) / 65535
  return { L: 50 + (r + g + b) * 25, a: (r - g) * 50, b: (g - b) * 50 }
}

/** CIE 1976. */
export function deltaE(lab: Lab, reference: Lab): number {
  return Math.sqrt((lab.L - reference.L) ** 2 + (lab.a - reference.a) ** 2 + (lab.b - reference.b) ** 2)
}

/** 0..100, 5 more for 68 ≤ L ≤ 77. */
export function colourScore(lab: Lab, difference: number): number {
  const bonus = 68 <= lab.L && lab.L <= 77 ? 5 : 0
  return min(100, max(0, baseColourScore(difference) + bonus))
}

function baseColourScore(difference: number): number {
  if (difference < 2) return 100
  return difference < 5 ? 100 - (difference - 2) * 10 : max(0, 70 - (difference - 5) * 5)
}

/** Whether the defect is there, and its severity 0..1. */
export type Finding = readonly [boolean, number]

function finding(value: number, limit: number, width: number): Finding {
  return [value > limit, min(1, max(0, (value - limit) / width))]
}

/** Red over blue. */
export function hematoma(spectrum: Spectrum): Finding {
  return finding(red(spectrum) / (blue(spectrum) + 1), 2.5, 2)
}

/** Two green channels over one red one: true of the reference product itself. */
export function bileTraces(spectrum: Spectrum): Finding {
  return finding(green(spectrum) / (channel(spectrum, '630nm') + 1), 1.3, 0.5)
}

/** Distance of b from its reference. */
export function oxidation(b: number, reference: number): Finding {
  return finding(Math.abs(b - reference), 8, 10)
}

/** Of `680nm` over `nir`; null without NIR. */
export function maturityIndex(spectrum: Spectrum) {
  const nir = spectrum.nir ?? channel(spectrum, '850nm')
  if (nir === 0) return { maturity_index: null, maturity_stage: 'unknown', spectral_ratio_red_nir: null }
  const ratio = (spectrum['680nm'] ?? channel(spectrum, 'red')) / nir
  if (ratio < 0.8) {
    return { maturity_index: ratio / 0.8, maturity_stage: 'immature', spectral_ratio_red_nir: ratio }
  }
  if (ratio < 1.5) {
    return {
      maturity_index: 0.5 + (ratio - 0.8) / 1.4,
      maturity_stage: 'optimal',
      spectral_ratio_red_nir: ratio,
    }
  }
  return { maturity_index: 1, maturity_stage: 'overripe', spectral_ratio_red_nir: ratio }
}

/** Distance of a spectrum from that of the fresh product, and what the original makes of it. */
export function freshnessScore(current: Spectrum, reference: Spectrum, hours: number) {
  const deviations = Object.entries(current).flatMap(([wave, value]) => {
    const fresh = reference[wave]
    return fresh !== undefined && fresh > 0 ? [Math.abs(value - fresh) / fresh] : []
  })
  if (deviations.length === 0) {
    return {
      freshness_score: null,
      freshness_trend: 'unknown',
      estimated_shelf_life_hours: null,
      spectral_degradation_rate: null,
    }
  }
  const degradation = sum(deviations) / deviations.length
  const rate = hours > 0 ? (degradation / hours) * 100 : 0
  return {
    freshness_score: max(0, 100 * (1 - degradation)),
    freshness_trend: rate > 0.5 ? 'declining' : 'stable',
    estimated_shelf_life_hours: rate > 0.01 ? (1 - degradation) / (rate / 100) : 999,
    spectral_degradation_rate: rate,
  }
}

/** Coefficient of variation, in %, of colour differences over one part; two at least. */
export function colourHomogeneity(differences: readonly number[]) {
  if (differences.length < 2) {
    return { color_homogeneity_cv: null, color_uniformity: 'unknown', color_std_delta_e: null }
  }
  const centre = mean(differences)
  const deviation = std(differences)
  const variation = centre > 0 ? (deviation / centre) * 100 : 0
  return {
    color_homogeneity_cv: variation,
    color_uniformity: uniformity(variation),
    color_std_delta_e: deviation,
    color_mean_delta_e: centre,
  }
}

function uniformity(variation: number): string {
  if (variation < 5) return 'excellent'
  if (variation < 10) return 'good'
  return variation < 20 ? 'acceptable' : 'poor'
}
