import { type Fusion, GRADES, type Grade } from '../inspection.ts'
import type { Recipe } from '../recipe.ts'
import type { Score } from './fusion.ts'
import { normalCdf } from './numbers.ts'
import type { Open } from './open.ts'

/** Best first; REJECT is what is left. */
const ACCEPTABLE = ['A+', 'A', 'B', 'C'] as const satisfies readonly Grade[]
/** A score is never known better than this: the table of thresholds has two decimals. */
const LEAST_STD = 0.002

/**
 * The one place where a grade is decided: by the recipe's thresholds, but never better than what a critical defect, a
 * legal limit or a label allows.
 */
export function gradeOf(score: Score, recipe: Recipe): Fusion {
  let grade = gradeOfScore(score.score.estimate, recipe.grading.thresholds)
  for (const { applies, bestGrade } of score.vetoes) {
    if (applies && rank(bestGrade) > rank(grade)) grade = bestGrade
  }
  const confidence = confidenceOf(grade, score, recipe)
  const fusion: Open<Fusion> = {
    score: score.score,
    grade,
    confidence,
    defects: score.defects,
  }
  if (score.surfaceScore !== undefined) fusion.surfaceScore = score.surfaceScore
  if (score.colourScore !== undefined) fusion.colourScore = score.colourScore
  return fusion
}

function gradeOfScore(score: number, thresholds: Recipe['grading']['thresholds']): Grade {
  return ACCEPTABLE.find((grade) => score >= thresholds[grade]) ?? 'REJECT'
}

/** 0 is the best. */
function rank(grade: Grade): number {
  return GRADES.indexOf(grade)
}

/**
 * Probability that the true score lies between the grade's thresholds and that nothing truly forbids the grade. (For a
 * grade that a veto has brought down: that the true one is this one.) What may forbid it is taken as independent.
 */
function confidenceOf(grade: Grade, { score, vetoes }: Score, { grading }: Recipe): number {
  const std = Math.max(LEAST_STD, score.std)
  const atLeast = (one: (typeof ACCEPTABLE)[number]): number => {
    let chance = normalCdf((score.estimate - grading.thresholds[one]) / std)
    for (const { bestGrade, probability } of vetoes) {
      if (rank(bestGrade) > rank(one)) chance *= 1 - probability
    }
    return chance
  }
  if (grade === 'REJECT') return 1 - atLeast('C')
  const better = ACCEPTABLE[ACCEPTABLE.indexOf(grade) - 1]
  return Math.max(0, atLeast(grade) - (better === undefined ? 0 : atLeast(better)))
}
