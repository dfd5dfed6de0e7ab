import type { Gate, GateAction } from '../gate/gate.ts'

/** A gate that remembers the last thing it was told. It starts, and ends, in its safe state. */
export class SimulatedGate implements Gate {
  readonly holdLane: boolean
  position: GateAction = 'reject'
  readonly decideWithinMs: number | undefined = undefined
  lineStopped = false
  /** How often each action was taken. */
  readonly moves = { accept: 0, reject: 0, hold: 0 }

  constructor(holdLane: boolean) {
    this.holdLane = holdLane
  }

  expect(_trigger: number, _at: number): void {}

  act(action: GateAction, _trigger: number): 'in-time' | 'late' {
    this.position = action
    this.moves[action] += 1
    return 'in-time'
  }

  stopLine(): void {
    this.lineStopped = true
  }

  resumeLine(): void {
    this.lineStopped = false
  }

  safe(): void {
    this.position = 'reject'
  }
}
