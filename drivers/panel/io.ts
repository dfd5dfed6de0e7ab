import { EventEmitter } from 'node:events'
import { type Gpio, type LineSpec, nameOf } from '../gpio.ts'
import { I2cDevice } from './i2c-device.ts'
import { InputPin, type LevelTold, OutputPin, type Pin } from './pins.ts'

/** johnny-five's own numbers. */
const MODES = { INPUT: 0, OUTPUT: 1, ANALOG: 2, PWM: 3, SERVO: 4 } as const

/** What johnny-five wants to know of a pin. */
interface PinDescription {
  readonly supportedModes: readonly number[]
  readonly analogChannel: number
  mode: number
  value: number
  report: number
}

/** 127 says that a pin has no analogue channel. */
const NO_ANALOG_CHANNEL = 127

/**
 * johnny-five's IO plugin over lines and buses of ours: https://github.com/rwaldron/io-plugins. Its pins are the given
 * lines, by index; HIGH is active, whatever level that is on the wire. An I²C address is an `I2cDevice`: johnny-five
 * passes it through, and so one plugin serves any number of buses. Nothing here throws later than the call that was
 * wrong: a line or a transfer that fails is a state of its pin or device.
 */
export class LineIo {
  readonly name = 'poincon'
  readonly isReady = true
  readonly HIGH = 1
  readonly LOW = 0
  readonly MODES = MODES
  readonly pins: readonly PinDescription[]
  readonly analogPins: readonly number[] = []
  readonly #gpio: Gpio
  readonly #lines: readonly LineSpec[]
  readonly #acquired = new Map<number, OutputPin | InputPin>()
  readonly #devices = new Set<I2cDevice>()
  readonly #events = new EventEmitter()

  constructor(gpio: Gpio, lines: readonly LineSpec[]) {
    this.#gpio = gpio
    this.#lines = lines
    this.pins = lines.map(() => ({
      supportedModes: [MODES.INPUT, MODES.OUTPUT],
      analogChannel: NO_ANALOG_CHANNEL,
      mode: MODES.INPUT,
      value: 0,
      report: 0,
    }))
  }

  /** The board waits for `connect` and `ready`; since the plugin is ready, it emits them itself. */
  on(event: string, listener: (...told: unknown[]) => void): this {
    this.#events.on(event, listener)
    return this
  }

  once(event: string, listener: (...told: unknown[]) => void): this {
    this.#events.once(event, listener)
    return this
  }

  emit(event: string, ...told: unknown[]): boolean {
    return this.#events.emit(event, ...told)
  }

