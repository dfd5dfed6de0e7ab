/** One frame of the ranging chip, in units, every zone that the configuration has. Zones are row-major. */
export interface RangeFrame {
  readonly kind: 'vl53l8ch'
  /** Monotonic ms of the driver's clock when the last byte was read. */
  readonly takenAt: number
  readonly zones: 16 | 64
  readonly targetsPerZone: 1 | 2 | 3 | 4
  /** As the chip counts frames; 255 never appears (facts §5). */
  readonly streamCount: number
  readonly siliconTemperatureC: number
  /** Per zone, kcps/spad. */
  readonly ambientKcpsPerSpad: Float64Array
  readonly spads: Float64Array
  readonly targetsDetected: Float64Array
  /** The following are per target: index = zone * targetsPerZone + target. */
  readonly signalKcpsPerSpad: Float64Array
  readonly sigmaMm: Float64Array
  /** Along the optical axis, in the chip's steps of 0.25 mm; may be negative near contact. */
  readonly rangeMm: Float64Array
  readonly reflectancePercent: Float64Array
  /** ST's target status; 5 is valid, 6 and 9 half-trusted, 255 no target. */
  readonly status: Float64Array
  /** The frame as it came over the bus: decoding it again gives this measurement. */
  readonly raw: Uint8Array
}
