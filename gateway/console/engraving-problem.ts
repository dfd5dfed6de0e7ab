import { Refused } from './engraving-client.ts'
import type { Texts } from './texts.ts'

/** Why it did not work, for the person who asked. */
export function problemText(problem: unknown, texts: Texts): string {
  if (!(problem instanceof Refused)) return texts.noAnswer
  const say = texts.engraving
  const { status, fault, detail } = problem.problem
  const named = fault === undefined ? undefined : say.faults[fault]
  if (named !== undefined) return named
  if (status === 413) return say.tooManyBytes
  if (status === 503 || status === 429) return say.busy
  if (status === 403) return say.forbidden
  return detail === undefined ? say.failed : `${say.failed} ${detail}`
}
