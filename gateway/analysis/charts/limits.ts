import { c4, d2, d3 } from './constants.ts'

export const CHART_KINDS = ['i_mr', 'xbar_r', 'xbar_s', 'ewma'] as const
export type ChartKind = (typeof CHART_KINDS)[number]

/** Limits of one plotted figure. */
export interface Band {
  readonly lower: number
  readonly centre: number
  readonly upper: number
}

/** What the process does when nothing disturbs it. */
export interface InControl {
  readonly centre: number
  /** Standard deviation of one part, within a short time. */
  readonly sigma: number
}

/** 3 σ limits of a single value (I) or of the mean of `n` (X̄). */
export function meanBand({ centre, sigma }: InControl, n: number): Band {
  const width = (3 * sigma) / Math.sqrt(n)
  return { lower: centre - width, centre, upper: centre + width }
}

/** Limits of the range of `n` values (R), or of two that follow each other (MR, n = 2). */
export function rangeBand(sigma: number, n: number): Band {
  const [mean, deviation] = [d2(n) * sigma, d3(n) * sigma]
  return { lower: Math.max(0, mean - 3 * deviation), centre: mean, upper: mean + 3 * deviation }
}

/** Limits of the standard deviation of `n` values (S). */
export function deviationBand(sigma: number, n: number): Band {
  const mean = c4(n) * sigma
  const width = 3 * sigma * Math.sqrt(1 - c4(n) ** 2)
  return { lower: Math.max(0, mean - width), centre: mean, upper: mean + width }
}

/**
 * Limits of an exponentially weighted mean: exact variance after i points, λ/(2-λ)·(1-(1-λ)^2i) (Lucas and Saccucci
 * 1990). `fading` is (1-λ)^2i; 0 gives the limits after many points.
 */
export function ewmaBand(
  { centre, sigma }: InControl,
  { lambda, width }: { readonly lambda: number; readonly width: number },
  fading: number,
): Band {
  const half = width * sigma * Math.sqrt((lambda / (2 - lambda)) * (1 - fading))
  return { lower: centre - half, centre, upper: centre + half }
}

/** Limits of the figure that tells the spread; EWMA plots none. */
export function spreadBand(kind: ChartKind, sigma: number, n: number): Band | undefined {
  if (kind === 'ewma') return undefined
  return kind === 'xbar_s' ? deviationBand(sigma, n) : rangeBand(sigma, kind === 'i_mr' ? 2 : n)
}
