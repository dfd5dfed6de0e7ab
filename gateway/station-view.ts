import type { Clock } from '../drivers/clock.ts'
import type { StationState } from './api/station-state.ts'
import type { ClockDiscipline } from './clock-discipline.ts'
import type { Config } from './config.ts'
import { countersOnWire, type PartCounters, type SinkCounters } from './health/counters.ts'
import type { HealthBoard } from './health/health.ts'
import type { Identity } from './identity.ts'
import type { HeadKind } from './inspection.ts'
import type { Setup } from './setup.ts'
import type { UnitStatus } from './station.ts'

export interface StationViewParts {
  readonly config: Config
  readonly identity: Identity
  readonly version: string
  readonly clock: Clock
  readonly discipline: ClockDiscipline
  readonly board: HealthBoard
  readonly setup: Setup
  readonly dryRun: boolean
  readonly heads: readonly { readonly id: string; readonly kind: HeadKind; status?(): UnitStatus }[]
  readonly counts: () => readonly SinkCounters[]
  /** Whether a cursor is of the station itself, and no delivery. */
  readonly isReader: (name: string) => boolean
  /** By the name of the sink. */
  readonly sinkStatus: (name: string) => UnitStatus
  readonly lineStopped: () => boolean
  readonly counters: PartCounters
}

/** Units that are told beside the heads, in this order, where the station has them. */
const EQUIPMENT = [
  'gate',
  'trigger',
  'encoder',
  'environment',
  'panel',
  'camera',
  'vision',
  'calibration',
  'retention',
  'esp32',
] as const

/** The station as a person or a program that looks at it sees it. */
export function describeStation(parts: StationViewParts): StationState {
  const { config, identity, setup, counters } = parts
  return {
    device_id: identity.deviceId,
    site: identity.site,
    line: identity.line,
    station: identity.station,
    version: parts.version,
    timestamp: new Date(parts.clock.wall()).toISOString(),
    clock: parts.discipline.state,
    phase: parts.board.phase,
    dry_run: parts.dryRun,
    line_stopped: parts.lineStopped(),
    recipe: { id: setup.recipe.recipe.id, revision: setup.recipe.revision },
    lot: { id: setup.lot.id, started_at: setup.lot.startedAt },
    ...(config.trigger.kind === 'interval' ? { period_ms: config.trigger.period_ms } : {}),
    heads: parts.heads.map((head) => ({
      id: head.id,
      kind: head.kind,
      ...plain(head.status?.() ?? { state: 'ok' }),
    })),
    equipment: equipmentOf(parts.board),
    sinks: sinksOf(parts),
    counters: { since_start: countersOnWire(counters.sinceStart()), lot: countersOnWire(counters.lot()) },
  }
}

function sinksOf({ counts, isReader, sinkStatus }: StationViewParts): StationState['sinks'] {
  return counts()
    .filter(({ name }) => !isReader(name))
    .map((sink) => {
      const { state, detail } = sinkStatus(sink.name)
      return { ...sink, state, ...(detail === undefined ? {} : { detail }) }
    })
}

function equipmentOf(board: HealthBoard): NonNullable<StationState['equipment']> {
  const { units } = board.report()
  return EQUIPMENT.flatMap((name) =>
    units
      // What nobody has needed yet is told by nobody.
      .filter((unit) => unit.name === name && unit.facts?.loaded !== false)
      .map((unit) => ({ name, ...plain(unit) })),
  )
}

function plain({
  state,
  detail,
  facts,
}: UnitStatus): Pick<StationState['heads'][number], 'state' | 'detail' | 'facts'> {
  return {
    state,
    ...(detail === undefined ? {} : { detail }),
    ...(facts === undefined ? {} : { facts: { ...facts } }),
  }
}