  /** @throws RangeError for an unknown pin or a mode that a line does not have; Error when it has another mode */
  pinMode(pin: number, mode: number): void {
    const spec = this.#spec(pin)
    if (mode !== MODES.INPUT && mode !== MODES.OUTPUT) {
      throw new RangeError(`${nameOf(spec)}: mode ${mode}, expected input or output: it is a digital line`)
    }
    const before = this.#acquired.get(pin)
    const wanted = mode === MODES.OUTPUT ? OutputPin : InputPin
    if (before instanceof wanted) return
    if (before !== undefined) throw new Error(`${nameOf(spec)}: is an ${nameOfMode(before)} already`)
    const acquired = new wanted(this.#gpio, spec)
    this.#acquired.set(pin, acquired)
    // An input is asked for when somebody listens, or what it was found at would be told to nobody.
    if (acquired instanceof OutputPin) acquired.open()
    this.#describe(pin, { mode })
  }

  /** A level written to an input would be its pull-up elsewhere; here that is the line's `bias`, and nothing happens. */
  digitalWrite(pin: number, value: number): void {
    const acquired = this.#asMode(pin, this.#acquired.get(pin))
    if (!(acquired instanceof OutputPin)) return
    acquired.set(value !== this.LOW)
    this.#describe(pin, { value })
  }

  /** Tells the level found, then each change. */
  digitalRead(pin: number, told: (value: number) => void): void {
    this.listen(pin, (active) => told(active ? this.HIGH : this.LOW))
  }

  /** The same with the time of the change, which johnny-five does not know. @throws Error when it is no input, or has a listener */
  listen(pin: number, told: LevelTold): void {
    const acquired = this.#asMode(pin, this.#acquired.get(pin))
    if (!(acquired instanceof InputPin)) throw new Error(`${nameOf(this.#spec(pin))}: is an output`)
    this.#describe(pin, { report: 1 })
    acquired.listen((active, at) => {
      this.#describe(pin, { value: active ? this.HIGH : this.LOW })
      told(active, at)
    })
    acquired.open()
  }

  analogRead(): never {
    throw notHere('analogue inputs')
  }

  analogWrite(): never {
    throw notHere('PWM')
  }

  pwmWrite(): never {
    throw notHere('PWM')
  }

  servoWrite(): never {
    throw notHere('servos')
  }

  i2cConfig({ address }: { readonly address?: unknown }): void {
    this.#devices.add(deviceOf(address))
  }

  /** `(address, bytes)`, `(address, byte)` or `(address, register, bytes)`. Returns at once. */
  i2cWrite(address: unknown, first: number | readonly number[], rest?: number | readonly number[]): void {
    deviceOf(address).write([first, rest ?? []].flat())
  }

  i2cWriteReg(address: unknown, register: number, value: number): void {
    deviceOf(address).write([register, value])
  }

  /** `(address, length, told)` or `(address, register, length, told)`: reads again and again. */
  i2cRead(address: unknown, ...asked: readonly (number | I2cTold)[]): void {
    const { out, length, told } = readOf(asked)
    deviceOf(address).poll(out, length, told)
  }

  /** The same, once; a read that fails tells nothing: it is the device's fault. */
  i2cReadOnce(address: unknown, ...asked: readonly (number | I2cTold)[]): void {
    const { out, length, told } = readOf(asked)
    deviceOf(address)
      .read(out, length)
      .then(told, () => {})
  }

  /** Why a pin is not what was asked of it. */
  fault(pin: number): Pin['fault'] {
    return this.#acquired.get(pin)?.fault
  }

  /** Tries again the lines that failed; resolves when each is acquired or has failed again. */
  async mend(): Promise<void> {
    for (const pin of this.#acquired.values()) pin.mend()
    await this.settled()
  }

  /** Resolves when every pin is acquired, or has failed. */
  async settled(): Promise<void> {
    await Promise.all([...this.#acquired.values()].map((pin) => pin.settled()))
  }

  /** Resolves when no transfer waits or moves. */
  async idle(): Promise<void> {
    await Promise.all([...this.#devices].map((device) => device.idle()))
  }

  /** Makes the outputs inactive and gives the lines back; says nothing more to any device. */
  async close(): Promise<void> {
    for (const device of this.#devices) device.close()
    const closed = await Promise.allSettled([...this.#acquired.values()].map((pin) => pin.close()))
    const failed = closed.find((pin) => pin.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  #spec(pin: number): LineSpec {
    const spec = this.#lines[pin]
    if (spec === undefined) throw new RangeError(`pin ${pin}: expected 0 to ${this.#lines.length - 1}`)
    return spec
  }

  #asMode(pin: number, acquired: OutputPin | InputPin | undefined): OutputPin | InputPin {
    if (acquired === undefined) throw new Error(`${nameOf(this.#spec(pin))}: has no mode yet`)
    return acquired
  }

  #describe(pin: number, change: Partial<Pick<PinDescription, 'mode' | 'value' | 'report'>>): void {
    const description = this.pins[pin]
    if (description !== undefined) Object.assign(description, change)
  }
}

type I2cTold = (bytes: number[]) => void

function readOf(asked: readonly (number | I2cTold)[]): {
  readonly out: readonly number[]
  readonly length: number
  readonly told: I2cTold
} {
  const told = asked.find((part) => typeof part === 'function')
  const numbers = asked.filter((part) => typeof part === 'number')
  const length = numbers.at(-1)
  if (told === undefined || length === undefined) throw new TypeError('expected a length and a callback')
  return { out: numbers.slice(0, -1), length, told }
}

function deviceOf(address: unknown): I2cDevice {
  if (address instanceof I2cDevice) return address
  throw new TypeError(`I²C address ${String(address)}: expected an I2cDevice, which knows its bus`)
}

function nameOfMode(pin: OutputPin | InputPin): string {
  return pin instanceof OutputPin ? 'output' : 'input'
}

function notHere(what: string): Error {
  return new Error(`the panel has digital lines only, no ${what}`)
}
