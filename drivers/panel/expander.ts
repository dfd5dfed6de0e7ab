import type { Board, Expander, JohnnyFive } from 'johnny-five'
import type { Clock } from '../clock.ts'
import { I2cDevice } from './i2c-device.ts'
import { type ExpanderSpec, PIN_COUNT } from './options.ts'
import type { LevelTold } from './pins.ts'

/** What components are made of. */
export interface Wiring {
  readonly johnnyFive: JohnnyFive
  readonly board: Board
  readonly clock: Clock
}

/** How the pins of an expander are used; the others stay inputs, as they are at power-up. */
export interface ExpanderUse {
  readonly outputs: readonly number[]
  readonly inputs: readonly number[]
}

/**
 * johnny-five's expander, made safe. Its own beginning drives every pin low, one after the other, inputs too, and it
 * never writes again what a chip forgot. Here what it writes is held back until all pins are what they shall be
 * (`I2cDevice` keeps the last value of each register), and `renew` says everything again.
 */
export class PanelExpander {
  /** Its pins, as those of a board: what components are made on. */
  readonly board: Board
  readonly #chip: Expander
  readonly #device: I2cDevice
  readonly #spec: ExpanderSpec
  readonly #use: ExpanderUse

  private constructor(parts: {
    readonly board: Board
    readonly chip: Expander
    readonly device: I2cDevice
    readonly spec: ExpanderSpec
    readonly use: ExpanderUse
  }) {
    this.board = parts.board
    this.#chip = parts.chip
    this.#device = parts.device
    this.#spec = parts.spec
    this.#use = parts.use
  }

  /** To be followed by the first levels of its outputs in the same turn: the chip hears of nothing before them. */
  static open({ johnnyFive, board, clock }: Wiring, spec: ExpanderSpec, use: ExpanderUse): PanelExpander {
    const device = new I2cDevice(spec.bus, spec.address, clock)
    const controller = spec.kind === 'pcf8574' ? 'PCF8574' : 'MCP23017'
    // johnny-five never lets go of an address that was in use once. The device is a new one each time.
    const chip = new johnnyFive.Expander({ board, controller, address: device })
    const virtual = new johnnyFive.Board.Virtual(chip)
    const expander = new PanelExpander({ board: virtual, chip, device, spec, use })
    for (let pin = 0; pin < PIN_COUNT[spec.kind]; pin += 1) {
      if (!use.outputs.includes(pin)) expander.#release(pin)
    }
    return expander
  }

  get fault(): I2cDevice['fault'] {
    return this.#device.fault
  }

  /** Tells the level of an input found at first, then at each poll. */
  listen(pin: number, told: LevelTold): void {
    this.#chip.digitalRead(pin, (value) => told(value !== 0, this.#device.polledAt))
  }

  /** After the levels of its outputs: the rest of its state, in case it lost its supply. A PCF8574 has no other. */
  renew(): void {
    if (this.#spec.kind !== 'mcp23017') return
    for (const pin of this.#use.inputs) this.#chip.pullUp(pin, 1)
    // Directions last: a pin drives once its latch is right.
    for (const pin of this.#use.inputs) this.#chip.pinMode(pin, this.#chip.MODES.INPUT)
    for (const pin of this.#use.outputs) this.#chip.pinMode(pin, this.#chip.MODES.OUTPUT)
  }

  /** Makes a pin an input: of a PCF8574 that is one written high, which johnny-five leaves to the caller. */
  #release(pin: number): void {
    this.#chip.pinMode(pin, this.#chip.MODES.INPUT)
    if (this.#spec.kind === 'pcf8574') this.#chip.digitalWrite(pin, 1)
  }
}
