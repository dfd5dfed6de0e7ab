import type { Clock } from '../clock.ts'
import type { LineSpec } from '../gpio.ts'
import type { SimulatedGpio, Wire } from './gpio.ts'

export interface FlapOptions {
  /** Which output moves it. A level that is not active lets its spring bring it back. */
  readonly drive: LineSpec
  /** Its end switch, active while the flap lies so that parts pass. */
  readonly feedback: LineSpec
  /** From a change of its drive to a change of its end switch, ms. */
  readonly moveMs: number
}

/** A flap with a spring and an end switch. */
export class SimulatedFlap {
  readonly #gpio: SimulatedGpio
  readonly #clock: Clock
  readonly #options: FlapOptions
  #jammed = false
  #open = false
  #cancel = (): void => {}

  constructor(gpio: SimulatedGpio, clock: Clock, options: FlapOptions) {
    this.#gpio = gpio
    this.#clock = clock
    this.#options = options
    gpio.attach(options.drive, () => this.#move())
    this.#show()
  }

  /** Parts pass. */
  get open(): boolean {
    return this.#open
  }

  /** It stays where it is, whatever drives it. */
  jam(): void {
    this.#jammed = true
    this.#cancel()
  }

  free(): void {
    this.#jammed = false
    this.#move()
  }

  #move(): void {
    this.#cancel()
    const { drive, moveMs } = this.#options
    const open = isOn(drive, this.#gpio.wire(drive))
    if (this.#jammed || open === this.#open) return
    this.#cancel = this.#clock.after(moveMs, () => {
      this.#open = open
      this.#show()
    })
  }

  #show(): void {
    const { feedback } = this.#options
    this.#gpio.drive(feedback, this.#open !== (feedback.activeLow ?? false))
  }
}

/**
 * A retriggerable monostable relay: every rising edge of its input closes its contact for `holdMs` more. An input
 * that rests, high or low, lets it fall.
 */
export class SimulatedRelay {
  readonly #clock: Clock
  readonly #holdMs: number
  #closed = false
  #cancel = (): void => {}
  /** When its contact fell, monotonic ms. */
  readonly falls: number[] = []

  constructor(
    gpio: SimulatedGpio,
    clock: Clock,
    options: { readonly kick: LineSpec; readonly holdMs: number },
  ) {
    this.#clock = clock
    this.#holdMs = options.holdMs
    gpio.attach(options.kick, (wire) => {
      if (wire === true) this.#kicked()
    })
  }

  get closed(): boolean {
    return this.#closed
  }

  #kicked(): void {
    this.#cancel()
    this.#closed = true
    this.#cancel = this.#clock.after(this.#holdMs, () => {
      this.#closed = false
      this.falls.push(this.#clock.now())
    })
  }
}

/** Nothing moves on a wire that floats: a resistor pulls it to where it is inactive. */
function isOn({ activeLow }: LineSpec, wire: Wire): boolean {
  return wire !== undefined && wire !== (activeLow ?? false)
}
