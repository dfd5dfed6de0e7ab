import { featuresOf, hasFeatures } from './analysis/anomaly/features.ts'
import type { Judgement } from './inspection.ts'
import type { Recipe } from './recipe.ts'
import type { Rejudge } from './rejudge/rejudge.ts'
import type { KeptPart } from './rejudge/sources.ts'

/** Parts that a model is learned from at most, the newest: enough for any number of features, and seconds of work. */
const MOST_PARTS = 5000

/** One part judged again, and what the log says of it. */
export interface JudgedPart {
  readonly judgement: Judgement
  readonly kept: KeptPart
}

/** The parts of a recipe among those kept, judged again as it judges now; what cannot be judged is left out. */
export async function* partsOfRecipe(
  parts: AsyncIterable<KeptPart>,
  recipe: Recipe,
  rejudge: Rejudge,
): AsyncGenerator<JudgedPart> {
  for await (const kept of parts) {
    if (kept.message?.recipe.id !== recipe.id) continue
    const again = await rejudge.part(kept)
    if (!('reason' in again)) yield { judgement: again.judgement, kept }
  }
}

/** What is learned of one part, and where it stands. */
export interface Example {
  readonly features: Float64Array
  readonly epoch: string
  readonly sequence: number
}

/** Of parts that were accepted with one of the grades, the newest, oldest first. */
export async function lessonOf(
  parts: AsyncIterable<JudgedPart>,
  grades: readonly string[],
): Promise<readonly Example[]> {
  const lesson: Example[] = []
  for await (const { judgement, kept } of parts) {
    const { verdict } = kept.message ?? {}
    if (verdict?.action !== 'accept' || !grades.includes(verdict.grade ?? '')) continue
    const features = featuresOf(judgement)
    if (!hasFeatures(features)) continue
    lesson.push({ features, epoch: kept.epoch ?? '', sequence: kept.sequence })
    if (lesson.length > MOST_PARTS) lesson.shift()
  }
  return lesson
}
