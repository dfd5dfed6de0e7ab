import { z } from 'zod'

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
  /** Per zone, the chip's reflectance of the empty tray, percent: what the part's brightness is compared with. */
  readonly reflectancePercent?: readonly (number | null)[]
  /**
   * Tangents of the zones' angles where this head's were measured; absent: the chip's default table
   * (`zoneTangents`).
   */
  readonly tangents?: { readonly x: readonly number[]; readonly y: readonly number[] }
  /** Basic counts (counts per ms at gain 1) of the empty tray under the lamp, per channel. */
  readonly basicCounts?: Readonly<Record<string, number>>
}

export type Calibration = EmptyTray

const zones = z.array(z.number().nullable()).max(64)
const tangents = z.array(z.number()).max(64)

export const emptyTray = z
  .object({
    kind: z.literal('empty-tray'),
    id: z.uuid(),
    at: z.iso.datetime(),
    by: z.string().max(128),
    heads: z.array(z.string()),
    rangeMm: zones.refine(({ length }) => length === 16 || length === 64, 'expected 16 or 64 zones'),
    sigmaMm: zones,
    frames: z.int().min(1),
    reflectancePercent: zones.exactOptional(),
    tangents: z.object({ x: tangents, y: tangents }).exactOptional(),
    basicCounts: z.record(z.string(), z.number()).exactOptional(),
  })
  .refine(({ rangeMm, sigmaMm }) => rangeMm.length === sigmaMm.length, 'expected as many sigmaMm as rangeMm')

/**
 * @param input as the store or a recording gave it
 * @throws ZodError
 */
export function parseCalibration(input: unknown): Calibration {
  return emptyTray.parse(input)
}
