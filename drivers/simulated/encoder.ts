import type { Clock } from '../clock.ts'
import { LineError, type LineFault } from '../gpio.ts'
import type { PulseCounter } from '../trigger/position.ts'

/** A belt with an encoder on a counter that runs over. */
export class SimulatedEncoder implements PulseCounter {
  readonly modulus: bigint
  readonly #clock: Clock
  #from: number
  #position: number
  #pulsesPerS = 0
  #fault: LineFault | undefined

  /** @param start what the counter shows at first, from 0 to below `modulus` */
  constructor(clock: Clock, modulus = 2n ** 32n, start = 0) {
    this.#clock = clock
    this.modulus = modulus
    this.#from = clock.now()
    this.#position = start
  }

  /** The belt moves at this speed from now on; negative: backwards. */
  run(pulsesPerS: number): void {
    this.#position = this.position
    this.#from = this.#clock.now()
    this.#pulsesPerS = pulsesPerS
  }

  /** Where the belt really is, pulses with fraction, from where the counter was 0. */
  get position(): number {
    return this.#position + (this.#pulsesPerS * (this.#clock.now() - this.#from)) / 1000
  }

  /** The counter begins at 0 again, as one that lost its power. */
  reset(): void {
    this.#position = 0
    this.#from = this.#clock.now()
  }

  fail(fault: LineFault | undefined): void {
    this.#fault = fault
  }

  read(): bigint {
    if (this.#fault !== undefined) throw new LineError(this.#fault, 'the counter was made to fail')
    const count = BigInt(Math.floor(this.position)) % this.modulus
    return count < 0n ? count + this.modulus : count
  }
}
