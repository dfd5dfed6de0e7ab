import { systemClock } from '../drivers/clock.ts'
import { everyInterval } from '../drivers/trigger/interval.ts'
import { Acquisition, type DecidedPart, type Fire } from './acquisition.ts'
import { judge } from './analysis/judge.ts'
import type { ClockDiscipline } from './clock-discipline.ts'
import type { Config } from './config.ts'
import type { FeedHub } from './feed.ts'
import type { Hardware } from './hardware.ts'
import { HeadRack } from './head-rack.ts'
import type { PartCounters } from './health/counters.ts'
import type { Metrics } from './health/metrics.ts'
import type { Identity } from './identity.ts'
import { inspect, type MeasuringHead } from './inspect.ts'
import type { Trigger } from './inspection.ts'
import { InspectionIds } from './inspection-ids.ts'
import type { Log } from './log.ts'
import type { InspectionDraft } from './message.ts'
import type { OutboxEntry } from './outbox.ts'
import { recordOf } from './record.ts'
import { Player, type ReplayOptions } from './replay/player.ts'
import type { InForce, Setup } from './setup.ts'
import type { Unit, UnitStatus } from './station.ts'
import { StoreError } from './store/error.ts'
import type { Store } from './store/store.ts'
import { TrayCalibration } from './tray-calibration.ts'

/** What measuring is made of. */
export interface MeasuringParts {
  readonly config: Config
  readonly identity: Identity
  readonly version: string
  readonly log: Log
  readonly hardware: Hardware
  readonly setup: Setup
  readonly store: Store
  readonly counters: PartCounters
  readonly metrics: Metrics
  readonly feed: FeedHub
  readonly discipline: ClockDiscipline
  readonly dryRun: boolean
  readonly replay: Omit<ReplayOptions, 'heads' | 'clock'> | undefined
}

/** The way from a part under the heads to its record. */
export interface Measuring {
  readonly acquisition: Acquisition
  readonly calibration: TrayCalibration
  /** The heads, or what a replay has in their place. */
  readonly heads: readonly (MeasuringHead & { readonly name?: string; status?(): UnitStatus })[]
  /** In the order to start them in. */
  readonly units: readonly Unit[]
  /** Brings a part under the heads where a simulated belt does not move by itself. */
  bring(): void
}

/** Wires heads, calibration and acquisition to each other. */
export function measuring(parts: MeasuringParts): Measuring {
  const { config, log, hardware, setup } = parts
  const clock = systemClock
  const rack = new HeadRack(hardware.heads, { clock, log, random: Math.random })
  const player =
    parts.replay === undefined ? undefined : new Player({ ...parts.replay, heads: hardware.heads, clock })
  const heads = player?.heads ?? rack.heads
  const calibration = new TrayCalibration({
    setup,
    heads,
    clock,
    log,
    idle: () => acquisition.idle(),
    clear: () => hardware.line?.clear(),
    ...(player === undefined ? {} : { refusal: 'a replay has no tray to look at' }),
  })
  const acquisition = new Acquisition({
    ...judging(parts, heads, player),
    clock,
    log,
    gate: hardware.gate,
    dryRun: parts.dryRun,
    limits: { waiting: config.limits.waiting_triggers, appending: config.limits.appending },
    deadlineMs: () => setup.recipe.recipe.deadlineMs,
    counters: parts.counters,
    obstacle: () => (calibration.running ? 'not-calibrated' : undefined),
    source: player === undefined ? beltSource(config, hardware, calibration) : replaySource(player, log),
    sourceName: player === undefined ? 'interval' : 'replay',
  })
  return {
    acquisition,
    calibration,
    heads,
    units: [...(player === undefined ? [rack, calibration] : []), acquisition],
    bring: () => {
      if (player === undefined && config.trigger.kind === 'command' && !calibration.running) {
        hardware.line?.next()
      }
    },
  }
}

