/** What is told but does not reject by itself stays below this severity. */
const NOT_CRITICAL = 0.99

/** A change of the surface that may be a defect. */
export interface Suspect {
  /** Twice the logarithm of how much likelier a defect is than none: the square of a score. */
  readonly evidence: number
  /** Score at which a defect is as likely as relief that is rougher than a Gaussian one. */
  readonly sureScore: number
  /** Size over what is critical. */
  readonly size: number
  /** That a defect of it would be critical. */
  readonly criticalIfReal: number
}

/**
 * A defect rejects (severity 1) only when it is critical more likely than not, the chance counted that it is none; else
 * it is as severe as it is expected to be.
 */
export function severityOf({ evidence, sureScore, size, criticalIfReal }: Suspect): {
  readonly severity: number
  readonly criticalProbability: number
} {
  const real = 1 / (1 + Math.exp((sureScore ** 2 - evidence) / 2))
  const criticalProbability = real * criticalIfReal
  return {
    severity: criticalProbability >= 0.5 ? 1 : Math.min(NOT_CRITICAL, real * size),
    criticalProbability,
  }
}
