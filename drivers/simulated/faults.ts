import { BusError, type BusFault, type I2cBus, serialize } from '../bus.ts'
import type { Clock } from '../clock.ts'
import type { SimulatedDevice } from './bus.ts'
import { Random } from './random.ts'

/** A device that can lose its supply for a moment. */
export interface PoweredDevice extends SimulatedDevice {
  powerCycle(): void
}

/**
 * What goes wrong on the wires: `silent` acknowledges nothing, `garbage` answers noise to every read, `frozen` takes
 * writes but answers each read as it did the first time since it froze.
 */
export type WireFault = 'silent' | 'garbage' | 'frozen'

/** Changes an answer on its way to the driver. @param asked what the driver wrote before it: the register address */
export type Alteration = (answer: Uint8Array, asked: Uint8Array) => Uint8Array

/** Stands between the bus and a simulated device and spoils what passes, while a fault is on. */
export class FaultyDevice implements SimulatedDevice {
  readonly #device: PoweredDevice
  readonly #clock: Pick<Clock, 'now'>
  readonly #noise: Random
  #fault: WireFault | undefined
  #until = 0
  #alteration: Alteration | undefined
  /** The last write: with its register address it tells which read is meant. */
  #asked = new Uint8Array(0)
  readonly #remembered = new Map<string, Uint8Array>()

  constructor(device: PoweredDevice, clock: Pick<Clock, 'now'>, seed = 1) {
    this.#device = device
    this.#clock = clock
    this.#noise = new Random(seed)
  }

  /** @param forMs how long from now; default: until `heal` */
  break(fault: WireFault, forMs = Number.POSITIVE_INFINITY): void {
    this.#fault = fault
    this.#until = this.#clock.now() + forMs
    this.#remembered.clear()
  }

  /** Lets every answer be changed, until `heal`: a line that disturbs certain bytes, a chip that says certain things. */
  alter(change: Alteration): void {
    this.#alteration = change
  }

  heal(): void {
    this.#fault = undefined
    this.#alteration = undefined
  }

  /** The supply dips: the device starts from nothing, whatever it was doing. */
  brownOut(): void {
    this.#device.powerCycle()
  }

  write(bytes: Uint8Array): boolean {
    const fault = this.#now()
    if (fault === 'silent') return false
    this.#asked = bytes.slice()
    return this.#device.write(bytes)
  }

  read(length: number): Uint8Array | undefined {
    const fault = this.#now()
    if (fault === 'silent') return undefined
    const answer = this.#device.read(length)
    if (answer === undefined) return undefined
    if (fault === undefined) return this.#alteration?.(answer, this.#asked) ?? answer
    if (fault === 'garbage') return answer.map(() => Math.floor(this.#noise.uniform() * 256))
    const key = `${this.#asked.join(',')}/${length}`
    const before = this.#remembered.get(key)
    if (before !== undefined) return before.slice()
    this.#remembered.set(key, answer.slice())
    return answer
  }

  #now(): WireFault | undefined {
    if (this.#fault !== undefined && this.#clock.now() >= this.#until) this.#fault = undefined
    return this.#fault
  }
}

/**
 * What goes wrong on the host's side of a bus: any `BusFault` makes transfers fail with it, `flipped` inverts one bit of
 * what was read.
 */
export type TransferFault = BusFault | 'flipped'

/** Stands between a driver and a bus, and spoils the next transfers. */
export class FaultyBus implements I2cBus {
  readonly #bus: I2cBus
  readonly #noise: Random
  readonly #adapter: I2cBus
  #fault: TransferFault | undefined
  #left = 0
  #only: (out: Uint8Array, length: number) => boolean = () => true
  #hold: { readonly clock: Clock; readonly timeoutMs: number } | undefined

  constructor(bus: I2cBus, seed = 1) {
    this.#bus = bus
    this.#noise = new Random(seed)
    this.#adapter = serialize({ transfer: (...transfer) => this.#held(...transfer) })
  }

  /**
   * @param times how many transfers; default: until `heal`
   * @param only which transfers: by what the driver writes first, and how much it reads then; default: all
   */
  break(
    fault: TransferFault,
    times = Number.POSITIVE_INFINITY,
    only: (out: Uint8Array, length: number) => boolean = () => true,
  ): void {
    this.#fault = fault
    this.#left = times
    this.#only = only
  }

  /**
   * Something holds the clock line low: each transfer, one after the other, fails when the adapter gives it up.
   * @param timeoutMs the adapter's own; Linux' default is 1 s
   */
  holdClockLow(clock: Clock, timeoutMs = 1000): void {
    this.#hold = { clock, timeoutMs }
  }

  heal(): void {
    this.#fault = undefined
    this.#hold = undefined
  }

  async transfer(address: number, out: Uint8Array, length: number): Promise<Uint8Array> {
    if (this.#hold !== undefined) return await this.#adapter.transfer(address, out, length)
    const fault = this.#left > 0 && this.#only(out, length) ? this.#fault : undefined
    if (fault === undefined) return await this.#bus.transfer(address, out, length)
    this.#left -= 1
    if (fault !== 'flipped') throw new BusError(fault, `${fault} at 0x${address.toString(16)}`)
    const answer = (await this.#bus.transfer(address, out, length)).slice()
    const at = Math.floor(this.#noise.uniform() * answer.length)
    if (at < answer.length) answer[at] = (answer[at] ?? 0) ^ (1 << Math.floor(this.#noise.uniform() * 8))
    return answer
  }

  async #held(address: number, out: Uint8Array, length: number): Promise<Uint8Array> {
    const hold = this.#hold
    if (hold === undefined) return await this.#bus.transfer(address, out, length)
    await hold.clock.sleep(hold.timeoutMs)
    throw new BusError('timeout', `0x${address.toString(16)}: clock held low`)
  }
}
