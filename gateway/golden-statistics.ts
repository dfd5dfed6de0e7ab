import { GOLDEN_VALUES, type GoldenRow, type GoldenValue } from './calibration/rows.ts'
import type { Judgement } from './inspection.ts'

/** What one look at a golden part gave. */
export type GoldenLook = Readonly<Partial<Record<GoldenValue, number>>>

/** Mean and scatter of every value. */
export type GoldenStatistics = GoldenRow['values']

/** What a golden part is compared by, as far as it was measured. */
export function goldenLookOf({ surface, colour, fusion, massG }: Judgement): GoldenLook {
  const all: Readonly<Record<GoldenValue, number | undefined>> = {
    volume_mm3: surface?.volumeMm3.estimate,
    mass_g: massG?.estimate,
    height_mm: surface?.avgHeightMm,
    max_height_mm: surface?.maxHeightMm,
    length_mm: surface?.outline.lengthMm,
    width_mm: surface?.outline.widthMm,
    uniformity: surface?.uniformity.estimate,
    l: colour?.lab?.l,
    a: colour?.lab?.a,
    b: colour?.lab?.b,
    freshness: colour?.freshness.estimate,
    fat_quality: colour?.fatQuality.estimate,
    oxidation: colour?.oxidation.estimate,
    score: fusion?.score.estimate,
  }
  const look: Partial<Record<GoldenValue, number>> = {}
  for (const name of GOLDEN_VALUES) {
    const value = all[name]
    if (value !== undefined && Number.isFinite(value)) look[name] = value
  }
  return look
}

/**
 * Mean of all looks, scatter from look to look, and from placement to placement what the looks do not explain
 * (one-way analysis of variance). A value that one look lacks is left out.
 * @param placements each the looks at the part as it was put down once, equally many, at least two
 * @throws RangeError
 */
export function goldenStatistics(placements: readonly (readonly GoldenLook[])[]): GoldenStatistics {
  const looks = placements[0]?.length ?? 0
  if (looks < 2 || placements.some(({ length }) => length !== looks))
    throw new RangeError(`${looks} looks: expected at least 2, as many in each placement`)
  const values: GoldenStatistics = {}
  for (const name of GOLDEN_VALUES) {
    const rows = placements.map((one) => one.flatMap((look) => look[name] ?? []))
    if (rows.some(({ length }) => length !== looks)) continue
    const means = rows.map(mean)
    const within = mean(rows.map((row, index) => variance(row, means[index] ?? 0)))
    const middle = mean(means)
    const between = means.length < 2 ? undefined : Math.max(0, variance(means, middle) - within / looks)
    values[name] = {
      mean: middle,
      look_std: Math.sqrt(within),
      ...(between === undefined ? {} : { place_std: Math.sqrt(between) }),
    }
  }
  return values
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function variance(values: readonly number[], middle: number): number {
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1)
}
