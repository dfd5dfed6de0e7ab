/** The limits that the original's profiles set for its ToF analyser (facts §2). */

/** Two more, `texture_threshold` and `bin_size_mm`, are stored by the original and never read. */
export interface TofLimits {
  /** Counts above the base line that earn the full density score. */
  readonly densityThreshold: number
  /** 1 - the fraction of outliers in amplitude that is still consistent. */
  readonly consistencyThreshold: number
  /** From the median distance, mm. */
  readonly distanceDefectMm: number
  /** Severity above which a foreign body rejects; above 1 it never does. */
  readonly criticalSeverity: number
  readonly penaltyWeight: number
}

/** Of `foiegras_standard_barquette`, the default, and of every other profile but the demonstration's. */
export const STANDARD_LIMITS: TofLimits = {
  densityThreshold: 3000,
  consistencyThreshold: 0.6,
  distanceDefectMm: 10,
  criticalSeverity: 0.7,
  penaltyWeight: 1,
}

/** Of `foiegras_demo_barquette`: the defects are switched off, which is why it shows good grades. */
export const DEMO_LIMITS: TofLimits = {
  densityThreshold: 500,
  consistencyThreshold: 0.9,
  distanceDefectMm: 45,
  criticalSeverity: 1.01,
  penaltyWeight: 0,
}
