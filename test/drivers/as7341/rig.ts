import { As7341, type As7341Options } from '../../../drivers/as7341/as7341.ts'
import * as reg from '../../../drivers/as7341/registers.ts'
import type { Photodiode } from '../../../drivers/as7341/smux.ts'
import {
  type LightScene,
  SimulatedAs7341,
  type SimulatedAs7341Options,
} from '../../../drivers/simulated/as7341.ts'
import { SimulatedBus, type SimulatedDevice } from '../../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'

export const EXPOSURE = { atime: 29, astep: 599, gain: 4 }
export const INTEGRATION_MS = 50.04

/** The same light on every photodiode, and what else is asked for. */
export function light(
  value: number,
  some: Partial<Record<Photodiode, number>> = {},
): Record<Photodiode, number> {
  const all: Record<Photodiode, number> = {
    ...{ F1: value, F2: value, F3: value, F4: value, F5: value, F6: value, F7: value, F8: value },
    ...{ Clear: value, NIR: value, Flicker: value, Dark: 0 },
  }
  return Object.assign(all, some)
}

/** The wires to the chip, where a test can listen and cut. */
export class Wires implements SimulatedDevice {
  readonly #chip: SimulatedAs7341
  /** Every write of more than a register address. */
  readonly writes: string[] = []
  reads = 0
  /** Asked before each write; true cuts the wire for it. */
  cut: (write: string) => boolean = () => false
  /** What becomes of each answer, beginning at a register. */
  spoil: (answer: Uint8Array, register: number) => Uint8Array = (answer) => answer
  #register = 0

  constructor(chip: SimulatedAs7341) {
    this.#chip = chip
  }

  write(bytes: Uint8Array): boolean {
    const hex = Buffer.from(bytes).toString('hex')
    if (this.cut(hex)) return false
    if (bytes.length > 1) this.writes.push(hex)
    this.#register = bytes[0] ?? 0
    return this.#chip.write(bytes)
  }

  read(length: number): Uint8Array | undefined {
    this.reads += 1
    const answer = this.#chip.read(length)
    return answer === undefined ? undefined : this.spoil(answer, this.#register)
  }
}

export interface Setup {
  readonly scene?: Partial<LightScene>
  readonly chip?: SimulatedAs7341Options
  readonly driver?: Partial<As7341Options>
}

/** A driver on a chip on a bus, all on a virtual clock. */
export function setUp({ scene, chip: chipOptions, driver }: Setup = {}) {
  const clock = new VirtualClock()
  const bus = new SimulatedBus(clock, 400_000)
  const chip = new SimulatedAs7341(clock, { light: () => light(10, { F1: 5 }), ...scene }, chipOptions)
  const wires = new Wires(chip)
  bus.attach(reg.ADDRESS, wires)
  const options = { exposure: EXPOSURE, ...driver }
  return { clock, bus, chip, wires, open: () => As7341.open(bus, clock, options) }
}

/** Awake, nothing under way, lamp off. */
export function idle(chip: SimulatedAs7341): boolean {
  const { registers, lampMa } = chip.state()
  return registers.get(reg.ENABLE) === reg.ENABLE_PON && lampMa === 0 && !registers.has(reg.CFG0)
}
