import type { Part } from './parts.ts'
import { heightAt } from './scene-surface.ts'

/** Heights over the tray's floor on a grid along the belt's axes. */
export interface HeightMap {
  readonly pitchMm: number
  /** Middle of the first cell from the tray's centre; cells lie on whole multiples of the pitch. */
  readonly xMm: number
  readonly yMm: number
  /** Along x, the belt. */
  readonly columns: number
  readonly rows: number
  /** Mean height of each cell, row by row: their sum × pitch² is the part's volume. */
  readonly heightMm: Float64Array
}

const FINEST_MM = 1

/**
 * The part's true height map, in the tray's frame as it lies: turned and moved.
 * @param pitchMm of the grid, more than 0; default 5
 * @throws RangeError for another
 */
export function heightMapOf({ pose }: Part, pitchMm = 5): HeightMap {
  if (!(pitchMm > 0 && Number.isFinite(pitchMm)))
    throw new RangeError(`pitchMm: ${pitchMm}: expected more than 0`)
  const { semiU, semiV } = pose.surface.shape
  const angle = (pose.rotationDeg * Math.PI) / 180
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
  const [firstX, columns] = cellsAcross(pose.xMm, Math.hypot(semiU * cos, semiV * sin), pitchMm)
  const [firstY, rows] = cellsAcross(pose.yMm, Math.hypot(semiU * sin, semiV * cos), pitchMm)
  const across = Math.max(1, Math.ceil(pitchMm / FINEST_MM))
  const heightMm = new Float64Array(columns * rows)
  for (let cell = 0; cell < heightMm.length; cell += 1) {
    let sum = 0
    for (let sample = 0; sample < across ** 2; sample += 1) {
      const inX = ((sample % across) + 0.5) / across - 0.5
      const inY = (Math.floor(sample / across) + 0.5) / across - 0.5
      const x = (firstX + (cell % columns) + inX) * pitchMm - pose.xMm
      const y = (firstY + Math.floor(cell / columns) + inY) * pitchMm - pose.yMm
      sum += heightAt(pose.surface, x * cos + y * sin, y * cos - x * sin)
    }
    heightMm[cell] = sum / across ** 2
  }
  return { pitchMm, xMm: firstX * pitchMm, yMm: firstY * pitchMm, columns, rows, heightMm }
}

/** First cell, in pitches, and how many cover a stretch around a centre. */
function cellsAcross(centre: number, reach: number, pitch: number): readonly [first: number, count: number] {
  const first = Math.round((centre - reach) / pitch)
  const last = Math.round((centre + reach) / pitch)
  return [first, last - first + 1]
}
