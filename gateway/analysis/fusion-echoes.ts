import type { Echoes, Estimate } from '../inspection.ts'
import type { Recipe, ShapeRecipe } from '../recipe.ts'
import type { Loss } from './fusion.ts'
import { breachOf, outsideProbability } from './limits.ts'
import type { Open } from './open.ts'

type EchoLimits = NonNullable<ShapeRecipe['histograms']>

/** Codes of the findings, and which figure each limit of a recipe is for. */
const FIGURES = [
  ['echo_width', 'widthMm', 'widthMm'],
  ['echo_texture', 'texture', 'texture'],
  ['echo_tail', 'tail', 'tail'],
  ['second_echo', 'secondShare', 'secondEcho'],
] as const

/** Whether a recipe limits a figure that the histograms did not give. */
export function lacksEchoes(echoes: Echoes | undefined, { shape }: Recipe): boolean {
  const limits = shape?.histograms
  return (
    limits !== undefined &&
    FIGURES.some(([, figure, key]) => limits[key] !== undefined && echoes?.[figure] === undefined)
  )
}

/** What histograms outside the recipe's limits cost: all the points of `histograms.points`, whichever it is. */
export function echoLosses(echoes: Echoes | undefined, { shape }: Recipe): readonly Loss[] {
  const limits = shape?.histograms
  if (limits === undefined || echoes === undefined) return []
  return FIGURES.flatMap(([code, figure, key]) => lossOf(code, echoes[figure], limits, key))
}

function lossOf(
  code: string,
  value: Estimate | undefined,
  limits: EchoLimits,
  key: (typeof FIGURES)[number][2],
): readonly Loss[] {
  const bounds = limits[key]
  if (value === undefined || bounds === undefined) return []
  const breach = breachOf(value, bounds)
  const probability = outsideProbability(value, bounds)
  const loss: Open<Loss> = {
    code,
    contribution: 0,
    std: limits.points * Math.sqrt(probability * (1 - probability)),
  }
  if (limits.reject) loss.veto = { bestGrade: 'REJECT', applies: breach !== undefined, probability }
  if (breach !== undefined) {
    loss.code = `${code}_${breach.side}`
    loss.value = value.estimate
    loss.limit = breach.limit
    loss.contribution = limits.points
  }
  return [loss]
}
