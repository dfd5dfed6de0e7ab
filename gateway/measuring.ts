import { systemClock } from '../drivers/clock.ts'
import type { Gate } from '../drivers/gate/gate.ts'
import { Acquisition, type Fire } from './acquisition.ts'
import type { Config } from './config.ts'
import { Environment } from './environment.ts'
import type { StationGate } from './gate.ts'
import type { Hardware } from './hardware.ts'
import { SupervisedHead } from './head.ts'
import { HeadRack } from './head-rack.ts'
import type { PartCounters } from './health/counters.ts'
import { HeldParts } from './held-parts.ts'
import type { MeasuringHead } from './inspect.ts'
import type { UngradedReason } from './inspection.ts'
import { type JudgingParts, judging } from './judging.ts'
import type { Log } from './log.ts'
import { type Mechanics, mechanics } from './mechanics.ts'
import { Preview, type PreviewScreen } from './preview.ts'
import { Player, type ReplayOptions } from './replay/player.ts'
import type { Unit, UnitStatus } from './station.ts'
import { TrayCalibration } from './tray-calibration.ts'

/** What measuring is made of. */
export interface MeasuringParts extends JudgingParts {
  readonly config: Config
  readonly log: Log
  readonly hardware: Hardware
  readonly counters: PartCounters
  readonly replay: Omit<ReplayOptions, 'heads' | 'clock'> | undefined
  /** Who looks at a live view. */
  readonly screen: PreviewScreen
  /** The newest picture, as a small JPEG. */
  readonly picture: () => Promise<Uint8Array | undefined>
}

/** The way from a part under the heads to its record. */
export interface Measuring {
  readonly acquisition: Acquisition
  readonly calibration: TrayCalibration
  /** The heads, or what a replay has in their place. */
  readonly heads: readonly (MeasuringHead & { readonly name?: string; status?(): UnitStatus })[]
  /** Whether a held part waits for somebody. */
  readonly held: HeldParts
  readonly gate: Gate
  /** The gate as a unit, where one is moved. */
  readonly stationGate: StationGate | undefined
  /** In the order to start them in; without one of them nothing can be inspected. */
  readonly units: readonly Unit[]
  /** What no part waits for. */
  readonly extras: readonly Unit[]
  /** Brings a part under the heads where a simulated belt does not move by itself. */
  bring(): void
}

/** Wires heads, calibration and acquisition to each other. */
export function measuring(parts: MeasuringParts): Measuring {
  const { config, log, hardware, setup } = parts
  const clock = systemClock
  const rack = new HeadRack(hardware.heads, {
    clock,
    log,
    random: Math.random,
    opened: () => {
      calibration.headsChanged().catch((error: unknown) => {
        log.error({ err: error }, 'no calibration could be looked up')
      })
    },
  })
  const environment = environmentOf(parts)
  const player =
    parts.replay === undefined ? undefined : new Player({ ...parts.replay, heads: hardware.heads, clock })
  const heads = player?.heads ?? rack.heads
  const calibration = new TrayCalibration({
    setup,
    heads,
    chips: () => rack.chips,
    clock,
    log,
    idle: () => acquisition.idle(),
    clear: () => hardware.line?.clear(),
    ...(player === undefined ? {} : { refusal: 'a replay has no tray to look at' }),
  })
  const { dryRun } = parts
  // A simulated belt stands still while its tray is measured; a real one does as it likes.
  const bring = (): void => {
    if (!calibration.running) hardware.line?.next()
  }
  const standing = (): boolean => hardware.line !== undefined && calibration.running
  const machine = mechanics({ config, hardware, clock, log, dryRun, bring, standing })
  const preview = previewOf(parts, heads, () => !acquisition.busy && !calibration.running)
  const held = new HeldParts()
  const acquisition = new Acquisition({
    ...judging(parts, { heads, player, climate: () => environment?.climate, preview, held }),
    clock,
    log,
    gate: machine.gate,
    dryRun,
    limits: { waiting: config.limits.waiting_triggers, appending: config.limits.appending },
    deadlineMs: () => setup.recipe.recipe.deadlineMs,
    counters: parts.counters,
    obstacle: () => obstacleOf(calibration, machine),
    source: player === undefined ? machine.trigger.run : replaySource(player, log),
    sourceName: player === undefined ? machine.trigger.kind : 'replay',
  })
  const live = [rack, ...present(environment), calibration, ...machine.units]
  return {
    acquisition,
    calibration,
    heads,
    held,
    gate: machine.gate,
    stationGate: machine.stationGate,
    units: [...(player === undefined ? live : []), acquisition],
    extras: player === undefined ? [preview] : [],
    bring: () => {
      if (player === undefined && config.trigger.kind === 'command' && !calibration.running) {
        hardware.line?.next()
      }
    },
  }
}

/** The sensor of the air, supervised as a head is. */
function environmentOf({ config, hardware, log }: MeasuringParts): Environment | undefined {
  if (hardware.climate === undefined || config.environment === undefined) return undefined
  const { period_ms: periodMs, stale_after_ms: staleAfterMs } = config.environment
  const clock = systemClock
  const head = new SupervisedHead({ ...hardware.climate, clock, log, random: Math.random })
  return new Environment({ head, clock, periodMs, staleAfterMs })
}

function present<T>(one: T | undefined): readonly T[] {
  return one === undefined ? [] : [one]
}

function obstacleOf(calibration: TrayCalibration, { stationGate }: Mechanics): UngradedReason | undefined {
  if (calibration.running) return 'not-calibrated'
  return stationGate?.works === false ? 'gate-failed' : undefined
}

function previewOf(
  { screen, picture }: MeasuringParts,
  heads: readonly MeasuringHead[],
  idle: () => boolean,
): Preview {
  return new Preview({ heads, picture, screen, clock: systemClock, idle })
}

function replaySource(player: Player, log: Log): (fire: Fire, signal: AbortSignal) => Promise<void> {
  return async (fire, signal) => {
    const parts = await player.play(fire, signal)
    log.info({ parts }, 'replay finished')
  }
}
