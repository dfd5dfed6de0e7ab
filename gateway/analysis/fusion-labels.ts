import type { Estimate } from '../inspection.ts'
import type { Recipe } from '../recipe.ts'
import type { Evidence, Loss } from './fusion.ts'
import { thicknessOf } from './fusion-shape.ts'
import { type Bounds, breachOf, outsideProbability } from './limits.ts'
import type { Open } from './open.ts'

/**
 * Rules of labels that the part breaks, or that it cannot show to keep. They cost no points: they are told, and where
 * the recipe says so they allow no better grade.
 * @param defectPoints score lost to defects
 */
export function labelLosses(evidence: Evidence, recipe: Recipe, defectPoints: number): readonly Loss[] {
  const { surface, colour, deltaE00 } = evidence
  const losses: Loss[] = []
  const thickness = surface === undefined ? undefined : thicknessOf(surface)
  for (const label of recipe.labels ?? []) {
    const rule = (name: string, bounds: Bounds | undefined, value: Estimate | undefined): void => {
      if (bounds !== undefined) {
        losses.push(ruleLoss(`${label.name}_${name}`, bounds, value, label.bestGrade))
      }
    }
    rule('thickness', label.thicknessMm, thickness)
    rule('delta_e00', label.deltaE00, deltaE00)
    rule('oxidation', label.oxidation, colour?.oxidation)
    rule('defects', label.defectPoints, { estimate: defectPoints, std: 0 })
  }
  return losses
}

function ruleLoss(
  code: string,
  bounds: Bounds,
  value: Estimate | undefined,
  bestGrade: 'A' | 'B' | 'C' | 'REJECT' | undefined,
): Loss {
  const breach = value === undefined ? undefined : breachOf(value, bounds)
  // What nobody measured is not kept.
  const broken = value === undefined || breach !== undefined
  const limit = breach?.limit ?? bounds.max ?? bounds.min
  const loss: Open<Loss> = { code, contribution: 0, std: 0, always: broken }
  if (value !== undefined) loss.value = value.estimate
  if (limit !== undefined) loss.limit = limit
  if (bestGrade !== undefined) {
    const probability = value === undefined ? 1 : outsideProbability(value, bounds)
    loss.veto = { bestGrade, applies: broken, probability }
  }
  return loss
}
