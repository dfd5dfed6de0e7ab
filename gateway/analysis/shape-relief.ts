import { at } from './numbers.ts'
import type { Hits } from './shape-hits.ts'

/**
 * Wavelengths of the relief of a soft body, mm, and their shares: three-point Gauss–Legendre over 40…90 mm. Shorter
 * ones no zone resolves, longer ones are the body's own shape.
 */
const WAVES = [
  { lengthMm: 45.6, share: 5 / 18 },
  { lengthMm: 65, share: 8 / 18 },
  { lengthMm: 84.4, share: 5 / 18 },
] as const
const STEP_MM = 4
const STEPS = 128
/** Per wave, J₀(2π·distance/length) at multiples of STEP_MM: the covariance of waves from all directions. */
const RINGS = WAVES.map(({ lengthMm }) =>
  Float64Array.from({ length: STEPS }, (_, i) => besselJ0((2 * Math.PI * i * STEP_MM) / lengthMm)),
)

/**
 * Writes the covariance between zones of a relief of variance 1 mm².
 * A square footprint of side a damps a wave of number k as a Gaussian of the same variance does: exp(-k²a²/24).
 * @param out hits.zones.length squared
 * @returns the variance that a zone full of part sees of it, 0…1
 */
export function reliefKernel(hits: Hits, footprintMm: number, out: Float64Array): number {
  const ring = new Float64Array(STEPS)
  WAVES.forEach(({ lengthMm, share }, wave) => {
    const damping = share * Math.exp(-(((2 * Math.PI * footprintMm) / lengthMm) ** 2) / 12)
    const values = RINGS[wave] ?? ring
    for (let i = 0; i < STEPS; i += 1) ring[i] = at(ring, i) + damping * at(values, i)
  })
  const { relief, meanU, meanV } = hits
  const size = hits.zones.length
  for (let i = 0; i < size; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      const du = at(meanU, i) - at(meanU, j)
      const dv = at(meanV, i) - at(meanV, j)
      const place = Math.min(STEPS - 2, Math.sqrt(du * du + dv * dv) / STEP_MM)
      const step = Math.floor(place)
      const low = at(ring, step)
      const value = at(relief, i) * at(relief, j) * (low + (place - step) * (at(ring, step + 1) - low))
      out[i * size + j] = value
      out[j * size + i] = value
    }
  }
  return at(ring, 0)
}

/** Bessel function of the first kind, order 0, of x ≥ 0; error below 1.6e-8 (Abramowitz and Stegun 9.4.1, 9.4.3). */
export function besselJ0(x: number): number {
  if (x <= 3) {
    const t = (x / 3) ** 2
    return (
      1 +
      t * (-2.2499997 + t * (1.2656208 + t * (-0.3163866 + t * (0.0444479 + t * (-0.0039444 + t * 0.00021)))))
    )
  }
  const t = 3 / x
  const size =
    0.79788456 +
    t *
      (-0.00000077 +
        t * (-0.0055274 + t * (-0.00009512 + t * (0.00137237 + t * (-0.00072805 + t * 0.00014476)))))
  const phase =
    x -
    0.78539816 +
    t *
      (-0.04166397 +
        t * (-0.00003954 + t * (0.00262573 + t * (-0.00054125 + t * (-0.00029333 + t * 0.00013558)))))
  return (size * Math.cos(phase)) / Math.sqrt(x)
}
