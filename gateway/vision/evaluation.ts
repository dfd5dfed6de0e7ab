import type { Candidate } from './gallery.ts'

/** A query and what the gallery answered. */
export interface Answer {
  readonly truth: string
  /** Nearest first; empty for a picture on which nothing was found. */
  readonly candidates: readonly Candidate[]
  /** How far the best stands out: what decides between known and unknown. */
  readonly standing: number
}

export interface Evaluation {
  readonly queries: number
  /** Share whose nearest symbol is the right one, 0 to 1. */
  readonly top1: number
  readonly top3: number
  /** Right symbol, what was taken for it, how often; most often first. */
  readonly confusions: readonly { readonly truth: string; readonly answer: string; readonly count: number }[]
  readonly unknown?: {
    readonly queries: number
    /** Chance that a known query is nearer to the gallery than an unknown one (Mann and Whitney 1947), ties half. */
    readonly auroc: number
    /** Share of the unknown that is turned away where 95 % of the known pass. */
    readonly rejectedAt95: number
    /** The standing at which they do. */
    readonly threshold: number
  }
}

/** @param unknown standing of each query of a symbol that is not in the gallery */
export function evaluate(answers: readonly Answer[], unknown: readonly number[] = []): Evaluation {
  const within = (most: number): number =>
    answers.filter(({ truth, candidates }) =>
      candidates.slice(0, most).some(({ symbol }) => symbol === truth),
    ).length
  const share = (count: number): number => (answers.length === 0 ? 0 : count / answers.length)
  return {
    queries: answers.length,
    top1: share(within(1)),
    top3: share(within(3)),
    confusions: confusionsOf(answers),
    ...(unknown.length === 0 || answers.length === 0 ? {} : { unknown: openSet(answers, unknown) }),
  }
}

const NOTHING = '(blank)'

function confusionsOf(answers: readonly Answer[]): Evaluation['confusions'] {
  const counts = new Map<string, { truth: string; answer: string; count: number }>()
  for (const { truth, candidates } of answers) {
    const answer = candidates[0]?.symbol ?? NOTHING
    if (answer === truth) continue
    const key = JSON.stringify([truth, answer])
    const known = counts.get(key) ?? { truth, answer, count: 0 }
    counts.set(key, { ...known, count: known.count + 1 })
  }
  return [...counts.values()].sort((a, b) => b.count - a.count || a.truth.localeCompare(b.truth, 'en'))
}

function openSet(answers: readonly Answer[], unknown: readonly number[]): NonNullable<Evaluation['unknown']> {
  const known = answers.map(({ standing }) => standing).sort((a, b) => a - b)
  const threshold = known[Math.floor(0.05 * known.length)] ?? -1
  let above = 0
  for (const score of known) {
    for (const other of unknown) above += score > other ? 1 : score === other ? 0.5 : 0
  }
  return {
    queries: unknown.length,
    auroc: above / (known.length * unknown.length),
    rejectedAt95: unknown.filter((score) => score < threshold).length / unknown.length,
    threshold,
  }
}
