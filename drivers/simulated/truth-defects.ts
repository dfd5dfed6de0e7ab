import { type HeightField, heightAt, type LocalChange } from './scene-surface.ts'

/** What one defect really does to the height field. */
export interface DefectEffect {
  /** The largest change, mm, positive towards the head. */
  readonly reachedMm: number
  readonly volumeMm3: number
}

/** How far beyond its radius the field still feels a defect: the distance of its nodes. */
const NODE_MM = 3
/** Cells across it that its effect is integrated over. */
const CELLS = 40

/** @param without the body but for this defect @param withIt the body */
export function effectOf(
  { uMm, vMm, radiusMm }: LocalChange,
  without: HeightField,
  withIt: HeightField,
): DefectEffect {
  const reach = radiusMm + NODE_MM
  const step = (2 * reach) / CELLS
  let [sum, reached] = [0, 0]
  for (let i = 0; i < CELLS; i += 1) {
    for (let k = 0; k < CELLS; k += 1) {
      const u = uMm - reach + (i + 0.5) * step
      const v = vMm - reach + (k + 0.5) * step
      const change = heightAt(withIt, u, v) - heightAt(without, u, v)
      sum += change
      if (Math.abs(change) > Math.abs(reached)) reached = change
    }
  }
  return { reachedMm: reached, volumeMm3: sum * step * step }
}
