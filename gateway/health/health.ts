import type { Clock } from '../../drivers/clock.ts'
import type { Unit, UnitStatus } from '../station.ts'
import {
  type Counters,
  countersOnWire,
  reconcile,
  reconcileSink,
  type SinkCounters,
  type Violation,
} from './counters.ts'

/** Where the process is between start and stop. */
export type Phase = 'starting' | 'running' | 'draining'

export interface UnitReport extends UnitStatus {
  readonly name: string
}

/** What `/healthz` answers. */
export interface HealthReport {
  /** `failed`: the counters do not reconcile; `degraded`: a unit is not well, the parts are all accounted for. */
  readonly status: 'ok' | 'degraded' | 'failed'
  readonly reconciled: boolean
  readonly violations: readonly Violation[]
  readonly phase: Phase
  readonly version: string
  readonly uptime_s: number
  readonly units: readonly UnitReport[]
  readonly counters: {
    readonly since_start: ReturnType<typeof countersOnWire>
    readonly lot: ReturnType<typeof countersOnWire>
  }
  readonly sinks: readonly SinkCounters[]
}

/** What `/readyz` answers. */
export interface ReadyReport {
  /** A part that comes now is inspected and stored. */
  readonly ready: boolean
  /** What stands in the way, one line each. */
  readonly waiting_for: readonly string[]
}

export interface HealthSources {
  readonly version: string
  readonly clock: Clock
  /** Every unit of the process; asked for its status at each report. */
  readonly units: readonly Pick<Unit, 'name' | 'status'>[]
  /** Names of the units without which no part can be inspected and stored. */
  readonly needed: readonly string[]
  readonly counters: { sinceStart(): Counters; lot(): Counters }
  readonly sinks: () => readonly SinkCounters[]
}

/** Asks each unit how it is, and the counters whether they add up. Holds no state but the phase. */
export class HealthBoard {
  readonly #sources: HealthSources
  readonly #startedAt: number
  #phase: Phase = 'starting'

  /** @throws when `needed` names a unit that is not in `units`: it would be ready without it for ever */
  constructor(sources: HealthSources) {
    for (const name of sources.needed) {
      if (!sources.units.some((unit) => unit.name === name)) throw new Error(`no unit is called ${name}`)
    }
    this.#sources = sources
    this.#startedAt = sources.clock.now()
  }

  get phase(): Phase {
    return this.#phase
  }

  /** Called by the composition root: `running` once all units have started, `draining` at the stop signal. */
  enter(phase: Phase): void {
    this.#phase = phase
  }

  report(): HealthReport {
    const { version, clock, counters } = this.#sources
    const [sinceStart, lot, sinks] = [counters.sinceStart(), counters.lot(), this.#sources.sinks()]
    const violations = [
      ...reconcile(sinceStart),
      ...reconcile(lot, 'lot'),
      ...sinks.flatMap((sink) => reconcileSink(sink)),
    ]
    const units = this.#sources.units.map(reportOf)
    const well = units.every((unit) => unit.state === 'ok')
    return {
      status: violations.length > 0 ? 'failed' : well ? 'ok' : 'degraded',
      reconciled: violations.length === 0,
      violations,
      phase: this.#phase,
      version,
      uptime_s: Math.floor((clock.now() - this.#startedAt) / 1000),
      units,
      counters: { since_start: countersOnWire(sinceStart), lot: countersOnWire(lot) },
      sinks,
    }
  }

  ready(): ReadyReport {
    const waiting = this.#sources.units
      .filter((unit) => this.#sources.needed.includes(unit.name))
      .map(reportOf)
      .filter((unit) => unit.state === 'failed')
      .map((unit) => `${unit.name}: ${unit.detail ?? 'failed'}`)
    if (this.#phase !== 'running') waiting.unshift(`the station is ${this.#phase}`)
    return { ready: waiting.length === 0, waiting_for: waiting }
  }
}

/** A unit that cannot even say how it is has failed; the others are still reported. */
function reportOf(unit: Pick<Unit, 'name' | 'status'>): UnitReport {
  try {
    return { name: unit.name, ...(unit.status?.() ?? { state: 'ok' as const }) }
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    return { name: unit.name, state: 'failed', detail: `gives no status: ${detail}` }
  }
}
