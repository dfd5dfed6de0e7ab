import type { Defect, Fusion, Grade } from '../inspection.ts'
import type { Recipe } from '../recipe.ts'
import type { Score } from './fusion.ts'
import { normalCdf } from './numbers.ts'

/** Best first; REJECT is what is left. */
const ACCEPTABLE = ['A+', 'A', 'B', 'C'] as const satisfies readonly Grade[]
/** A score is never known better than this: the table of thresholds has two decimals. */
const LEAST_STD = 0.002

/** The one place where a grade is decided: by the recipe's thresholds, unless a critical defect decides first. */
export function gradeOf(score: Score, recipe: Recipe): Fusion {
  const grade = score.defects.some(isCritical)
    ? 'REJECT'
    : gradeOfScore(score.score.estimate, recipe.grading.thresholds)
  return {
    score: score.score,
    grade,
    ...(score.surfaceScore === undefined ? {} : { surfaceScore: score.surfaceScore }),
    ...(score.colourScore === undefined ? {} : { colourScore: score.colourScore }),
    confidence: confidenceOf(grade, score, recipe),
    defects: score.defects,
  }
}

export function gradeOfScore(score: number, thresholds: Recipe['grading']['thresholds']): Grade {
  return ACCEPTABLE.find((grade) => score >= thresholds[grade]) ?? 'REJECT'
}

function isCritical({ severity }: Defect): boolean {
  return severity >= 1
}

/** Probability that the true score lies between the grade's thresholds and that no (for REJECT: some) defect is critical. */
function confidenceOf(grade: Grade, { score, defects }: Score, { grading }: Recipe): number {
  const std = Math.max(LEAST_STD, score.std)
  const atLeast = (threshold: number): number => normalCdf((score.estimate - threshold) / std)
  const sound = defects.reduce((chance, defect) => chance * (1 - (defect.criticalProbability ?? 0)), 1)
  if (grade === 'REJECT') return 1 - sound * atLeast(grading.thresholds.C)
  const better = ACCEPTABLE[ACCEPTABLE.indexOf(grade) - 1]
  const tooGood = better === undefined ? 0 : atLeast(grading.thresholds[better])
  return sound * Math.max(0, atLeast(grading.thresholds[grade]) - tooGood)
}
