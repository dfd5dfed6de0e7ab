import type { z } from 'zod'
import { emptyTrayRow, type OffsetRow } from './calibration/rows.ts'
import { camelKeys, isCamelCased, snakeKeys } from './recipe-keys.ts'

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
  /** RFC 3339; absent: as long as the chips are the same. */
  readonly validUntil?: string
  /** What stood around. */
  readonly conditions?: {
    readonly siliconTemperatureC?: number
    readonly temperatureC?: number
    readonly humidityPercent?: number
  }
  /** Per zone, axial distance to the tray in mm (mean of `frames`); absent for a zone without a valid range. */
  readonly rangeMm: readonly (number | null)[]
  /** Per zone, standard deviation of one frame, mm. */
  readonly sigmaMm: readonly (number | null)[]
  readonly frames: number
  /** Per zone, the chip's reflectance of the empty tray, percent: what the part's brightness is compared with. */
  readonly reflectancePercent?: readonly (number | null)[]
  /**
   * Tangents of the zones' angles where this head's were measured; absent: the chip's default table
   * (`zoneTangents`).
   */
  readonly tangents?: { readonly x: readonly number[]; readonly y: readonly number[] }
  /** Basic counts (counts per ms at gain 1) of the empty tray under the lamp, per channel. */
  readonly basicCounts?: Readonly<Record<string, number>>
  /**
   * Per zone, what this head reads too much, mm; null: nobody knows. Of the offset calibration in force (`withOffset`),
   * not of the tray's own row; absent: there is none.
   */
  readonly offsetMm?: readonly (number | null)[]
}

/**
 * The tray as this head's offsets are known: where it really is, and how it really tilts. What a zone reads too much
 * cancels in every height over the tray, so that the plane is all they move.
 * @param row of the head that measured the tray; one of another resolution says nothing of its zones
 */
export function withOffset(tray: EmptyTray, row: Pick<OffsetRow, 'offset_mm'> | undefined): EmptyTray {
  return row === undefined || row.offset_mm.length !== tray.rangeMm.length
    ? tray
    : { ...tray, offsetMm: row.offset_mm }
}

export type Calibration = EmptyTray

/** How an empty tray is kept: snake_case. */
export const emptyTray = emptyTrayRow

/**
 * An empty tray as the store or a recording gave it; of before its keys were snake_case, too.
 * @throws ZodError
 */
export function parseCalibration(input: unknown): EmptyTray {
  const { subject: _, ...tray } = camelKeys(emptyTray.parse(rowOf(input)))
  return tray
}

/** How an empty tray is kept. @param subject what it belongs to, as the store names it */
export function emptyTrayJson(tray: EmptyTray, subject?: string): z.infer<typeof emptyTrayRow> {
  return emptyTray.parse(snakeKeys({ ...tray, ...(subject === undefined ? {} : { subject }) }))
}

/** Keys as they are now: stores and recordings of before have them in camelCase. */
export function rowOf(input: unknown): unknown {
  return isCamelCased(input) ? snakeKeys(input) : input
}