type Judging = Pick<
  ConstructorParameters<typeof Acquisition>[0],
  'inspect' | 'storable' | 'retry' | 'seen' | 'decided' | 'record' | 'stored'
>

/** A part is recorded with what was in force when it was judged, whatever has been selected since. */
function judging(
  parts: MeasuringParts,
  heads: readonly MeasuringHead[],
  player: Player | undefined,
): Judging {
  const { identity, version, setup, store, metrics, feed, discipline, dryRun } = parts
  const clock = systemClock
  const ids = new InspectionIds()
  const judgedBy = new WeakMap<Trigger, InForce>()
  const nowInForce = (): InForce =>
    player === undefined ? setup.inForce : setup.inForceOver(player.tray(setup.tray))
  return {
    inspect: (trigger, signal) => {
      const inForce = nowInForce()
      judgedBy.set(trigger, inForce)
      return inspect(trigger, heads, (evidence) => judge(inForce.plan, evidence), signal)
    },
    storable: () => store.storable,
    retry: (error) => error instanceof StoreError && PASSING.has(error.fault),
    seen: (trigger) => store.noteTrigger(trigger),
    decided: (part) => metrics.decided(decisionOf(part)),
    record: (part) => {
      const { draft, raw } = recordOf(part, {
        id: ids.next(),
        identity,
        software: version,
        inForce: judgedBy.get(part.trigger) ?? nowInForce(),
        clock: discipline.state,
        wallMs: clock.wall() - (clock.now() - part.trigger.at),
        dryRun,
      })
      return () => append(store, draft, raw, part.trigger.number)
    },
    stored: (entry, part) => {
      metrics.appended(clock.now() - part.decidedAt)
      feed.emit({ type: 'inspection', inspection: entry })
    },
  }
}

/** What a store refuses for now. Anything else it would refuse for ever. */
const PASSING: ReadonlySet<string> = new Set(['full', 'io', 'locked', 'overloaded', 'failed'])

/** A commit that failed may have reached the disk all the same: then the record is there already. */
async function append(
  store: Store,
  draft: InspectionDraft,
  raw: Uint8Array,
  trigger: number,
): Promise<OutboxEntry> {
  try {
    return await store.append(draft, raw, trigger)
  } catch (error) {
    const stored =
      error instanceof StoreError && error.fault === 'duplicate' ? await store.get(draft.id) : undefined
    if (stored === undefined) throw error
    return stored
  }
}

/** A part every period; on a simulated belt each tick brings the next one. */
function beltSource(
  config: Config,
  { gate, line }: Hardware,
  calibration: TrayCalibration,
): (fire: Fire, signal: AbortSignal) => Promise<void> {
  const { kind, period_ms: periodMs } = config.trigger
  return (fire, signal) => {
    if (kind === 'command') return Promise.resolve()
    const tick = (): void => {
      // A simulated belt stands still while its tray is measured; a real one does as it likes.
      if (gate.lineStopped || (line !== undefined && calibration.running)) return
      line?.next()
      void fire()
    }
    return everyInterval(systemClock, periodMs, tick, signal)
  }
}

function replaySource(player: Player, log: Log): (fire: Fire, signal: AbortSignal) => Promise<void> {
  return async (fire, signal) => {
    const parts = await player.play(fire, signal)
    log.info({ parts }, 'replay finished')
  }
}

function decisionOf({
  judgement,
  inspected,
  latencyMs,
  decidedAt,
}: DecidedPart): Parameters<Metrics['decided']>[0] {
  const { verdict } = judgement
  const read = [...inspected.observation.measurements.values()].map(({ takenAt }) => takenAt)
  return {
    action: verdict.action,
    latencyMs,
    ...(read.length === 0 ? {} : { decisionMs: Math.max(0, decidedAt - Math.max(...read)) }),
    ...(verdict.kind === 'graded' ? { grade: verdict.grade, reasons: [] } : { reasons: verdict.reasons }),
  }
}
