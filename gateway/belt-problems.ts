import { timingOf } from '../drivers/gate/options.ts'
import type { BeltPosition } from '../drivers/trigger/position.ts'
import type { EncoderOptions, GateOptions, TriggerOptions } from './belt-options.ts'
import { gatePlan, type WiredGate } from './gate-plan.ts'
import type { Problem } from './problems.ts'

/** What no schema can say of gate, trigger and encoder: whether they fit each other. Pure. */
export function beltProblems({
  gate,
  trigger,
  encoder,
}: {
  readonly gate: GateOptions
  readonly trigger: TriggerOptions
  readonly encoder?: EncoderOptions | undefined
}): Problem[] {
  const problems: Problem[] = []
  const pulses = gate.delay_pulses !== undefined || gate.pulse_pulses !== undefined
  if (encoder === undefined && (pulses || trigger.kind === 'encoder')) {
    const value = pulses ? 'gate in pulses' : 'trigger encoder'
    return [{ path: ['encoder'], value, expectation: 'expected the encoder that counts the pulses' }]
  }
  if (!isWired(gate)) return problems
  if (gate.lines.stop === undefined && !gate.hold_lane) {
    const expectation = 'expected the line that stops the belt, or a hold lane: a held part must not go on'
    problems.push({ path: ['gate', 'lines', 'stop'], value: undefined, expectation })
  }
  const timing = timingProblem(gate, encoder === undefined ? undefined : NOWHERE)
  return timing === undefined ? problems : [...problems, timing]
}

export function isWired(gate: GateOptions): gate is WiredGate {
  return gate.lines !== undefined
}

const NOWHERE: BeltPosition = { positionAt: () => undefined, when: () => () => {} }

function timingProblem(gate: WiredGate, position: BeltPosition | undefined): Problem | undefined {
  try {
    timingOf(gatePlan(gate, position, { alive: () => false, troubled: () => {} }))
    return undefined
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return { path: ['gate'], value: 'timing', expectation: error.message }
  }
}
