/** Which inspection; epoch and sequence where it has its place in the log already. */
export interface InspectionName {
  readonly id: string
  readonly epoch?: string | undefined
  readonly sequence?: number | undefined
}

/** What the engine is told. */
export type AlertEvent =
  /** One decided part: its message. */
  | { readonly kind: 'inspection'; readonly message: unknown }
  /** A point of a control chart, also one that broke no rule: that is how an alert ends. */
  | {
      readonly kind: 'chart'
      readonly chart: string
      readonly violations: readonly {
        readonly rule: string
        readonly value: number
        readonly limits: { readonly lower: number; readonly upper: number }
      }[]
      readonly inspection?: InspectionName | undefined
    }
  /** How a unit is; saying it again does no harm. */
  | {
      readonly kind: 'unit'
      readonly name: string
      readonly state: 'ok' | 'degraded' | 'failed'
      readonly detail?: string | undefined
    }
  | { readonly kind: 'line'; readonly stands: boolean }
  /** Time passes: once a second. */
  | { readonly kind: 'tick' }

/** Now, twice: durations come from the monotonic clock, time stamps from the one on the wall. */
export interface Instant {
  readonly nowMs: number
  readonly wallMs: number
}
