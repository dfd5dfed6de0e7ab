/**
 * Where a zone looks, as the tangents of the angle to the optical axis: what zone i measures at the axial distance z
 * lies at (x[i]·z, y[i]·z). Zones are row-major; x grows with the column, y with the row.
 */
export interface ZoneTangents {
  readonly x: Float64Array
  readonly y: Float64Array
}

// Degrees, rows 0–3 × columns 0–3 of ST's table for the family (facts/VL53L8CH.md §13): elevation above the plane
// of the sensor, and azimuth. The other three quadrants mirror this one.
const ELEVATION = [
  [59.0, 64.0, 67.5, 70.0],
  [64.0, 70.0, 72.9, 74.9],
  [67.5, 72.9, 77.4, 80.5],
  [70.0, 74.9, 80.5, 85.75],
] as const
const AZIMUTH = [
  [135.0, 125.4, 113.2, 98.13],
  [144.6, 135.0, 120.96, 101.31],
  [156.8, 149.04, 135.0, 108.45],
  [171.87, 168.69, 161.55, 135.0],
] as const

const radians = (degrees: number): number => (degrees * Math.PI) / 180

/**
 * The chip's default zone angles, as new arrays. A head whose angles were measured replaces them in its calibration:
 * ST publishes this table for the VL53L5CX, which has the same 45° × 45° field, and none for this chip.
 *
 * 8×8: outermost zones at 0.36 (beside the axes) to 0.42 (corners), then steps of about 0.106 inwards to 0.052.
 * 4×4: each zone is the mean of the 2×2 zones that it is made of.
 */
export function zoneTangents(zones: 16 | 64): ZoneTangents {
  const fine = tangents8x8()
  return zones === 64 ? fine : { x: pooled(fine.x), y: pooled(fine.y) }
}

function tangents8x8(): ZoneTangents {
  const x = new Float64Array(64)
  const y = new Float64Array(64)
  ELEVATION.forEach((elevations, row) => {
    elevations.forEach((elevation, column) => {
      const spread = 1 / Math.tan(radians(elevation))
      const azimuth = radians(AZIMUTH[row]?.[column] ?? 0)
      const across = spread * Math.abs(Math.cos(azimuth))
      const down = spread * Math.abs(Math.sin(azimuth))
      for (const [r, signY] of [[row, -1] as const, [7 - row, 1] as const]) {
        for (const [c, signX] of [[column, -1] as const, [7 - column, 1] as const]) {
          x[8 * r + c] = signX * across
          y[8 * r + c] = signY * down
        }
      }
    })
  })
  return { x, y }
}

function pooled(fine: Float64Array): Float64Array {
  return Float64Array.from({ length: 16 }, (_, zone) => {
    const first = 16 * Math.floor(zone / 4) + 2 * (zone % 4)
    return [0, 1, 8, 9].reduce((sum, step) => sum + (fine[first + step] ?? 0), 0) / 4
  })
}
