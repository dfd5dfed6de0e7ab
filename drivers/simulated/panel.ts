import type { PoweredDevice } from './faults.ts'

/** What the wire at a pin is held at from outside: by a button, a pull-up of the board; undefined: by nothing. */
type Outside = boolean | undefined

/**
 * The PCF8574: eight pins that sink 25 mA when low and are held up by 100 µA when high, one byte, no registers
 * (datasheet SCPS068, §8.3). Reading gives the wires, not what was written.
 */
export class SimulatedPcf8574 implements PoweredDevice {
  readonly #outside: Outside[] = Array.from({ length: 8 })
  #latch = 0xff

  powerCycle(): void {
    this.#latch = 0xff
  }

  /** Connects a wire to ground (false) or to the supply (true), or to nothing. */
  hold(pin: number, level: Outside): void {
    this.#outside[pin] = level
  }

  /** Whether the chip drives the pin, which it can do to ground only. */
  drives(pin: number): boolean {
    return ((this.#latch >> pin) & 1) === 0
  }

  /** The level of the wire. */
  level(pin: number): boolean {
    return !this.drives(pin) && (this.#outside[pin] ?? true)
  }

  /** Whether the pin sinks what is connected to the supply: with no resistor between them it breaks. */
  shorted(pin: number): boolean {
    return this.drives(pin) && this.#outside[pin] === true
  }

  write(bytes: Uint8Array): boolean {
    this.#latch = bytes.at(-1) ?? this.#latch
    return true
  }

  read(length: number): Uint8Array {
    let wires = 0
    for (let pin = 0; pin < 8; pin += 1) if (this.level(pin)) wires |= 1 << pin
    return new Uint8Array(length).fill(wires)
  }
}

const IODIR = 0x00
const IPOL = 0x02
const GPPU = 0x0c
const GPIO = 0x12
const OLAT = 0x14
const REGISTERS = 0x16

/**
 * The MCP23017 with the register addresses it has after power-up (IOCON.BANK = 0) and without its interrupts
 * (datasheet DS20001952D, §3.5). A pin that nothing holds reads low: a floating one may read anything.
 */
export class SimulatedMcp23017 implements PoweredDevice {
  readonly #registers = new Uint8Array(REGISTERS)
  readonly #outside: Outside[] = Array.from({ length: 16 })
  #pointer = 0

  constructor() {
    this.powerCycle()
  }

  powerCycle(): void {
    this.#registers.fill(0)
    this.#registers.fill(0xff, IODIR, IODIR + 2)
    this.#pointer = 0
  }

  /** Connects a wire to ground (false) or to the supply (true), or to nothing. */
  hold(pin: number, level: Outside): void {
    this.#outside[pin] = level
  }

  /** Whether the chip drives the pin. */
  drives(pin: number): boolean {
    return !this.#bit(IODIR, pin)
  }

  /** The level of the wire. */
  level(pin: number): boolean {
    return this.drives(pin) ? this.#bit(OLAT, pin) : (this.#outside[pin] ?? this.#bit(GPPU, pin))
  }

  /** Whether the pin drives against what holds the wire: with no resistor between them it breaks. */
  shorted(pin: number): boolean {
    return this.drives(pin) && this.#outside[pin] !== undefined && this.#outside[pin] !== this.level(pin)
  }

  write(bytes: Uint8Array): boolean {
    const [register, ...values] = bytes
    this.#pointer = register ?? this.#pointer
    for (const value of values) {
      // Writing the port writes its latch (§3.5.10).
      const to = this.#pointer >= GPIO && this.#pointer < OLAT ? this.#pointer + OLAT - GPIO : this.#pointer
      if (to < REGISTERS) this.#registers[to] = value
      this.#next()
    }
    return true
  }

  read(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => {
      const from = this.#pointer
      this.#next()
      return from === GPIO || from === GPIO + 1 ? this.#wires(from - GPIO) : (this.#registers[from] ?? 0)
    })
  }

  #wires(port: number): number {
    let wires = 0
    for (let pin = 0; pin < 8; pin += 1) if (this.level(8 * port + pin)) wires |= 1 << pin
    return wires ^ (this.#registers[IPOL + port] ?? 0)
  }

  #bit(register: number, pin: number): boolean {
    return (((this.#registers[register + (pin >> 3)] ?? 0) >> (pin & 7)) & 1) === 1
  }

  #next(): void {
    this.#pointer = (this.#pointer + 1) % REGISTERS
  }
}
