import type { Line } from './gauge-anova.ts'
import { chiSquareQuantile, fQuantile } from './gauge-distributions.ts'

/** A mean square and what it is taken times. */
export interface Term {
  readonly times: number
  readonly line: Line
}

export function valueSum(terms: readonly Term[]): number {
  return terms.reduce((sum, { times, line }) => sum + times * line.mean, 0)
}

/** Of the standard deviation whose square the terms add up to. */
export function intervalOf(terms: readonly Term[], confidence: number): readonly [low: number, high: number] {
  const value = valueSum(terms)
  const tail = (1 - confidence) / 2
  const [low, high] = terms.some(({ times }) => times < 0)
    ? differenceBounds(terms, tail)
    : sumBounds(terms, tail)
  return [Math.sqrt(Math.max(0, value - Math.sqrt(low))), Math.sqrt(Math.max(0, value + Math.sqrt(high)))]
}

/** How far one mean square may be below and above, relative: G and H of the modified large sample method. */
function spread({ freedom }: Line, tail: number): { readonly below: number; readonly above: number } {
  return {
    below: 1 - freedom / chiSquareQuantile(1 - tail, freedom),
    above: freedom / chiSquareQuantile(tail, freedom) - 1,
  }
}

/** Graybill and Wang (1980): squares of the distances to both bounds. */
function sumBounds(terms: readonly Term[], tail: number): readonly [low: number, high: number] {
  let low = 0
  let high = 0
  for (const { times, line } of terms) {
    const { below, above } = spread(line, tail)
    low += (below * times * line.mean) ** 2
    high += (above * times * line.mean) ** 2
  }
  return [low, high]
}

/** Ting and others (1990) for a difference of two, as Burdick, Borror and Montgomery (2003) print it for PV. */
function differenceBounds(terms: readonly Term[], tail: number): readonly [low: number, high: number] {
  const [first, second] = terms
  if (first === undefined || second === undefined) return [0, 0]
  const [one, other] = [first.times * first.line.mean, -second.times * second.line.mean]
  const [g, h] = [spread(first.line, tail), spread(second.line, tail)]
  const [over, under] = [first.line.freedom, second.line.freedom]
  const upper = fQuantile(1 - tail, over, under)
  const lower = fQuantile(tail, over, under)
  const lowCross = ((upper - 1) ** 2 - (g.below * upper) ** 2 - h.above ** 2) / upper
  const highCross = ((1 - lower) ** 2 - (g.above * lower) ** 2 - h.below ** 2) / lower
  return [
    Math.max(0, (g.below * one) ** 2 + (h.above * other) ** 2 + lowCross * one * other),
    Math.max(0, (g.above * one) ** 2 + (h.below * other) ** 2 + highCross * one * other),
  ]
}
