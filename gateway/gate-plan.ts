import type { Clock } from '../drivers/clock.ts'
import { BeltGate } from '../drivers/gate/belt-gate.ts'
import type { BeltGateOptions, GateWindow } from '../drivers/gate/options.ts'
import type { Gpio, LineSpec } from '../drivers/gpio.ts'
import type { BeltPosition } from '../drivers/trigger/position.ts'
import type { GateOptions } from './belt-options.ts'
import type { GateHooks } from './gate.ts'
import { type LineOptions, lineSpec } from './line-options.ts'

const DELAY_MS = 600
const PULSE_MS = 200

/** How the gate is wired, with its lines. */
export type WiredGate = GateOptions & { readonly lines: NonNullable<GateOptions['lines']> }

export function gateWindow({ delay_ms, delay_pulses, pulse_ms, pulse_pulses }: GateOptions): GateWindow {
  return {
    ...(delay_pulses === undefined ? { delayMs: delay_ms ?? DELAY_MS } : { delayPulses: delay_pulses }),
    ...(pulse_pulses === undefined ? { pulseMs: pulse_ms ?? PULSE_MS } : { pulsePulses: pulse_pulses }),
  }
}

/** A verdict that comes later than this after its trigger comes too late, ms; undefined where the belt decides. */
export function decideWithinMs(gate: GateOptions): number | undefined {
  const { delayMs } = gateWindow(gate)
  return delayMs === undefined ? undefined : delayMs - gate.lead_ms
}

/** What the driver is to open. @throws RangeError in `BeltGate.open` for what contradicts itself */
export function gatePlan(
  gate: WiredGate,
  position: BeltPosition | undefined,
  { alive, troubled }: GateHooks,
): BeltGateOptions {
  const { lines, lead_ms: leadMs, kick_ms: everyMs, relay_ms: relayMs, feedback_within_ms: withinMs } = gate
  const { hold, stop, accept, reject, ready } = specs(lines)
  return {
    pass: lineSpec(lines.pass),
    window: gateWindow(gate),
    leadMs,
    troubled,
    ...(hold === undefined ? {} : { hold }),
    ...(stop === undefined ? {} : { stop }),
    ...(position === undefined ? {} : { position }),
    ...(lines.kick === undefined ? {} : { kicks: { line: lineSpec(lines.kick), everyMs, relayMs, alive } }),
    ...(lines.feedback === undefined ? {} : { feedback: { line: lineSpec(lines.feedback), withinMs } }),
    plc: {
      pulseMs: gate.plc_pulse_ms,
      ...(accept === undefined ? {} : { accept }),
      ...(reject === undefined ? {} : { reject }),
      ...(ready === undefined ? {} : { ready }),
    },
  }
}

function specs(lines: WiredGate['lines']): Partial<Record<keyof WiredGate['lines'], LineSpec>> {
  const wired = Object.entries(lines).filter((entry): entry is [keyof WiredGate['lines'], LineOptions] => {
    return entry[1] !== undefined
  })
  return Object.fromEntries(wired.map(([name, line]) => [name, lineSpec(line)]))
}

export function openGate(
  gate: WiredGate,
  { gpio, clock, position }: { gpio: Gpio; clock: Clock; position: BeltPosition | undefined },
): (hooks: GateHooks) => Promise<BeltGate> {
  return (hooks) => BeltGate.open(gpio, clock, gatePlan(gate, position, hooks))
}
