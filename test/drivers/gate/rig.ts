import { BeltGate } from '../../../drivers/gate/belt-gate.ts'
import type { BeltGateOptions, GateFault } from '../../../drivers/gate/options.ts'
import type { LineSpec } from '../../../drivers/gpio.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { SimulatedGpio } from '../../../drivers/simulated/gpio.ts'

export const PASS: LineSpec = { chip: 'simulated', line: 0 }
export const HOLD: LineSpec = { chip: 'simulated', line: 1 }
export const STOP: LineSpec = { chip: 'simulated', line: 2 }
export const KICK: LineSpec = { chip: 'simulated', line: 3 }
export const FEEDBACK: LineSpec = { chip: 'simulated', line: 4 }
export const ACCEPT: LineSpec = { chip: 'simulated', line: 5 }
export const REJECT: LineSpec = { chip: 'simulated', line: 6 }
export const READY: LineSpec = { chip: 'simulated', line: 7 }

/** A gate 500 ms behind its trigger, with windows of 100 ms, on simulated wires. */
export interface Rig {
  readonly clock: VirtualClock
  readonly gpio: SimulatedGpio
  readonly gate: BeltGate
  /** What the gate told of its faults. */
  readonly troubles: (GateFault | undefined)[]
}

export async function rig(options: Partial<BeltGateOptions> = {}, wires?: SimulatedGpio): Promise<Rig> {
  const clock = new VirtualClock()
  const gpio = wires ?? new SimulatedGpio(clock)
  const troubles: (GateFault | undefined)[] = []
  const gate = await BeltGate.open(gpio, clock, {
    pass: PASS,
    window: { delayMs: 500, pulseMs: 100 },
    troubled: (fault) => troubles.push(fault),
    ...options,
  })
  return { clock, gpio, gate, troubles }
}

/** When an output was active, as [from, to] in ms; the last may have no end. */
export function activeTimes(gpio: SimulatedGpio, line: LineSpec): (readonly [number, number | undefined])[] {
  const times: [number, number | undefined][] = []
  for (const { at, level } of gpio.changes(line)) {
    const last = times.at(-1)
    if (level === 'active') times.push([at, undefined])
    else if (last !== undefined && last[1] === undefined) last[1] = at
  }
  return times
}
