/** What can be done with a part. */
export type GateAction = 'accept' | 'reject' | 'hold'

/** The actuator behind the heads. De-energised it rejects: that is its safe state. */
export interface Gate {
  /** Where held parts go; false: the gate has no third way, and `hold` stops the line instead. */
  readonly holdLane: boolean
  /** The belt was stopped, and not resumed. */
  readonly lineStopped: boolean
  /** Acts on the part that the trigger of this number announced; returns at once. */
  act(action: GateAction, trigger: number): void
  /** Stops the belt until `resumeLine`. */
  stopLine(): void
  resumeLine(): void
  /** Everything is rejected from here on. */
  safe(): void
}
