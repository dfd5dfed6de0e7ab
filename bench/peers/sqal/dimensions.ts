/** The original's foie gras dimensions and process figures (facts §4, "Foie-gras helpers"). */
import { type Matrix, mean, std, sum } from './numpy.ts'

export type ThicknessCategory = 'extra' | 'premier_choix' | 'deuxieme_choix' | 'hors_norme'

export interface LobeThickness {
  /** The mean DISTANCE to the sensor, which the original calls thickness (docs/original.md, fault 5). */
  readonly thickness_mm: number
  readonly thickness_std: number
  readonly category: ThicknessCategory
  readonly is_irregular: boolean
  /** Only when no distance was usable. */
  readonly confidence?: 0
}

/** Distances strictly between 30 and 4000 mm count; NaN does not. */
function usable(distance: Matrix): number[] {
  return distance.flat().filter((d) => d > 30 && d < 4000)
}

/** Mean and deviation of the usable distances, mm; irregular above 5 mm. */
export function lobeThickness(distance: Matrix): LobeThickness {
  const values = usable(distance)
  if (values.length === 0) {
    return { thickness_mm: 0, thickness_std: 0, category: 'hors_norme', is_irregular: true, confidence: 0 }
  }
  const thickness = mean(values)
  const deviation = std(values)
  return {
    thickness_mm: thickness,
    thickness_std: deviation,
    category: category(thickness),
    is_irregular: deviation > 5,
  }
}

function category(thickness: number): ThicknessCategory {
  if (45 <= thickness && thickness < 60) return 'extra'
  if (35 <= thickness && thickness < 45) return 'premier_choix'
  return 25 <= thickness && thickness < 35 ? 'deuxieme_choix' : 'hors_norme'
}

/** Sum of the distances times 5 × 5 mm for each zone, whatever the zones measure; cm³. */
export function estimatedVolumeCm3(distance: Matrix): number {
  return sum(usable(distance).map((d) => (d * 0.25) / 10))
}

export interface FillLevel {
  /** Again the mean distance. */
  readonly fill_level_mm: number
  readonly fill_level_percent: number
  readonly fill_conformity: boolean
  readonly fill_deviation_mm: number
}

/** Against 50 ± 3 mm. */
export function fillLevel(distance: Matrix): FillLevel {
  const values = usable(distance)
  if (values.length === 0) {
    return { fill_level_mm: 0, fill_level_percent: 0, fill_conformity: false, fill_deviation_mm: 0 }
  }
  const level = mean(values)
  return {
    fill_level_mm: level,
    fill_level_percent: (level / 50) * 100,
    fill_conformity: Math.abs(level - 50) <= 3,
    fill_deviation_mm: level - 50,
  }
}

/** 0..100: by category, less 15 if irregular, less 20 if not filled as it should be. */
export function dimensionalConformity(category: string, irregular: boolean, filled: boolean): number {
  const bases = new Map([
    ['extra', 100],
    ['premier_choix', 90],
    ['deuxieme_choix', 75],
  ])
  const score = (bases.get(category) ?? 50) - (irregular ? 15 : 0) - (filled ? 0 : 20)
  return Math.max(0, Math.min(100, score))
}

export interface ProcessCapability {
  readonly cp: number | null
  readonly cpk: number | null
  readonly process_capability: string
  readonly mean: number | null
  readonly std: number | null
  readonly is_centered: boolean | null
  readonly cpu?: number
  readonly cpl?: number
}

/** Cp and Cpk of at least ten thicknesses against limits in mm; deviation of a sample. */
export function processCapability(
  history: readonly number[],
  lower: number,
  upper: number,
): ProcessCapability {
  if (history.length < 10) {
    return {
      cp: null,
      cpk: null,
      process_capability: 'insufficient_data',
      mean: null,
      std: null,
      is_centered: null,
    }
  }
  const centre = mean(history)
  const deviation = std(history, 1)
  if (deviation === 0) {
    return {
      cp: null,
      cpk: null,
      process_capability: 'no_variation',
      mean: centre,
      std: 0,
      is_centered: true,
    }
  }
  const cpu = (upper - centre) / (3 * deviation)
  const cpl = (centre - lower) / (3 * deviation)
  const cpk = Math.min(cpu, cpl)
  return {
    cp: (upper - lower) / (6 * deviation),
    cpk,
    process_capability: capability(cpk),
    mean: centre,
    std: deviation,
    is_centered: Math.abs(centre - (upper + lower) / 2) < (upper - lower) * 0.05,
    cpu,
    cpl,
  }
}

function capability(cpk: number): string {
  if (cpk >= 1.33) return 'capable'
  return cpk >= 1 ? 'acceptable' : 'incapable'
}

export interface MovingAverage {
  readonly moving_avg: number | null
  readonly moving_avg_10: number | null
  readonly moving_avg_50: number | null
  readonly trend: string
  readonly slope: number | null
}

/** Means of the last `window`, 10 and 50 thicknesses, and the slope of the last 20, mm per part. */
export function movingAverage(history: readonly number[], window: number): MovingAverage {
  const last = (count: number) => (history.length < count ? null : mean(history.slice(-count)))
  const average = last(window)
  if (average === null) {
    return {
      moving_avg: null,
      moving_avg_10: null,
      moving_avg_50: null,
      trend: 'insufficient_data',
      slope: null,
    }
  }
  const slope = history.length < 20 ? null : slopeOf(history.slice(-20))
  return {
    moving_avg: average,
    moving_avg_10: last(10),
    moving_avg_50: last(50),
    trend: trendOf(slope),
    slope,
  }
}

/** Least squares over places 0, 1, 2 …. */
function slopeOf(values: readonly number[]): number {
  const centre = (values.length - 1) / 2
  const products = values.map((value, i) => (i - centre) * value)
  const squares = values.map((_, i) => (i - centre) ** 2)
  return sum(products) / sum(squares)
}

function trendOf(slope: number | null): string {
  if (slope === null) return 'insufficient_data'
  if (slope > 0.1) return 'increasing'
  return slope < -0.1 ? 'decreasing' : 'stable'
}

/** Deviation from a target in mm, within a tenth of it or not. */
export function dimensionalDeviation(thicknessMm: number, targetMm: number) {
  const deviation = thicknessMm - targetMm
  const tolerance = targetMm * 0.1
  return {
    deviation_mm: deviation,
    deviation_percent: (deviation / targetMm) * 100,
    target_mm: targetMm,
    tolerance_mm: tolerance,
    is_within_tolerance: Math.abs(deviation) <= tolerance,
  }
}
