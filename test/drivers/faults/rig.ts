import { As7341 } from '../../../drivers/as7341/as7341.ts'
import type { Clock } from '../../../drivers/clock.ts'
import { SimulatedAs7341 } from '../../../drivers/simulated/as7341.ts'
import { SimulatedBus, type SimulatedDevice } from '../../../drivers/simulated/bus.ts'
import { VirtualClock } from '../../../drivers/simulated/clock.ts'
import { FaultyBus, FaultyDevice, type PoweredDevice } from '../../../drivers/simulated/faults.ts'
import { generateFirmware } from '../../../drivers/simulated/firmware.ts'
import { SimulatedVl53l8ch } from '../../../drivers/simulated/vl53l8ch.ts'
import type { RangeView } from '../../../drivers/simulated/vl53l8ch-scene.ts'
import type { RangeFrame } from '../../../drivers/vl53l8ch/ranges.ts'
import { Vl53l8ch, type Vl53l8chOptions } from '../../../drivers/vl53l8ch/vl53l8ch.ts'
import type { HeadPlan } from '../../../gateway/hardware.ts'
import { StillScene } from '../../fakes/still-scene.ts'
import { light } from '../as7341/rig.ts'

export type Chip = 'vl53l8ch' | 'as7341'

/** Both heads range so. */
export const EIGHT: Vl53l8chOptions = { firmware: generateFirmware(1), zones: 64, rateHz: 15 }
export const PERIOD_MS = 1000 / 15
/** The spectral chip knows no more. */
export const BUS_HZ = { vl53l8ch: 1_000_000, as7341: 400_000 } as const
/** What the subject's chip is opened with. */
const EXPOSURE = { atime: 29, astep: 599, gain: 4 } as const
const OTHER_ADDRESS = 0x2a

