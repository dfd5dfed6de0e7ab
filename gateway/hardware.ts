import { As7341 } from '../drivers/as7341/as7341.ts'
import type { I2cBus } from '../drivers/bus.ts'
import type { BusStatistics } from '../drivers/bus-statistics.ts'
import type { Clock } from '../drivers/clock.ts'
import { Bme280 } from '../drivers/environment/bme280.ts'
import { Sht31 } from '../drivers/environment/sht31.ts'
import type { Gpio } from '../drivers/gpio.ts'
import { SimulatedFlap } from '../drivers/simulated/belt-gate.ts'
import { SimulatedGpio } from '../drivers/simulated/gpio.ts'
import { SimulatedLine } from '../drivers/simulated/line.ts'
import { PROFILES, type ProfileName } from '../drivers/simulated/profiles.ts'
import { Vl53l8ch } from '../drivers/vl53l8ch/vl53l8ch.ts'
import { isWired } from './belt-problems.ts'
import { Buses } from './buses.ts'
import { type Config, ConfigError } from './config.ts'
import type { WiredGate } from './gate-plan.ts'
import type { Instrument, InstrumentKinds } from './head.ts'
import { firmwareOf } from './head-firmware.ts'
import { climateAddress, type HeadOptions, type RangingHead, type SpectralHead } from './head-options.ts'
import type { HeadKind } from './inspection.ts'
import { type LineOptions, lineSpec } from './line-options.ts'
import { Lines } from './lines.ts'
import { type LpnHead, LpnHeads } from './lpn.ts'
import { rangingSettings, wiresOf } from './ranging-plan.ts'
import { SimulatedWiring, simulatedBelt } from './simulated-wiring.ts'

/** What the station is wired to. */
export interface Hardware {
  /** The configured heads, in order, each with the way to open its driver. */
  readonly heads: readonly HeadPlan[]
  /** The sensor of the air, where there is one. */
  readonly climate: HeadPlan<'climate'> | undefined
  readonly gpio: Gpio
  /** How the gate is wired; undefined: there is none. */
  readonly gate: WiredGate | undefined
  /** Moves what hangs on simulated lines until the signal aborts; undefined where nothing does. */
  readonly belt: ((moving: () => boolean, signal: AbortSignal) => Promise<void>) | undefined
  /** How busy each bus is that was opened. */
  readonly busStatistics: () => ReadonlyMap<string, BusStatistics>
  /** A bus by its name. @throws BusError when it cannot be opened */
  readonly bus: (name: string) => Promise<I2cBus>
  /** The simulated belt under the heads, when a bus or the camera is simulated. */
  readonly line: SimulatedLine | undefined
  close(): Promise<void>
}

/** How to open one instrument. */
export interface HeadPlan<K extends keyof InstrumentKinds = HeadKind> {
  readonly id: string
  readonly kind: K
  readonly open: (signal: AbortSignal) => Promise<Instrument<InstrumentKinds[K]>>
}

export interface Wires {
  readonly config: Config
  readonly clock: Clock
  /** What a simulated belt brings, unless `simulation.profile` says otherwise. */
  readonly profile: string
  /** What was measured of a head's cover glass, and of which chip it is; absent: the firmware's own. */
  readonly crosstalk?: (head: string) => Promise<ChipCrosstalk | undefined>
  /** Stands between the drivers and every bus. */
  readonly observed?: (bus: I2cBus, name: string) => I2cBus
}

/** A crosstalk calibration. */
export interface ChipCrosstalk {
  /** The chip's serial. */
  readonly subject: string
  readonly data: Uint8Array
}

type BusOf = (name: string) => Promise<I2cBus>

/**
 * Wires the station up; nothing is opened or moved yet.
 * @throws ConfigError
 */
export function wire(wires: Wires): Hardware {
  const { config, clock, profile, crosstalk, observed = (bus) => bus } = wires
  const pins = new SimulatedGpio(clock)
  const gpio = new Lines({
    simulated: pins,
    open: async () => (await import('../drivers/linux/gpio.ts')).openGpio(),
  })
  const kinds = Object.values(config.buses).map(({ kind }) => kind)
  // A simulated camera needs a line under it, whatever else hangs on the buses.
  const simulated = kinds.includes('simulated') || config.camera?.kind === 'simulated'
  const line = simulated ? simulatedLine(config, profile, clock) : undefined
  const wiring = line === undefined ? undefined : new SimulatedWiring({ config, clock, line, pins })
  const buses = new Buses({
    buses: config.buses,
    clock,
    observed,
    populate: (name, attach) => wiring?.populate(name, attach),
  })
  const gate = gateOf(config.gate, kinds.includes('linux'))
  if (gate !== undefined) plugFlap(gate, pins, clock)
  const bus: BusOf = (name) => buses.get(name)
  const lpn = lpnHeads(config, gpio, clock)
  return {
    heads: Object.entries(config.heads).map(([id, head]) =>
      planOf(id, head, {
        ...{ config, clock, bus, crosstalk },
        lpn: lpn.get(wiresOf(head.bus, config.buses) ?? ''),
      }),
    ),
    climate: climatePlan(config, clock, bus),
    gpio,
    gate,
    line,
    belt: simulatedBelt(config, { pins, clock, line }),
    bus,
    busStatistics: () => buses.statistics(),
    close: async () => {
      for (const heads of lpn.values()) heads.close()
      await buses.close()
    },
  }
}

