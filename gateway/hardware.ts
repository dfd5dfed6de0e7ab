import { readFile } from 'node:fs/promises'
import { As7341 } from '../drivers/as7341/as7341.ts'
import type { I2cBus } from '../drivers/bus.ts'
import type { Clock } from '../drivers/clock.ts'
import type { Gate } from '../drivers/gate/gate.ts'
import { SensorError } from '../drivers/sensor.ts'
import { SimulatedAs7341 } from '../drivers/simulated/as7341.ts'
import { SimulatedBus } from '../drivers/simulated/bus.ts'
import { generateFirmware } from '../drivers/simulated/firmware.ts'
import { SimulatedGate } from '../drivers/simulated/gate.ts'
import { SimulatedLine } from '../drivers/simulated/line.ts'
import { PROFILES, type ProfileName } from '../drivers/simulated/profiles.ts'
import { SimulatedVl53l8ch } from '../drivers/simulated/vl53l8ch.ts'
import { type FirmwareImage, imageOf, parseUldHeader } from '../drivers/vl53l8ch/firmware.ts'
import { Vl53l8ch } from '../drivers/vl53l8ch/vl53l8ch.ts'
import { type Config, ConfigError, type HeadConfig } from './config.ts'
import type { Instrument } from './head.ts'
import type { HeadKind, MeasurementKinds } from './inspection.ts'

/** What the station is wired to. */
export interface Hardware {
  /** The configured heads, in order, each with the way to open its driver. */
  readonly heads: readonly HeadPlan[]
  readonly gate: Gate
  /** The simulated belt under the heads, when a bus is simulated. */
  readonly line: SimulatedLine | undefined
  close(): Promise<void>
}

/** How to open one head. */
export interface HeadPlan<K extends HeadKind = HeadKind> {
  readonly id: string
  readonly kind: K
  readonly open: (signal: AbortSignal) => Promise<Instrument<MeasurementKinds[K]>>
}

/** The seed of the image that simulated chips boot; nothing depends on it but the bytes. */
const FIRMWARE_SEED = 1

/** The buses of the machine: those of the kernel are opened when a head first asks, and closed together. */
class Buses {
  readonly #config: Config
  readonly #clock: Clock
  readonly #line: SimulatedLine | undefined
  readonly #open = new Map<string, Promise<I2cBus & { close?(): Promise<void> }>>()

  constructor(config: Config, clock: Clock, line: SimulatedLine | undefined) {
    this.#config = config
    this.#clock = clock
    this.#line = line
  }

  get(name: string): Promise<I2cBus> {
    let bus = this.#open.get(name)
    if (bus === undefined) {
      bus = this.#make(name)
      this.#open.set(name, bus)
      // A bus that could not be opened is asked for again at the next attempt of its head.
      bus.catch(() => this.#open.delete(name))
    }
    return bus
  }

  async close(): Promise<void> {
    for (const bus of await Promise.allSettled(this.#open.values())) {
      if (bus.status === 'fulfilled') await bus.value.close?.()
    }
  }

  async #make(name: string): Promise<I2cBus & { close?(): Promise<void> }> {
    const bus = this.#config.buses[name]
    if (bus === undefined) throw new ConfigError(`buses.${name}: no such bus`)
    if (bus.kind === 'linux') {
      const { openI2cBus } = await import('../drivers/linux/i2c.ts')
      return openI2cBus(bus.path)
    }
    const simulated = new SimulatedBus(this.#clock, bus.hz)
    for (const head of Object.values(this.#config.heads)) {
      if (head.bus === name && this.#line !== undefined) plug(simulated, head, this.#clock, this.#line)
    }
    return simulated
  }
}

function plug(bus: SimulatedBus, head: HeadConfig, clock: Clock, { scene }: SimulatedLine): void {
  switch (head.kind) {
    case 'vl53l8ch':
      bus.attach(head.address, new SimulatedVl53l8ch({ clock, scene }))
      return
    case 'as7341':
      bus.attach(head.address, new SimulatedAs7341(clock, scene))
      return
  }
}

/**
 * Wires the station up; nothing is opened or moved yet.
 * @param observed stands between the drivers and every bus
 * @param profile what a simulated belt brings, unless `simulation.profile` says otherwise
 * @throws ConfigError
 */
export function wire(
  config: Config,
  clock: Clock,
  profile: string,
  observed: (bus: I2cBus) => I2cBus = (bus) => bus,
): Hardware {
  const simulated = Object.values(config.buses).some(({ kind }) => kind === 'simulated')
  const line = simulated ? simulatedLine(config, profile) : undefined
  const buses = new Buses(config, clock, line)
  const bus = async (name: string): Promise<I2cBus> => observed(await buses.get(name))
  return {
    heads: Object.entries(config.heads).map(([id, head]) => planOf(id, head, config, clock, bus)),
    gate: new SimulatedGate(config.gate.hold_lane),
    line,
    close: () => buses.close(),
  }
}

/** Kind → how to open it. A new kind of head is one case here, and its twin in `plug`. */
function planOf(
  id: string,
  head: HeadConfig,
  config: Config,
  clock: Clock,
  bus: (name: string) => Promise<I2cBus>,
): HeadPlan {
  switch (head.kind) {
    case 'vl53l8ch': {
      const { kind, address, rate_hz: rateHz } = head
      const open: HeadPlan<typeof kind>['open'] = async (signal) => {
        const firmware = await firmwareOf(id, head, config)
        return Vl53l8ch.open(await bus(head.bus), clock, { address, firmware, zones: 64, rateHz }, signal)
      }
      return { id, kind, open }
    }
    case 'as7341': {
      const { kind, address, atime, astep, gain, lamp_ma: lampMa } = head
      const lamp = lampMa === undefined ? {} : { lampMa }
      const open: HeadPlan<typeof kind>['open'] = async (signal) =>
        As7341.open(
          await bus(head.bus),
          clock,
          { address, exposure: { atime, astep, gain }, ...lamp },
          signal,
        )
      return { id, kind, open }
    }
  }
}

function simulatedLine(config: Config, recipe: string): SimulatedLine {
  const { seed, empty_rate: emptyRate } = config.simulation
  // A recipe of the user's own has no simulated parts: the standard ones come then.
  const profile = config.simulation.profile ?? (isProfile(recipe) ? recipe : 'foiegras_standard_barquette')
  if (!isProfile(profile)) {
    throw new ConfigError(
      `simulation.profile: ${JSON.stringify(profile)}: expected one of ${Object.keys(PROFILES).join(', ')}`,
    )
  }
  return new SimulatedLine({ seed, emptyRate, profile })
}

function isProfile(name: string): name is ProfileName {
  return Object.hasOwn(PROFILES, name)
}

/** A simulated chip boots a generated image; a real one wants ST's, from the user's file. */
async function firmwareOf(id: string, head: HeadConfig, config: Config): Promise<FirmwareImage> {
  const file = head.kind === 'vl53l8ch' ? head.firmware_file : undefined
  if (file !== undefined) return imageOf(parseUldHeader(await readFile(file, 'utf8')))
  if (config.buses[head.bus]?.kind === 'simulated') return generateFirmware(FIRMWARE_SEED)
  throw new SensorError(
    id,
    'absent',
    `no firmware: set heads.${id}.firmware_file to ST's vl53lmz_buffers.h (drivers/vl53l8ch/README.md)`,
  )
}
