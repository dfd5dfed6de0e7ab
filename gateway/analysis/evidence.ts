import type { Echoes, Estimate, Fusion, Judgement, Surface, Verdict } from '../inspection.ts'
import type { Recipe, ShapeRecipe } from '../recipe.ts'
import type { ColourFinding } from './colour.ts'
import type { Evidence } from './fusion.ts'
import type { Open } from './open.ts'

/** What the looks say of the shape. */
export interface ShapeSeen {
  readonly surface?: Surface | undefined
  readonly echoes?: Echoes | undefined
  readonly reason?: string | undefined
  readonly heightsMm?: readonly (number | null)[] | undefined
}

/** A judgement of what there is. */
export function judgementOf(
  { heightsMm }: ShapeSeen,
  { surface, massG, echoes, colour }: Evidence,
  verdict: Verdict,
  fusion?: Fusion,
): Judgement {
  const judgement: Open<Judgement> = { verdict }
  if (heightsMm !== undefined) judgement.heightsMm = heightsMm
  if (surface !== undefined) judgement.surface = surface
  if (massG !== undefined) judgement.massG = massG
  if (echoes !== undefined) judgement.echoes = echoes
  if (colour !== undefined) judgement.colour = colour
  if (fusion !== undefined) judgement.fusion = fusion
  return judgement
}

/** What the grade needs, with what of the spectrum no message carries. */
export function evidenceOf(
  { surface, echoes }: ShapeSeen,
  seen: ColourFinding | undefined,
  recipe: Recipe,
): Open<Evidence> {
  const evidence: Open<Evidence> = {}
  if (surface !== undefined) {
    evidence.surface = surface
    if (recipe.shape !== undefined) evidence.massG = massOf(surface, recipe.shape)
  }
  if (echoes !== undefined) evidence.echoes = echoes
  if (seen === undefined || 'reason' in seen) return evidence
  evidence.colour = seen.colour
  evidence.material = seen.material
  const { deltaE00 } = seen.colour
  if (deltaE00 !== undefined) evidence.deltaE00 = deltaE00
  return evidence
}

function massOf({ volumeMm3: { estimate, std } }: Surface, shape: ShapeRecipe): Estimate {
  const gramsPerMm3 = shape.densityGPerCm3 / 1000
  const densityStd = shape.densityStdGPerCm3 / 1000
  return { estimate: estimate * gramsPerMm3, std: Math.hypot(std * gramsPerMm3, estimate * densityStd) }
}
