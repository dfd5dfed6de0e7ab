export const CHANNELS = [
  'F1_415nm',
  'F2_445nm',
  'F3_480nm',
  'F4_515nm',
  'F5_555nm',
  'F6_590nm',
  'F7_630nm',
  'F8_680nm',
  'Clear',
  'NIR',
] as const
export type Channel = (typeof CHANNELS)[number]

/** One measurement of the spectral chip. What was not measured is absent: recordings of others lack channels. */
export interface Spectrum {
  readonly kind: 'as7341'
  /** Monotonic ms of the driver's clock when the last byte was read. */
  readonly takenAt: number
  /** Raw counts of both photodiodes of a filter; Clear and NIR are the mean of the two halves. */
  readonly counts: Readonly<Partial<Record<Channel, number>>>
  /** Nominal analogue gain, 0.5…512. */
  readonly gain?: number
  readonly integrationMs?: number
  /** Counts at which the converter saturates: min(65535, (ATIME+1)(ASTEP+1)). */
  readonly fullScale?: number
  /** Channels at full scale, or all of a half whose analogue saturation flag is set. */
  readonly saturated: readonly Channel[]
  /** Relative change of Clear between the two halves: how much the light or the part moved meanwhile. */
  readonly drift?: number
  /** Both halves as they came over the bus (2 × 13 bytes from ASTATUS), absent in foreign recordings. */
  readonly raw?: Uint8Array
}
