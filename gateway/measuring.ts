import { systemClock } from '../drivers/clock.ts'
import type { Gate } from '../drivers/gate/gate.ts'
import { Acquisition, type Fire } from './acquisition.ts'
import { judge } from './analysis/judge.ts'
import type { RunningStation } from './calibration/start.ts'
import { calibrationUnits } from './calibration-units.ts'
import type { Config } from './config.ts'
import { Environment } from './environment.ts'
import type { StationGate } from './gate.ts'
import { GoldenKeeper } from './golden-keeper.ts'
import type { Hardware } from './hardware.ts'
import { SupervisedHead } from './head.ts'
import type { HeadRack } from './head-rack.ts'
import type { PartCounters } from './health/counters.ts'
import { HeldParts } from './held-parts.ts'
import { type BusHead, inspect, type MeasuringHead } from './inspect.ts'
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
  /** The heads, being opened already. */
  readonly rack: HeadRack
  readonly counters: PartCounters
  readonly replay: Omit<ReplayOptions, 'heads' | 'clock'> | undefined
  /** Who looks at a live view. */
  readonly screen: PreviewScreen
  /** The newest picture, as a small JPEG. */
  readonly picture: () => Promise<Uint8Array | undefined>
  /** An update has the line. */
  readonly locked: () => boolean
  /** The camera and what reads its pictures. */
  readonly lens: MeasuringHead
}

/** The way from a part under the heads to its record. */
export interface Measuring {
  readonly acquisition: Acquisition
  readonly calibration: TrayCalibration
  readonly golden: GoldenKeeper
  /** What a calibration is given of the running station. */
  readonly desk: () => RunningStation
  /** The heads, or what a replay has in their place. */
  readonly heads: readonly (BusHead & {
    readonly name?: string
    /** How long its driver has been at what it was last asked for, ms. */
    readonly askedForMs?: number
    status?(): UnitStatus
  })[]
  /** Whether a held part waits for somebody. */
  readonly held: HeldParts
  readonly gate: Gate
  /** The gate as a unit, where one is moved. */
  readonly stationGate: StationGate | undefined
  /** In the order to start them in; without one of them nothing can be inspected. */
  readonly units: readonly Unit[]
  /** What no part waits for. */
  readonly extras: readonly Unit[]
  /** How the calibrations beside the empty tray stand; nothing runs. */
  readonly calibrations: readonly Pick<Unit, 'name' | 'status'>[]
  /** Brings a part under the heads where a simulated belt does not move by itself. */
  bring(): void
}

/** Wires heads, calibration and acquisition to each other. */
export function measuring(parts: MeasuringParts): Measuring {
  const { config, log, hardware, rack, setup } = parts
  const clock = systemClock
  rack.opened = () => {
    calibration.headsChanged().catch((error: unknown) => {
      log.error({ err: error }, 'no calibration could be looked up')
    })
  }
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
  const golden = new GoldenKeeper({
    recipe: () => setup.recipe.recipe,
    state: parts.store.state,
    clock,
    log,
  })
  const { dryRun } = parts
  // A simulated belt stands still while its tray is measured, and brings nothing over a part that is being scanned; a
  // real one does as it likes.
  const bring = (): void => {
    if (!calibration.running) hardware.line?.next()
  }
  const standing = (): boolean => hardware.line !== undefined && calibration.running
  const occupied = (): boolean => hardware.line?.belt !== undefined && acquisition.busy
  const machine = mechanics({ config, hardware, clock, log, dryRun, bring, standing, occupied })
  const preview = previewOf(parts, heads, () => !acquisition.busy && !calibration.running)
  const held = new HeldParts()
  const acquisition = new Acquisition({
    ...judging(parts, {
      ...{ heads, player, climate: () => environment?.climate, preview, held, golden },
      travel: machine.travel,
      lens: player?.camera ?? parts.lens,
    }),
    clock,
    log,
    gate: machine.gate,
    dryRun,
    limits: { waiting: config.limits.waiting_triggers, appending: config.limits.appending },
    deadlineMs: () => setup.recipe.recipe.deadlineMs,
    counters: parts.counters,
    obstacle: () => {
      if (parts.locked()) return 'updating'
      return obstacleOf(calibration, machine, golden) ?? (player === undefined ? setup.obstacle : undefined)
    },
    source: player === undefined ? machine.trigger.run : replaySource(player, log),
    sourceName: player === undefined ? machine.trigger.kind : 'replay',
  })
  const live = [rack, ...present(environment), calibration, golden, ...machine.units]
  return {
    acquisition,
    calibration,
    golden,
    desk: () => deskOf(parts, { calibration, golden, rack, environment }),
    heads,
    held,
    gate: machine.gate,
    stationGate: machine.stationGate,
    units: [...(player === undefined ? live : []), acquisition],
    extras: player === undefined ? [preview] : [],
    calibrations: player === undefined ? calibrationUnits(setup) : [],
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

/** Golden parts are looked at as the terminal's are: one frame a look. */
function deskOf(
  { setup, store }: MeasuringParts,
  {
    calibration,
    golden,
    rack,
    environment,
  }: {
    readonly calibration: TrayCalibration
    readonly golden: GoldenKeeper
    readonly rack: HeadRack
    readonly environment: Environment | undefined
  },
): RunningStation {
  const clock = systemClock
  const climate = environment?.climate
  const conditions =
    climate === undefined
      ? {}
      : { temperature_c: climate.temperatureC, humidity_percent: climate.humidityPercent }
  const { heads } = rack
  let number = 0
  return {
    exclusively: (lies, work) =>
      calibration.exclusively(lies, undefined, (signal) => work({ heads, clock, signal, conditions })),
    measureTray: (by, validDays) => calibration.measure(by, { validDays }),
    registry: store.calibrations,
    recipe: setup.recipe.recipe,
    look: async () => {
      number += 1
      const trigger = { number, at: clock.now(), source: 'command' } as const
      const { plan } = setup.inForce
      const limit = AbortSignal.timeout(LOOK_LIMIT_MS)
      return (await inspect(trigger, heads, (evidence) => judge(plan, evidence), limit)).judgement
    },
    watch: golden.watch,
  }
}

/** A look at a golden part, ms. */
const LOOK_LIMIT_MS = 10_000

function present<T>(one: T | undefined): readonly T[] {
  return one === undefined ? [] : [one]
}

function obstacleOf(
  calibration: TrayCalibration,
  { stationGate }: Mechanics,
  golden: GoldenKeeper,
): UngradedReason | undefined {
  if (calibration.running) return 'not-calibrated'
  return stationGate?.works === false ? 'gate-failed' : golden.obstacle
}

function previewOf(
  { screen, picture }: MeasuringParts,
  heads: readonly BusHead[],
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
