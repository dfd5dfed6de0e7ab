import type { SimulatedBus, SimulatedDevice } from './bus.ts'

/** The multiplexer: one control register that opens channels, and what hangs behind each. */
export class SimulatedTca9548a implements SimulatedDevice {
  readonly #host: SimulatedBus
  readonly #behind = new Map<number, Map<number, SimulatedDevice>>()
  #control = 0

  /** @param host the bus that it hangs on @param address 7-bit, 0x70…0x77 */
  constructor(host: SimulatedBus, address: number) {
    this.#host = host
    host.attach(address, this)
  }

  /** Plugs a device in behind one channel. Through several open channels the lowest answers. */
  attach(channel: number, address: number, device: SimulatedDevice): void {
    const devices = this.#behind.get(address) ?? new Map<number, SimulatedDevice>()
    if (devices.size === 0) {
      this.#behind.set(address, devices)
      this.#host.attach(address, {
        write: (bytes) => this.#reached(devices)?.write(bytes) ?? false,
        read: (length) => this.#reached(devices)?.read(length),
      })
    }
    devices.set(channel, device)
  }

  write(bytes: Uint8Array): boolean {
    this.#control = bytes.at(-1) ?? this.#control
    return true
  }

  read(length: number): Uint8Array {
    return new Uint8Array(length).fill(this.#control)
  }

  #reached(devices: ReadonlyMap<number, SimulatedDevice>): SimulatedDevice | undefined {
    for (let channel = 0; channel < 8; channel += 1) {
      const device = devices.get(channel)
      if (device !== undefined && ((this.#control >> channel) & 1) === 1) return device
    }
    return undefined
  }
}