/** Lines of the gate that a simulated station has. */
const SIMULATED_LINES = { pass: 0, feedback: 1, stop: 2 } as const
const HOLD_LINE = 3
const FLAP_MOVES_MS = 40

/** Real parts without a wired gate have none: what nobody moves must not be called moved. */
function gateOf(gate: Config['gate'], real: boolean): WiredGate | undefined {
  if (isWired(gate)) return gate
  if (real) return undefined
  const line = (number: number): LineOptions => ({ chip: 'simulated', line: number, active_low: false })
  const { pass, feedback, stop } = SIMULATED_LINES
  const lines = { pass: line(pass), feedback: line(feedback), stop: line(stop) }
  return { ...gate, lines: gate.hold_lane ? { ...lines, hold: line(HOLD_LINE) } : lines }
}

/** Where both its drive and its end switch are simulated, there is a flap between them. */
function plugFlap({ lines: { pass, feedback } }: WiredGate, pins: SimulatedGpio, clock: Clock): void {
  if (pass.chip !== 'simulated' || feedback?.chip !== 'simulated') return
  void new SimulatedFlap(pins, clock, {
    drive: lineSpec(pass),
    feedback: lineSpec(feedback),
    moveMs: FLAP_MOVES_MS,
  })
}

/** The heads that are told apart by their LPn pins, by the wires they share. */
function lpnHeads({ heads, buses }: Config, gpio: Gpio, clock: Clock): ReadonlyMap<string, LpnHeads> {
  const byWires = new Map<string, LpnHead[]>()
  for (const [id, head] of Object.entries(heads)) {
    if (head.kind !== 'vl53l8ch' || head.lpn === undefined) continue
    const wires = wiresOf(head.bus, buses) ?? ''
    const one: LpnHead = { id, address: head.address, lpn: lineSpec(head.lpn) }
    byWires.set(wires, [...(byWires.get(wires) ?? []), one])
  }
  return new Map([...byWires].map(([wires, all]) => [wires, new LpnHeads(all, gpio, clock)]))
}

interface Surroundings {
  readonly config: Config
  readonly clock: Clock
  readonly bus: BusOf
  readonly lpn: LpnHeads | undefined
  readonly crosstalk: Wires['crosstalk']
}

/** Kind → how to open it. A new kind of head is one case here, and its twin in `SimulatedWiring`. */
function planOf(id: string, head: HeadOptions, around: Surroundings): HeadPlan {
  switch (head.kind) {
    case 'vl53l8ch':
      return { id, kind: head.kind, open: (signal) => openRanging(id, head, around, signal) }
    case 'as7341':
      return { id, kind: head.kind, open: (signal) => openSpectral(head, around, signal) }
  }
}

async function openRanging(
  id: string,
  head: RangingHead,
  { config, clock, bus, lpn, crosstalk }: Surroundings,
  signal: AbortSignal,
): Promise<Vl53l8ch> {
  const firmware = await firmwareOf(id, head, config)
  const measured = await crosstalk?.(id)
  const wires = await bus(head.bus)
  if (head.lpn !== undefined) await lpn?.bringUp(id, wires, signal)
  const options = { ...rangingSettings(head), address: head.address, firmware }
  if (measured === undefined) return await Vl53l8ch.open(wires, clock, options, signal)
  const chip = await Vl53l8ch.open(wires, clock, { ...options, xtalk: measured.data }, signal)
  if (chip.identity === measured.subject) return chip
  // Which chip it is shows when it is open: what was measured behind another's glass is not for this one.
  await chip.close()
  return await Vl53l8ch.open(wires, clock, options, signal)
}

async function openSpectral(
  { bus: name, address, exposure, atime, astep, gain, lamp_ma: lampMa }: SpectralHead,
  { clock, bus }: Surroundings,
  signal: AbortSignal,
): Promise<As7341> {
  const options = {
    address,
    exposure: exposure === 'auto' ? exposure : { atime, astep, gain },
    ...(lampMa === undefined ? {} : { lampMa }),
  } as const
  return await As7341.open(await bus(name), clock, options, signal)
}

function climatePlan({ environment }: Config, clock: Clock, bus: BusOf): Hardware['climate'] {
  if (environment === undefined) return undefined
  const { kind, bus: name } = environment
  const options = { address: climateAddress(environment) }
  return {
    id: 'environment',
    kind: 'climate',
    open: async (signal) =>
      kind === 'sht31'
        ? Sht31.open(await bus(name), clock, options, signal)
        : Bme280.open(await bus(name), clock, options, signal),
  }
}

function simulatedLine(config: Config, recipe: string, clock: Clock): SimulatedLine {
  const { seed, empty_rate: emptyRate } = config.simulation
  // A recipe of the user's own has no simulated parts: the standard ones come then.
  const profile = config.simulation.profile ?? (isProfile(recipe) ? recipe : 'foiegras_standard_barquette')
  if (!isProfile(profile)) {
    throw new ConfigError(
      `simulation.profile: ${JSON.stringify(profile)}: expected one of ${Object.keys(PROFILES).join(', ')}`,
    )
  }
  // Where the head has a lamp of its own there is no other: it can be dark.
  const lit = Object.values(config.heads).some((head) => head.kind === 'as7341' && head.lamp_ma !== undefined)
  return new SimulatedLine({
    ...{ seed, emptyRate, profile },
    belt: { clock },
    ...(lit ? { lamp: 'chip' } : {}),
  })
}

function isProfile(name: string): name is ProfileName {
  return Object.hasOwn(PROFILES, name)
}
