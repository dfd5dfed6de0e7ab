import type { SpectralReference } from './reflectance.ts'

/** What a look is taken under, where it is known. */
export interface Conditions {
  /** Of lamp or head, °C. */
  readonly temperatureC?: number
  /** Time since the white reference was taken, hours. */
  readonly referenceAgeH?: number
}

/** Relative change of all channels per kelvin where the reference states none: the original's (T - 25 °C) × 0.001 (facts §2). */
const PER_KELVIN = 0.001
/** A refrigerated cutting room, where no thermometer says otherwise: K, standard deviation. */
const UNKNOWN_KELVIN = 5
/** How well a coefficient taken from a family of lamps fits one of them. */
const COEFFICIENT_STD = 0.5
/** Makers' rating of white LEDs: at worst 30 % of the light are gone after 25,000 h. */
const LOSS_PER_HOUR = 0.3 / 25_000
/** Where a reference does not say how old it is: a month. */
const UNKNOWN_AGE_H = 720
/** A driven lamp wanders by this within an hour, whatever its age; amplitude .4 % of the simulated one. */
const WANDER = 0.003

/** How much brighter the lamp is than when the tile was seen, and the relative uncertainty of that. */
export function lampSince(
  reference: SpectralReference,
  conditions: Conditions,
): { readonly factor: number; readonly std: number } {
  const { factor, std } = warmthOf(reference, conditions)
  return { factor, std: Math.sqrt(std ** 2 + ageStd(conditions) ** 2) }
}

function warmthOf(
  { lampTemperatureC, perKelvin = PER_KELVIN }: SpectralReference,
  { temperatureC }: Conditions,
): { readonly factor: number; readonly std: number } {
  if (lampTemperatureC === undefined || temperatureC === undefined) {
    return { factor: 1, std: Math.abs(perKelvin) * UNKNOWN_KELVIN }
  }
  const change = perKelvin * (temperatureC - lampTemperatureC)
  return { factor: 1 + change, std: Math.abs(change) * COEFFICIENT_STD }
}

function ageStd({ referenceAgeH = UNKNOWN_AGE_H }: Conditions): number {
  return Math.hypot(WANDER, LOSS_PER_HOUR * Math.max(0, referenceAgeH))
}
