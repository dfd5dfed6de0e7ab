import type { Estimate } from '../inspection.ts'
import type { Recipe } from '../recipe.ts'
import type { Evidence, Loss } from './fusion.ts'
import { thicknessOf } from './fusion-shape.ts'
import { type Bounds, breachOf, outsideProbability } from './limits.ts'

/**
 * Rules of labels that the part breaks, or that it cannot show to keep. They cost no points: they are told, and where
 * the recipe says so they allow no better grade.
 * @param defectPoints score lost to defects
 */
export function labelLosses(evidence: Evidence, recipe: Recipe, defectPoints: number): readonly Loss[] {
  const { surface, colour, deltaE00 } = evidence
  const thickness = surface === undefined ? undefined : thicknessOf(surface)
  return (recipe.labels ?? []).flatMap((label) => {
    const rules: readonly [string, Bounds | undefined, Estimate | undefined][] = [
      ['thickness', label.thicknessMm, thickness],
      ['delta_e00', label.deltaE00, deltaE00],
      ['oxidation', label.oxidation, colour?.oxidation],
      ['defects', label.defectPoints, { estimate: defectPoints, std: 0 }],
    ]
    return rules.flatMap(([rule, bounds, value]) =>
      bounds === undefined ? [] : [ruleLoss(`${label.name}_${rule}`, bounds, value, label.bestGrade)],
    )
  })
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
  return {
    code,
    ...(value === undefined ? {} : { value: value.estimate }),
    ...(limit === undefined ? {} : { limit }),
    contribution: 0,
    std: 0,
    always: broken,
    ...(bestGrade === undefined
      ? {}
      : {
          veto: {
            bestGrade,
            applies: broken,
            probability: value === undefined ? 1 : outsideProbability(value, bounds),
          },
        }),
  }
}