/** A virtual clock that a simulated bus sleeps on, so that several buses carry transfers at the same time. */
export function sharedClock(): Clock {
  const clock = new VirtualClock()
  return {
    now: () => clock.now(),
    wall: () => clock.wall(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
    after: (ms, act) => clock.after(ms, act),
  }
}

/** The oscillator of a chip, which can stand still. */
class Oscillator {
  readonly #clock: Pick<Clock, 'now'>
  #lostMs = 0
  #stoppedAt: number | undefined

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  now(): number {
    return (this.#stoppedAt ?? this.#clock.now()) - this.#lostMs
  }

  /** When it was that this oscillator showed `at`, as it stands now. */
  timeOf(at: number): number {
    return at + this.#lostMs
  }

  run(on: boolean): void {
    if (on && this.#stoppedAt !== undefined) this.#lostMs += this.#clock.now() - this.#stoppedAt
    this.#stoppedAt = on ? undefined : (this.#stoppedAt ?? this.#clock.now())
  }
}

/** Writes into each frame when its exposure ended, where `exposedAt` reads it: frames without time stamps have an age. */
class TimedScene extends StillScene {
  readonly #oscillator: Oscillator

  constructor(oscillator: Oscillator) {
    super()
    this.#oscillator = oscillator
  }

  override look(zones: 16 | 64, at: number, integrationMs?: number): RangeView {
    const spads = new Float64Array(zones).fill(Math.floor(this.#oscillator.timeOf(at)))
    return { ...super.look(zones, at, integrationMs), spads }
  }
}

/** Ms of the clock when the exposure of the subject's frame began. */
export function exposedAt({ spads: [endedAt = 0] }: RangeFrame): number {
  return endedAt - PERIOD_MS
}

/** One head to be disturbed, the subject, and all that a scenario can lay its hands on. */
export interface Subject {
  readonly chip: Chip
  readonly clock: Clock
  /** The host's side of its wires. */
  readonly wires: FaultyBus
  /** The chip's side. */
  readonly device: FaultyDevice
  readonly plan: HeadPlan
  /** Its plug comes off, with the supply. */
  unplug(): void
  plugIn(): void
  /** Another chip of no use stands at its address, or the right one again, just powered. */
  exchange(to: 'another' | 'the right one'): void
  /** It goes on acknowledging, and measures no more. */
  stall(on: boolean): void
}

/** A subject, and another ranging head that nothing is wrong with. */
export interface Rig {
  readonly clock: Clock
  readonly subject: Subject
  readonly other: HeadPlan<'vl53l8ch'>
  /** Frames of the other head that were replaced before it was asked for them. */
  readonly missed: () => number
}

/** @param together whether both hang on one bus, or each on its own */
export function rigFor(chip: Chip, together: boolean): Rig {
  const clock = sharedClock()
  const bus = new SimulatedBus(clock, BUS_HZ[chip])
  const otherBus = together ? bus : new SimulatedBus(clock, BUS_HZ.vl53l8ch)
  const moved = (to: number, from: number): void => {
    otherBus.detach(from)
    otherBus.attach(to, neighbour)
  }
  const neighbour = new SimulatedVl53l8ch({ clock, scene: new StillScene(500), moved })
  otherBus.attach(OTHER_ADDRESS, neighbour)
  let ranging: Vl53l8ch | undefined
  return {
    clock,
    subject: chip === 'vl53l8ch' ? rangingSubject(clock, bus) : spectralSubject(clock, bus),
    other: {
      id: 'other',
      kind: 'vl53l8ch',
      async open(signal) {
        ranging = await Vl53l8ch.open(otherBus, clock, { ...EIGHT, address: OTHER_ADDRESS }, signal)
        return ranging
      },
    },
    missed: () => ranging?.missedFrames ?? Number.POSITIVE_INFINITY,
  }
}

function rangingSubject(clock: Clock, bus: SimulatedBus): Subject {
  const oscillator = new Oscillator(clock)
  const scene = new TimedScene(oscillator)
  const chip = new SimulatedVl53l8ch({ clock: oscillator, scene })
  // Of the same family: it identifies as such, and is none that this driver knows.
  const stranger = new SimulatedVl53l8ch({ clock, scene, revisionId: 0x02 })
  const wires = new FaultyBus(bus)
  return {
    ...plugged(bus, 0x29, { chip, stranger, clock }),
    ...{ chip: 'vl53l8ch', clock, wires },
    plan: {
      id: 'subject',
      kind: 'vl53l8ch',
      open: (signal) => Vl53l8ch.open(wires, clock, EIGHT, signal),
    },
    stall: (on) => oscillator.run(!on),
  }
}

function spectralSubject(clock: Clock, bus: SimulatedBus): Subject {
  const scene = { light: () => light(10, { F1: 5 }) }
  const chip = new SimulatedAs7341(clock, scene)
  const stranger = new SimulatedAs7341(clock, scene, { id: 0x80 })
  const wires = new FaultyBus(bus)
  return {
    ...plugged(bus, 0x39, { chip, stranger, clock }),
    ...{ chip: 'as7341', clock, wires },
    plan: {
      id: 'subject',
      kind: 'as7341',
      open: (signal) => As7341.open(wires, clock, { exposure: EXPOSURE }, signal),
    },
    stall: (on) => chip.breakConverter(on ? 'stalled' : undefined),
  }
}

interface Plugs {
  readonly chip: PoweredDevice
  readonly stranger: SimulatedDevice
  readonly clock: Clock
}

function plugged(
  bus: SimulatedBus,
  address: number,
  { chip, stranger, clock }: Plugs,
): Pick<Subject, 'device' | 'unplug' | 'plugIn' | 'exchange'> {
  const device = new FaultyDevice(chip, clock, 3)
  const plugIn = (): void => {
    device.brownOut()
    bus.attach(address, device)
  }
  plugIn()
  return {
    device,
    plugIn,
    unplug: () => bus.detach(address),
    exchange: (to) => (to === 'another' ? bus.attach(address, stranger) : plugIn()),
  }
}
