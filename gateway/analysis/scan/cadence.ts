import { LEAST_LOOKS } from './scan.ts'

/** How a station looks at a passing part. */
export interface Cadence {
  readonly mmPerS: number
  /** Frames of the ranging head per second. */
  readonly rateHz: number
  /** Belt travel from the first look to the last, mm. */
  readonly travelMm: number
  readonly zones: 16 | 64
  /** From the head to the top of the part, mm. */
  readonly clearanceMm: number
}

/** Belt travel between two looks, mm. */
export function stepMm({ mmPerS, rateHz }: Pick<Cadence, 'mmPerS' | 'rateHz'>): number {
  return mmPerS / rateHz
}

/** Width of one zone of the 45° field on the top of the part, mm. */
export function footprintMm({ zones, clearanceMm }: Pick<Cadence, 'zones' | 'clearanceMm'>): number {
  return (2 * Math.tan(Math.PI / 8) * clearanceMm) / Math.sqrt(zones)
}

/**
 * Why looks at this pace make no scan: the part's top must not pass a zone between two looks, and there must be enough
 * of them.
 * @returns undefined where they do
 */
export function cadenceProblem(cadence: Cadence): string | undefined {
  const step = stepMm(cadence)
  const footprint = footprintMm(cadence)
  if (!(step > 0 && step <= footprint)) {
    return (
      `${cadence.mmPerS} mm/s at ${cadence.rateHz} Hz is a look every ${step.toFixed(1)} mm; ` +
      `expected at most a zone's ${footprint.toFixed(1)} mm`
    )
  }
  const looks = Math.floor(cadence.travelMm / step) + 1
  if (looks < LEAST_LOOKS) {
    return `${cadence.travelMm} mm of travel are ${looks} looks; expected at least ${LEAST_LOOKS}`
  }
  return undefined
}
