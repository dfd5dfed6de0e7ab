/** Fewer usable looks than this are no scan: each end of the part must be seen by some. */
export const LEAST_LOOKS = 6

/** How a station looks at a passing part. */
export interface Cadence {
  readonly mmPerS: number
  /** Frames of the ranging head per second. */
  readonly rateHz: number
  /** Belt travel from the first look to the last, mm. */
  readonly travelMm: number
  readonly zones: 16 | 64
  /** From the head to the top of the part, mm; absent: not known yet. */
  readonly clearanceMm?: number
}

/** What of a recipe's scan this head cannot do. */
export interface CadenceProblem {
  readonly field: 'mm_per_s' | 'travel_mm'
  readonly value: number
  readonly expectation: string
}

/** Belt travel between two looks, mm. */
export function stepMm({ mmPerS, rateHz }: Pick<Cadence, 'mmPerS' | 'rateHz'>): number {
  return mmPerS / rateHz
}

/** Width of one zone of the 45° field on the top of the part, mm. */
export function footprintMm(zones: 16 | 64, clearanceMm: number): number {
  return (2 * Math.tan(Math.PI / 8) * clearanceMm) / Math.sqrt(zones)
}

/**
 * Why looks at this pace make no scan: the part's top must not pass a zone between two looks, and there must be enough
 * of them.
 * @returns undefined where they do, as far as is known
 */
export function cadenceProblem(cadence: Cadence): CadenceProblem | undefined {
  const { mmPerS, rateHz, travelMm, zones, clearanceMm } = cadence
  const step = stepMm(cadence)
  const footprint = clearanceMm === undefined ? Number.POSITIVE_INFINITY : footprintMm(zones, clearanceMm)
  if (!(step > 0 && step <= footprint)) {
    const fastest = Math.floor(footprint * rateHz)
    return {
      field: 'mm_per_s',
      value: mmPerS,
      expectation:
        `at ${rateHz} Hz it is a look every ${step.toFixed(1)} mm; expected at most a zone's width on top of the ` +
        `part, ${footprint.toFixed(1)} mm: ${fastest} mm/s, or ${(mmPerS / footprint).toFixed(1)} Hz`,
    }
  }
  const looks = Math.floor(travelMm / step) + 1
  if (looks >= LEAST_LOOKS) return undefined
  const expectation =
    `at ${mmPerS} mm/s and ${rateHz} Hz it is ${looks} looks; expected at least ${LEAST_LOOKS}: ` +
    `${Math.ceil((LEAST_LOOKS - 1) * step)} mm`
  return { field: 'travel_mm', value: travelMm, expectation }
}
