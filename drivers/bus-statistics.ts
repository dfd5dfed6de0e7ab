import { BusError, type BusFault, type I2cBus, transferBits } from './bus.ts'
import type { Clock } from './clock.ts'
import { Occupancy } from './occupancy.ts'

/** What one device had of its bus, since it was first spoken to. */
export interface DeviceStatistics {
  /** 7-bit. */
  readonly address: number
  /** Begun, failed ones included. */
  readonly transfers: number
  /** Of transfers that went well; register addresses included, device addresses not. */
  readonly bytesOut: number
  readonly bytesIn: number
  /** Failed transfers by what failed; a fault that never was is absent. */
  readonly faults: Readonly<Partial<Record<BusFault, number>>>
  /** Retries: transfers that were the same as the one before them, which had failed. */
  readonly repeated: number
  /** Time on the bus, without what was spent in its queue, ms. */
  readonly meanMs: number
  readonly maxMs: number
}

/** What became of the time of one bus. */
export interface BusStatistics {
  /** What the percentages are of: the last seconds, ms; less where it was not observed for as long. */
  readonly windowMs: number
  /** Share of the window in which a transfer was under way, host and kernel included; 0 to 100. */
  readonly busyPercent: number
  /** Share that the bits of the transfers took by themselves; absent where the bit rate is not known. */
  readonly wirePercent?: number
  /** By address. */
  readonly devices: readonly DeviceStatistics[]
}

export interface ObservedBus {
  /** Everybody who uses the bus must use this one: what passes it by is not counted. */
  readonly bus: I2cBus
  /** Now. Costs nothing when nobody asks. */
  statistics(): BusStatistics
}

/**
 * Counts what passes. Put it right before the wires, beneath multiplexers. It lets one transfer at a time through, in
 * the order asked for, and takes the time from where one may begin: what waits here, or above, is not on the bus.
 * @param options `hz`: bit rate of the bus, for `wirePercent`
 */
export function observe(bus: I2cBus, clock: Clock, options: { readonly hz?: number } = {}): ObservedBus {
  const observer = new Observer(bus, clock, options.hz)
  return { bus: observer, statistics: () => observer.statistics() }
}

/** The counters of one device, as they are filled. */
interface Counters {
  readonly address: number
  transfers: number
  bytesOut: number
  bytesIn: number
  readonly faults: Partial<Record<BusFault, number>>
  repeated: number
  totalMs: number
  maxMs: number
  /** The last transfer, where it failed. */
  failed: { readonly out: Uint8Array; readonly length: number } | undefined
}

class Observer implements I2cBus {
  readonly #bus: I2cBus
  readonly #clock: Clock
  readonly #hz: number | undefined
  readonly #devices = new Map<number, Counters>()
  readonly #window: Occupancy
  /** Asked for and not ended. */
  #pending = 0
  #last: Promise<unknown> = Promise.resolve()
  /** When the transfer under way began. */
  #begun: number | undefined

  constructor(bus: I2cBus, clock: Clock, hz: number | undefined) {
    this.#bus = bus
    this.#clock = clock
    this.#hz = hz
    this.#window = new Occupancy(clock.now())
  }

  transfer(address: number, out: Uint8Array, length: number): Promise<Uint8Array> {
    const move = (): Promise<Uint8Array> => this.#move(address, out, length)
    const turn = this.#pending === 0 ? move() : this.#last.then(move)
    this.#pending += 1
    this.#last = turn.catch(() => {})
    return turn
  }

  async #move(address: number, out: Uint8Array, length: number): Promise<Uint8Array> {
    const begun = this.#clock.now()
    this.#begun = begun
    try {
      const answer = await this.#bus.transfer(address, out, length)
      const device = this.#ended(address, out, length, begun)
      device.bytesOut += out.length
      device.bytesIn += length
      device.failed = undefined
      if (this.#hz !== undefined) this.#window.wire((transferBits(out.length, length) * 1000) / this.#hz)
      return answer
    } catch (error) {
      // What is no BusError was refused before it came to the wires.
      if (error instanceof BusError) {
        const device = this.#ended(address, out, length, begun)
        device.faults[error.fault] = (device.faults[error.fault] ?? 0) + 1
        device.failed = { out: out.slice(), length }
      }
      throw error
    } finally {
      this.#begun = undefined
      this.#pending -= 1
    }
  }

  statistics(): BusStatistics {
    const now = this.#clock.now()
    const { ms, busyMs, wireMs } = this.#window.until(now)
    const running = Math.min(ms, now - (this.#begun ?? now))
    const share = (part: number): number => (ms === 0 ? 0 : Math.min(100, (part * 100) / ms))
    return {
      windowMs: ms,
      busyPercent: share(busyMs + running),
      ...(this.#hz === undefined ? {} : { wirePercent: share(wireMs) }),
      devices: [...this.#devices.values()].map(statisticsOf).sort((a, b) => a.address - b.address),
    }
  }

  #ended(address: number, out: Uint8Array, length: number, begun: number): Counters {
    const now = this.#clock.now()
    this.#window.busy(begun, now)
    const device = this.#device(address)
    const ms = now - begun
    device.transfers += 1
    device.totalMs += ms
    if (ms > device.maxMs) device.maxMs = ms
    const { failed } = device
    if (failed !== undefined && failed.length === length && Buffer.compare(failed.out, out) === 0) {
      device.repeated += 1
    }
    return device
  }

  #device(address: number): Counters {
    let device = this.#devices.get(address)
    if (device === undefined) {
      const none = { transfers: 0, bytesOut: 0, bytesIn: 0, repeated: 0, totalMs: 0, maxMs: 0 }
      device = { address, ...none, faults: {}, failed: undefined }
      this.#devices.set(address, device)
    }
    return device
  }
}

function statisticsOf({ totalMs, failed: _, ...device }: Counters): DeviceStatistics {
  return { ...device, faults: { ...device.faults }, meanMs: totalMs / device.transfers }
}
