/** What can be done with a part. */
export type GateAction = 'accept' | 'reject' | 'hold'

/** The actuator behind the heads. De-energised it rejects: that is its safe state. */
export interface Gate {
  /** Where held parts go; false: the gate has no third way, and `hold` stops the line instead. */
  readonly holdLane: boolean
  /** The belt was stopped, and not resumed. */
  readonly lineStopped: boolean
  /** A verdict that comes later than this after its trigger is `late`, ms; undefined where that is no fixed time. */
  readonly decideWithinMs: number | undefined
  /**
   * A part was seen and will come by. Parts come in belt order.
   * @param trigger its number
   * @param at monotonic ms at which it was seen
   */
  expect(trigger: number, at: number): void
  /**
   * What is to be done with the part that was announced with this number; returns at once.
   * @returns `late` where the part is in front of the gate or past it already: it was rejected, whatever the action
   */
  act(action: GateAction, trigger: number): 'in-time' | 'late'
  /** Stops the belt until `resumeLine`. */
  stopLine(): void
  resumeLine(): void
  /** Everything is rejected from here on, those that wait too. */
  safe(): void
}
