import { BusError, type I2cBus, serialize, transferBits } from '../bus.ts'
import type { Clock } from '../clock.ts'
import { VirtualClock } from './clock.ts'

/** The far end of the wires. Every byte of every transfer arrives here, in order. */
export interface SimulatedDevice {
  /** The bytes after the address byte of a write; false is a NACK. */
  write(bytes: Uint8Array): boolean
  /** The bytes that a read clocks out, from wherever the device's register pointer stands; undefined is a NACK. */
  read(length: number): Uint8Array | undefined
}

/** A probe: the host reads one byte, which nobody keeps (drivers/linux/i2c.ts). */
function probed(device: SimulatedDevice): boolean {
  return device.read(1) !== undefined
}

/**
 * One I²C bus with simulated chips on it, already serialized. A transfer occupies it for as long as its bits take
 * at `hz`; on a real clock the time is slept off in whole milliseconds, because timers know nothing finer.
 */
export class SimulatedBus implements I2cBus {
  readonly #devices = new Map<number, SimulatedDevice>()
  readonly #clock: Clock
  readonly #hz: number
  readonly #serial: I2cBus
  #freeAt = 0
  /** Transfers and bytes in both directions so far, register addresses included, device addresses not. */
  readonly traffic = { transfers: 0, bytesOut: 0, bytesIn: 0 }

  constructor(clock: Clock, hz: number) {
    this.#clock = clock
    this.#hz = hz
    this.#serial = serialize({ transfer: (address, out, length) => this.#move(address, out, length) })
  }

  /** Plugs a device in at a 7-bit address, in place of what was there. */
  attach(address: number, device: SimulatedDevice): void {
    this.#devices.set(address, device)
  }

  /** Unplugs it. */
  detach(address: number): void {
    this.#devices.delete(address)
  }

  transfer(address: number, out: Uint8Array, length: number): Promise<Uint8Array> {
    return this.#serial.transfer(address, out, length)
  }

  async #move(address: number, out: Uint8Array, length: number): Promise<Uint8Array> {
    await this.#occupy((transferBits(out.length, length) * 1000) / this.#hz)
    this.traffic.transfers += 1
    this.traffic.bytesOut += out.length
    this.traffic.bytesIn += length
    const device = this.#devices.get(address)
    const acknowledged =
      device !== undefined && (out.length > 0 ? device.write(out) : length > 0 || probed(device))
    const answer = acknowledged ? (length > 0 ? device.read(length) : new Uint8Array(0)) : undefined
    if (answer === undefined) {
      throw new BusError('no-acknowledge', `no acknowledge at 0x${address.toString(16).padStart(2, '0')}`)
    }
    return answer
  }

  async #occupy(ms: number): Promise<void> {
    if (this.#clock instanceof VirtualClock) {
      this.#clock.spend(ms)
      return
    }
    const now = this.#clock.now()
    this.#freeAt = Math.max(this.#freeAt, now) + ms
    const ahead = Math.floor(this.#freeAt - now)
    if (ahead >= 1) await this.#clock.sleep(ahead)
  }
}
