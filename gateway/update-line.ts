import type { Clock } from '../drivers/clock.ts'
import type { LineReport } from './api/update.ts'

/** What is asked of the running line before an update may have it. */
export interface LineFacts {
  readonly clock: Clock
  /** Of the process. */
  readonly phase: 'starting' | 'running' | 'draining'
  readonly acquisition: {
    /** Parts without a decision. */
    readonly undecided: number
    /** A part is under the heads. */
    readonly busy: boolean
    /** Inspections that wait for the disk. */
    readonly recording: number
    /** Monotonic ms of the last trigger. */
    readonly lastTriggerAt: number | undefined
  }
  readonly calibration: { readonly running: boolean }
  /** Where a gate is moved: parts between trigger and gate. */
  readonly stationGate: { readonly waiting: number } | undefined
  readonly gate: { readonly lineStopped: boolean }
  /** Commands that must not be cut short, and are at work. */
  readonly commands: readonly string[]
}

/** Whether the line can be had now, and if not, why: one line each. */
export function lineReport(facts: LineFacts): LineReport {
  const { clock, phase, acquisition, calibration, stationGate, gate, commands } = facts
  const { undecided, busy, recording, lastTriggerAt } = acquisition
  // The gate's count holds those without a decision, where it is moved; in a dry run nothing waits for it.
  const inFlight = Math.max(undecided, stationGate?.waiting ?? 0)
  const why = [
    ...(phase === 'running' ? [] : [`the station is ${phase}`]),
    ...(inFlight > 0 ? [`parts between trigger and gate: ${inFlight}`] : []),
    ...(busy && undecided === 0 ? ['the heads are at a part'] : []),
    ...(recording > 0 ? [`inspections on their way to the disk: ${recording}`] : []),
    ...(calibration.running ? ['a calibration is running'] : []),
    ...(gate.lineStopped ? ['the line is stopped, and waits for somebody'] : []),
    ...commands.map((name) => `a command is at work: ${name}`),
  ]
  return {
    idle: why.length === 0,
    why,
    parts_in_flight: inFlight,
    since_last_trigger_s:
      lastTriggerAt === undefined ? null : Math.max(0, Math.floor((clock.now() - lastTriggerAt) / 1000)),
  }
}
