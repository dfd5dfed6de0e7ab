import { at } from './numbers.ts'
import { energy, type Field, PICKED_DEGREES, TEXTURE_ZONES, withRelief } from './shape-field.ts'

/**
 * Whether residuals can hold this much energy once the relief's variance is estimated from them (`withOwnRelief`: two
 * steps from the recipe's). Most cannot, and need no search: a step divides at least what the recipe says by at most
 * the relief's degrees of freedom, so that the variance has a least, and energy only falls with it. Those degrees,
 * tr(v·K·Q), grow with the variance v, and the first step leaves it below the recipe's times (energy + 4) / (1 + 4),
 * since v·K is part of the covariance that the energy is taken in.
 * @param field under the recipe's relief
 */
export function mayHold(field: Field, least: number): boolean {
  const before = energy(field)
  const most = Math.max(1, (before + TEXTURE_ZONES) / (1 + TEXTURE_ZONES)) * field.expectedVariance
  const rough = withRelief(field, most)
  if (rough === undefined) return true
  const degrees = Math.max(1, degreesOf(rough) - PICKED_DEGREES)
  const smooth = withRelief(field, (TEXTURE_ZONES * field.expectedVariance) / (degrees + TEXTURE_ZONES))
  return smooth === undefined || energy(smooth) >= least
}

/** Degrees of freedom that the relief takes of the residuals. */
function degreesOf({ kernel, inverse, reliefVariance }: Field): number {
  let trace = 0
  for (let i = 0; i < inverse.length; i += 1) trace += at(kernel, i) * at(inverse, i)
  return reliefVariance * trace
}
