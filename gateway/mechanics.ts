import type { Clock } from '../drivers/clock.ts'
import type { Gate } from '../drivers/gate/gate.ts'
import type { BeltPosition } from '../drivers/trigger/position.ts'
import { Belt } from './belt.ts'
import type { Config } from './config.ts'
import { noGate, StationGate } from './gate.ts'
import { decideWithinMs, openGate, type WiredGate } from './gate-plan.ts'
import type { Hardware } from './hardware.ts'
import type { Log } from './log.ts'
import type { BeltTravel } from './look-plan.ts'
import type { Unit } from './station.ts'
import { TriggerSource } from './trigger.ts'

export interface MechanicsParts {
  readonly config: Config
  readonly hardware: Hardware
  readonly clock: Clock
  readonly log: Log
  /** Everything but the gate: it is left alone. */
  readonly dryRun: boolean
  /** Brings the next part under the heads, where the belt is simulated. */
  readonly bring: () => void
  /** Whether a simulated belt stands for a reason of its own. */
  readonly standing: () => boolean
  /** Whether the next part of a simulated belt without a light barrier has to wait for the one before. */
  readonly occupied: () => boolean
}

/** What moves, and what tells that something moved. */
export interface Mechanics {
  /** What acquisition tells; of a dry run nothing hears. */
  readonly gate: Gate
  /** The real one, where it is used. */
  readonly stationGate: StationGate | undefined
  readonly trigger: TriggerSource
  /** Where the belt has an encoder. */
  readonly travel: BeltTravel | undefined
  /** To be started before acquisition. */
  readonly units: readonly Unit[]
}

/** Makes the encoder, the gate and the trigger, as far as they are configured. */
export function mechanics(parts: MechanicsParts): Mechanics {
  const { config, hardware, clock, log, bring } = parts
  const { gpio } = hardware
  const moving = (): boolean => !gate.lineStopped && !parts.standing()
  const comes = (): boolean => moving() && !parts.occupied()
  const trigger = new TriggerSource({ trigger: config.trigger, gpio, clock, log, moving: comes, bring })
  const belt = beltOf(parts, trigger)
  const wired = parts.dryRun ? undefined : hardware.gate
  const stationGate = wired === undefined ? undefined : gateOf(wired, parts, belt)
  const gate = stationGate ?? noGate(config.gate.hold_lane)
  const watched = ['light-barrier', 'encoder'].includes(config.trigger.kind)
  return {
    gate,
    stationGate,
    trigger,
    travel: belt === undefined ? undefined : travelOf(belt, config.encoder?.mm_per_pulse ?? 0),
    units: [
      ...(belt === undefined ? [] : [belt]),
      ...(stationGate === undefined ? [] : [stationGate]),
      ...(watched ? [trigger] : []),
      ...(hardware.belt === undefined ? [] : [beltMotor(hardware.belt, moving)]),
    ],
  }
}

function travelOf(belt: BeltPosition, mmPerPulse: number): BeltTravel {
  return (from, to) => {
    const [before, after] = [belt.positionAt(from), belt.positionAt(to)]
    return before === undefined || after === undefined ? undefined : (after - before) * mmPerPulse
  }
}

/** What drives a simulated belt. */
function beltMotor(run: NonNullable<Hardware['belt']>, moving: () => boolean): Unit {
  const end = new AbortController()
  let running: Promise<void> = Promise.resolve()
  return {
    name: 'belt',
    start: () => {
      running = run(moving, end.signal)
      return Promise.resolve()
    },
    stop: () => {
      end.abort()
      return running
    },
  }
}

function beltOf({ config, hardware, clock, log }: MechanicsParts, trigger: TriggerSource): Belt | undefined {
  const { encoder } = config
  if (encoder === undefined) return undefined
  const { kind, pulses_per_part: everyPulses } = config.trigger
  const parts =
    kind === 'encoder' && everyPulses !== undefined ? { everyPulses, part: trigger.part } : undefined
  return new Belt({
    encoder,
    gpio: hardware.gpio,
    clock,
    log,
    random: Math.random,
    ...(parts === undefined ? {} : { parts }),
  })
}

function gateOf(
  wired: WiredGate,
  { hardware, clock, log }: MechanicsParts,
  position: Belt | undefined,
): StationGate {
  return new StationGate({
    holdLane: wired.lines.hold !== undefined,
    decideWithinMs: decideWithinMs(wired),
    open: openGate(wired, { gpio: hardware.gpio, clock, position }),
    clock,
    log,
    random: Math.random,
  })
}
