/** What a head reads when nothing lies on the tray: heights and reflectances are measured from it. */
export interface EmptyTray {
  readonly kind: 'empty-tray'
  /** UUIDv7. */
  readonly id: string
  /** RFC 3339. */
  readonly at: string
  readonly by: string
  /** The station's heads it was taken with. */
  readonly heads: readonly string[]
  /** Per zone, axial distance to the tray in mm (mean of `frames`); absent for a zone without a valid range. */
  readonly rangeMm: readonly (number | null)[]
  /** Per zone, standard deviation of one frame, mm. */
  readonly sigmaMm: readonly (number | null)[]
  readonly frames: number
  /** Basic counts (counts per ms at gain 1) of the empty tray under the lamp, per channel. */
  readonly basicCounts?: Readonly<Record<string, number>>
}

export type Calibration = EmptyTray
