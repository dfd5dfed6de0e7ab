import { QUALITIES, QUALITY_TABLE, type QualityClass, type Spread } from '../../drivers/simulated/profiles.ts'
import { normalCdf } from '../../gateway/analysis/numbers.ts'
import type { Colour, Estimate } from '../../gateway/inspection.ts'

/** Standard deviation of freshness, fat and oxidation within a class, before they are moved to its limits. */
const STATE_STD = 0.08

/** The class that most probably shows these states: the best that any grading by them can do. */
export function mostLikelyClass({ freshness, fatQuality, oxidation }: Colour): QualityClass {
  const chance = ({ weight, fresh, oxidation: limits }: QualityClass): number =>
    Math.log(weight) +
    Math.log(likelihood(freshness, fresh)) +
    Math.log(likelihood(fatQuality, fresh)) +
    Math.log(likelihood(oxidation, limits))
  return QUALITIES.map((quality) => QUALITY_TABLE[quality]).reduce((best, next) =>
    chance(next) > chance(best) ? next : best,
  )
}

/** Density of a measured value: a normal moved to the limits (two peaks there), seen with the measurement's noise. */
function likelihood({ estimate, std }: Estimate, { min, max, mean }: Spread): number {
  const noise = Math.max(0.002, std)
  const variance = 1 / (STATE_STD ** -2 + noise ** -2)
  const centre = variance * (mean / STATE_STD ** 2 + estimate / noise ** 2)
  const within =
    normalCdf((max - centre) / Math.sqrt(variance)) - normalCdf((min - centre) / Math.sqrt(variance))
  const wide = Math.hypot(STATE_STD, noise)
  return Math.max(
    1e-300,
    normalCdf((min - mean) / STATE_STD) * density((estimate - min) / noise, noise) +
      normalCdf((mean - max) / STATE_STD) * density((estimate - max) / noise, noise) +
      within * density((estimate - mean) / wide, wide),
  )
}

function density(z: number, std: number): number {
  return Math.exp(-0.5 * z * z) / (std * Math.sqrt(2 * Math.PI))
}
