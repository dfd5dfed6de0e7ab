/** Height statistics and the original's four volumes (facts §3). */
import {
  at,
  cell,
  gradient,
  type Matrix,
  mapMatrix,
  maximum,
  mean,
  minimum,
  std,
  sum,
  transpose,
} from './numpy.ts'
import { gridIntegral, gridSimpson } from './spline.ts'

/** mm, mm² and mm³ over the whole field of view, tray included. */
export interface HeightStatistics {
  readonly volume_mm3: number
  readonly average_height_mm: number
  readonly max_height_mm: number
  readonly min_height_mm: number
  readonly height_range_mm: number
  /** Zones higher than 5 % of the highest. */
  readonly occupied_pixels: number
  readonly base_area_mm2: number
  /** The one that travels on, and that the mass is computed from. */
  readonly volume_trapezoidal_mm3: number
  readonly volume_simpson_mm3: number
  readonly volume_spline_mm3: number
  /** 1 / (1 + mean slope in mm per zone), of the distances. */
  readonly surface_uniformity: number
  readonly height_variation_mm: number
}

/** `zoneSizeMm` is squared as the area of a zone, although zones are not square (docs/original.md, fault 6). */
export function analyseHeights(
  distance: Matrix,
  sensorHeightMm: number,
  zoneSizeMm: number,
): HeightStatistics {
  const heights = mapMatrix(distance, (d) => Math.max(0, sensorHeightMm - d))
  const all = heights.flat()
  const zoneArea = zoneSizeMm ** 2
  const highest = maximum(all)
  const lowest = minimum(all)
  return {
    volume_mm3: sum(all) * zoneArea,
    average_height_mm: mean(all),
    max_height_mm: highest,
    min_height_mm: lowest,
    height_range_mm: highest - lowest,
    occupied_pixels: all.filter((height) => height > 0.05 * highest).length,
    base_area_mm2: zoneArea * all.length,
    volume_trapezoidal_mm3: trapezoidalVolume(heights, zoneArea),
    volume_simpson_mm3: gridSimpson(heights) * zoneArea,
    volume_spline_mm3: gridIntegral(heights) * zoneArea,
    surface_uniformity: 1 / (1 + meanSlope(distance)),
    height_variation_mm: std(all),
  }
}

function trapezoidalVolume(heights: Matrix, zoneArea: number): number {
  let volume = 0
  for (let i = 0; i < heights.length - 1; i++) {
    for (let j = 0; j < at(heights, i).length - 1; j++) {
      const corners =
        cell(heights, i, j) + cell(heights, i, j + 1) + cell(heights, i + 1, j) + cell(heights, i + 1, j + 1)
      volume += (corners / 4) * zoneArea
    }
  }
  return volume
}

function meanSlope(distance: Matrix): number {
  const alongRows = distance.map(gradient)
  const acrossRows = transpose(transpose(distance).map(gradient))
  const slopes = acrossRows.map((row, i) =>
    row.map((across, j) => Math.sqrt(across ** 2 + cell(alongRows, i, j) ** 2)),
  )
  return mean(slopes.flat())
}
