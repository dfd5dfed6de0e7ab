import type { I2cBus } from '../drivers/bus.ts'
import { type BusStatistics, type ObservedBus, observe } from '../drivers/bus-statistics.ts'
import type { Clock } from '../drivers/clock.ts'
import { SimulatedBus, type SimulatedDevice } from '../drivers/simulated/bus.ts'
import { SimulatedTca9548a } from '../drivers/simulated/tca9548a.ts'
import { Tca9548a } from '../drivers/tca9548a.ts'
import { ConfigError } from './config.ts'
import type { BusOptions } from './head-options.ts'
import { hertzOf, wiresOf } from './ranging-plan.ts'

type OpenBus = I2cBus & { close?(): Promise<void> }

export interface BusesOptions {
  readonly buses: Readonly<Record<string, BusOptions>>
  readonly clock: Clock
  /** Plugs in what hangs on a simulated bus, or behind a channel of its multiplexers. */
  readonly populate: (name: string, attach: (address: number, device: SimulatedDevice) => void) => void
  /** Stands between every driver and the wires. */
  readonly observed: (bus: I2cBus, name: string) => I2cBus
}

/** The buses of the machine: those of the kernel are opened when somebody first asks, and closed together. */
export class Buses {
  readonly #options: BusesOptions
  readonly #open = new Map<string, Promise<OpenBus>>()
  readonly #observed = new Map<string, Promise<I2cBus>>()
  readonly #statistics = new Map<string, ObservedBus['statistics']>()
  readonly #multiplexers = new Map<string, Promise<Tca9548a>>()

  constructor(options: BusesOptions) {
    this.#options = options
  }

  /** @throws BusError when it cannot be opened: ask again later */
  async get(name: string): Promise<I2cBus> {
    const bus = this.#options.buses[name]
    if (bus === undefined) throw new ConfigError(`buses.${name}: no such bus`)
    if (bus.kind !== 'multiplexed') return await this.#wires(name)
    const { bus: host, address, channel } = bus
    const key = `${host} ${address}`
    const multiplexer = await once(this.#multiplexers, key, async () => {
      return new Tca9548a(await this.#wires(host), address)
    })
    return multiplexer.channel(channel)
  }

  /** What became of the time of each bus that was opened, by its name. */
  statistics(): ReadonlyMap<string, BusStatistics> {
    return new Map([...this.#statistics].map(([name, statistics]) => [name, statistics()]))
  }

  async close(): Promise<void> {
    for (const bus of await Promise.allSettled(this.#open.values())) {
      if (bus.status === 'fulfilled') await bus.value.close?.()
    }
  }

  #wires(name: string): Promise<I2cBus> {
    return once(this.#observed, name, async () => {
      const open = await once(this.#open, name, () => this.#make(name))
      const hz = hertzOf(name, this.#options.buses)
      const { bus, statistics } = observe(open, this.#options.clock, hz === undefined ? {} : { hz })
      this.#statistics.set(name, statistics)
      return this.#options.observed(bus, name)
    })
  }

  async #make(name: string): Promise<OpenBus> {
    const bus = this.#options.buses[name]
    if (bus?.kind === 'linux') {
      const { openI2cBus } = await import('../drivers/linux/i2c.ts')
      return openI2cBus(bus.path)
    }
    if (bus?.kind !== 'simulated') throw new ConfigError(`buses.${name}: no bus with wires of its own`)
    return this.#simulate(name, bus.hz)
  }

  #simulate(name: string, hz: number): SimulatedBus {
    const { buses, clock, populate } = this.#options
    const simulated = new SimulatedBus(clock, hz)
    populate(name, (address, device) => simulated.attach(address, device))
    const multiplexers = new Map<number, SimulatedTca9548a>()
    for (const [behind, bus] of Object.entries(buses)) {
      if (bus.kind !== 'multiplexed' || wiresOf(behind, buses) !== name) continue
      const { address: at, channel } = bus
      const multiplexer = multiplexers.get(at) ?? new SimulatedTca9548a(simulated, at)
      multiplexers.set(at, multiplexer)
      populate(behind, (address, device) => multiplexer.attach(channel, address, device))
    }
    return simulated
  }
}

/** Makes it once; what failed is made anew when it is next asked for. */
function once<T>(made: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  let one = made.get(key)
  if (one === undefined) {
    one = make()
    made.set(key, one)
    one.catch(() => made.delete(key))
  }
  return one
}
