import type { Clock } from '../drivers/clock.ts'
import type { BeltGate } from '../drivers/gate/belt-gate.ts'
import type { GateAction } from '../drivers/gate/gate.ts'
import { type Gpio, LineError } from '../drivers/gpio.ts'
import { Panel } from '../drivers/panel/panel.ts'
import type { BeltPosition } from '../drivers/trigger/position.ts'
import type { Config } from './config.ts'
import { openGate } from './gate-plan.ts'
import { wire } from './hardware.ts'
import { lineSpec } from './line-options.ts'
import { panelPlan } from './panel-options.ts'
import { panelParts, type TestablePart } from './panel-test.ts'

/** By hand nothing is timed by the belt. */
const STANDING: BeltPosition = { positionAt: () => undefined, when: () => () => {} }

/** What `panel test` moves, and how it is put down again. */
export interface TestableStation {
  readonly parts: readonly TestablePart[]
  close(): Promise<void>
}

/**
 * Opens everything that can be moved or pressed by hand: the gate, its outputs to a PLC, the light barrier, the panel.
 * The gate rejects until it is told otherwise, and again when it is closed.
 * @throws LineError for a line of the gate that cannot be had: a gateway that runs has them all
 */
export async function testableParts(config: Config, clock: Clock): Promise<TestableStation> {
  const hardware = wire({ config, clock, profile: config.recipe })
  const open: (() => Promise<void> | void)[] = [() => hardware.close()]
  const close = async (): Promise<void> => {
    for (const end of open.reverse()) await end()
  }
  try {
    const parts: TestablePart[] = []
    if (hardware.gate !== undefined) {
      const { gpio } = hardware
      const start = openGate(hardware.gate, { gpio, clock, position: STANDING })
      const gate = await start({ alive: () => true, troubled: () => {} })
      open.push(() => gate.close())
      parts.push(...gateParts(gate, hardware.gate.lines))
    }
    parts.push(...barrierParts(config, hardware.gpio))
    if (config.panel !== undefined) {
      const plan = panelPlan(config.panel, hardware.bus)
      const panel = await Panel.open(hardware.gpio, clock, plan)
      open.push(() => panel.close())
      parts.push(...panelParts(panel, plan))
    }
    return { parts, close }
  } catch (error) {
    await close()
    throw error
  }
}

type GateLineNames = Readonly<Partial<Record<'pass' | 'hold' | 'stop' | 'ready', unknown>>>

function gateParts(gate: BeltGate, lines: GateLineNames): readonly TestablePart[] {
  const moving = (action: GateAction) => (on: boolean) => {
    gate.move(on ? action : 'reject')
    refuse(gate)
  }
  const output = (name: string, set: (on: boolean) => void): TestablePart => ({ name, kind: 'output', set })
  return [
    output('gate: pass', moving('accept')),
    ...(lines.hold === undefined ? [] : [output('gate: hold lane', moving('hold'))]),
    ...(lines.stop === undefined
      ? []
      : [
          output('line stop', (on) => {
            if (on) gate.stopLine()
            else gate.resumeLine()
            refuse(gate)
          }),
        ]),
    ...(lines.ready === undefined
      ? []
      : [
          output('PLC: ready', (on) => {
            gate.setReady(on)
            refuse(gate)
          }),
        ]),
  ]
}

/** What the gate could not do it says by its health. */
function refuse(gate: BeltGate): void {
  const { state, detail } = gate.health()
  if (state !== 'ok') throw new LineError('failed', detail ?? state)
}

function barrierParts({ trigger }: Config, gpio: Gpio): readonly TestablePart[] {
  const { line } = trigger
  if (trigger.kind !== 'light-barrier' || line === undefined) return []
  return [
    {
      name: 'light barrier',
      kind: 'input',
      watch: (changed) =>
        gpio.watch(
          lineSpec(line),
          ({ active }) => changed(active),
          () => {},
        ),
    },
  ]
}
