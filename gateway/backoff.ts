/** How long to wait between attempts. */
export interface Backoff {
  /** Upper end of the first wait, ms; each failure doubles it. */
  readonly firstMs: number
  /** No wait is longer, ms. */
  readonly longestMs: number
}

/**
 * Exponential backoff with jitter, so that a fleet does not come back in step.
 * @param failures failed attempts in a row, from 1
 * @param random a number in [0, 1)
 * @returns ms to wait: between half and the whole of `firstMs · 2^(failures-1)`, at most `longestMs`
 */
export function backoffMs(failures: number, { firstMs, longestMs }: Backoff, random: () => number): number {
  // Past 2^30 the product is far beyond any limit; more would overflow to Infinity.
  const ceiling = Math.min(longestMs, firstMs * 2 ** Math.min(30, Math.max(0, failures - 1)))
  return ceiling * (0.5 + random() / 2)
}
