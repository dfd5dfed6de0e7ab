/** The original's search for defects in the distances (facts §3). */
import { cell, type Matrix, median } from './numpy.ts'
import { min } from './python.ts'

export interface TofDefect {
  /** Row and column. */
  readonly pos: readonly [number, number]
  readonly type: 'foreign_body' | 'surface_deformation'
  /** 0..1. */
  readonly severity: number
  /** From the median distance, mm; negative is nearer. */
  readonly deviation_mm: number
}

/** Every zone farther than `limitMm` from the median distance; on a tray the median is the tray (docs/original.md, fault 1). */
export function findDefects(distance: Matrix, limitMm: number): TofDefect[] {
  const centre = median(distance.flat())
  const found: TofDefect[] = []
  for (let i = 0; i < distance.length; i++) {
    for (let j = 0; j < distance.length; j++) {
      const deviation = cell(distance, i, j) - centre
      if (!(Math.abs(deviation) > limitMm)) continue
      found.push({
        pos: [i, j],
        type: deviation < 0 ? 'foreign_body' : 'surface_deformation',
        severity: min(1, Math.abs(deviation) / (0.5 * centre + 1e-9)),
        deviation_mm: deviation,
      })
    }
  }
  return found
}
