import type { Clock } from '../drivers/clock.ts'
import { SimulatedAs7341 } from '../drivers/simulated/as7341.ts'
import { runSimulatedBelt } from '../drivers/simulated/belt.ts'
import { SimulatedBme280 } from '../drivers/simulated/bme280.ts'
import type { SimulatedDevice } from '../drivers/simulated/bus.ts'
import { generateNvm } from '../drivers/simulated/firmware.ts'
import type { SimulatedGpio } from '../drivers/simulated/gpio.ts'
import { SimulatedHall } from '../drivers/simulated/hall.ts'
import type { SimulatedLine } from '../drivers/simulated/line.ts'
import { SimulatedMcp23017, SimulatedPcf8574 } from '../drivers/simulated/panel.ts'
import { SimulatedSht31 } from '../drivers/simulated/sht31.ts'
import { SimulatedVl53l8ch } from '../drivers/simulated/vl53l8ch.ts'
import { SharedWires } from '../drivers/simulated/vl53l8ch-wires.ts'
import { ADDRESS } from '../drivers/vl53l8ch/registers.ts'
import type { Config } from './config.ts'
import { climateAddress, type RangingHead } from './head-options.ts'
import { lineSpec } from './line-options.ts'

export interface SimulatedWiringOptions {
  readonly config: Config
  readonly clock: Clock
  /** What the chips look at. */
  readonly line: SimulatedLine
  /** Where the simulated lines end. */
  readonly pins: SimulatedGpio
}

type Attach = (address: number, device: SimulatedDevice) => void

/** Plugs the configured chips into simulated buses. */
export class SimulatedWiring {
  readonly #options: SimulatedWiringOptions

  constructor(options: SimulatedWiringOptions) {
    this.#options = options
  }

  /** Everything that hangs on the bus of this name. */
  populate(name: string, attach: Attach): void {
    const { config, clock, line } = this.#options
    const wires = new SharedWires({ attach })
    for (const [index, head] of Object.values(config.heads).entries()) {
      if (head.bus !== name) continue
      if (head.kind === 'vl53l8ch') this.#ranging(head, index, wires)
      else attach(head.address, new SimulatedAs7341(clock, line.scene))
    }
    for (const { kind, bus, address } of Object.values(config.panel?.expanders ?? {})) {
      if (bus === name) attach(address, kind === 'pcf8574' ? new SimulatedPcf8574() : new SimulatedMcp23017())
    }
    const { environment } = config
    if (environment?.bus !== name) return
    const hall = new SimulatedHall(config.simulation.seed)
    const chip = environment.kind === 'sht31' ? SimulatedSht31 : SimulatedBme280
    attach(climateAddress(environment), new chip(clock, hall))
  }

  /** No two chips have the calibration of another: a head that is exchanged is noticed by it. */
  #ranging({ lpn }: RangingHead, index: number, wires: SharedWires): void {
    const { config, clock, line, pins } = this.#options
    const nvm = generateNvm(1 + index + 16 * config.simulation.seed)
    const chip = wires.add(
      (moved) => new SimulatedVl53l8ch({ clock, scene: line.scene, nvm, moved }),
      ADDRESS,
    )
    // The pin has a pull-up on the board: nobody who drives it low means that the chip listens.
    if (lpn?.chip === 'simulated') pins.attach(lineSpec(lpn), (wire) => chip.listen(wire !== false))
  }
}

/**
 * Where trigger or encoder hang on simulated lines: the belt that moves them, until the signal aborts.
 * @param line whose trays ride on it; where they do not move by themselves they come as the trigger's period says
 */
export function simulatedBelt(
  { trigger, encoder }: Config,
  {
    pins,
    clock,
    line,
  }: Pick<SimulatedWiringOptions, 'pins' | 'clock'> & { readonly line: SimulatedLine | undefined },
): ((moving: () => boolean, signal: AbortSignal) => Promise<void>) | undefined {
  const barrier =
    trigger.kind === 'light-barrier' && trigger.line?.chip === 'simulated' ? trigger.line : undefined
  const shaft = encoder?.kind === 'line' && encoder.line.chip === 'simulated' ? encoder.line : undefined
  if (barrier === undefined && shaft === undefined) return undefined
  const periodMs = Math.max(trigger.period_ms, passingMs(line?.belt))
  const pulsesPerPart =
    line?.belt === undefined || encoder === undefined
      ? (trigger.pulses_per_part ?? PULSES_PER_PART)
      : (line.belt.mmPerS * periodMs) / 1000 / encoder.mm_per_pulse
  const options = {
    periodMs,
    ...(barrier === undefined ? {} : { barrier: lineSpec(barrier) }),
    ...(shaft === undefined ? {} : { encoder: { line: lineSpec(shaft), pulsesPerPart } }),
  }
  return (moving, signal) => runSimulatedBelt(pins, clock, { ...options, moving }, signal)
}

const PULSES_PER_PART = 100
/** Between two trays that ride on the belt, as a share of the way of one: only one is seen at a time. */
const GAP = 0.1

/** Time that a tray needs from where it comes to as far behind the heads, and the gap to the next, ms. */
function passingMs(belt: SimulatedLine['belt']): number {
  return belt === undefined ? 0 : ((1 + GAP) * 2000 * Math.abs(belt.fromMm)) / belt.mmPerS
}
