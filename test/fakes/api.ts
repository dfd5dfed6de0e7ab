import { resolve } from 'node:path'
import { systemClock } from '../../drivers/clock.ts'
import { Sums } from '../../gateway/aggregates/sums.ts'
import type { AskAggregates } from '../../gateway/api/aggregates.ts'
import type { Engravings } from '../../gateway/api/engraving-port.ts'
import type { AskEvidence } from '../../gateway/api/evidence.ts'
import type { Lenses } from '../../gateway/api/lenses.ts'
import type { OldHeadsReport } from '../../gateway/api/old-heads.ts'
import type { AskPermit } from '../../gateway/api/permit.ts'
import type { FeedEvent, StoredInspection } from '../../gateway/api/ports.ts'
import type { QualityReport } from '../../gateway/api/quality.ts'
import type { ApiSources } from '../../gateway/api/server.ts'
import type { StationState } from '../../gateway/api/station-state.ts'
import type { StorageReport } from '../../gateway/api/storage.ts'
import type { UpdateReport, Updates } from '../../gateway/api/update.ts'
import { kpiReportOf, newKpiState } from '../../gateway/kpi.ts'
import { kpiTargets } from '../../gateway/kpi-options.ts'
import { silentLog } from '../../gateway/log.ts'
import type { InspectionMessage } from '../../gateway/message.ts'

const NO_PARTS = {
  triggers: 0,
  accepted: 0,
  rejected: 0,
  held: 0,
  in_flight: 0,
  decided: 0,
  stored: 0,
  appending: 0,
  late: 0,
  busy: 0,
  unrecorded: 0,
}

/** A healthy station with two heads and two sinks. */
export function stationState(overrides: Partial<StationState> = {}): StationState {
  const delivered = { state: 'ok' as const, stored: 0, delivered: 0, backlog: 0, quarantined: 0 }
  return {
    device_id: 'station-7',
    site: 'landes',
    line: 'line-1',
    station: 'station-7',
    version: '0.1.0',
    timestamp: new Date().toISOString(),
    clock: 'synchronised',
    phase: 'running',
    dry_run: false,
    line_stopped: false,
    recipe: { id: 'foiegras_standard_barquette', revision: 7 },
    lot: { id: 'LL-261121-0001' },
    heads: [
      { id: 'tof', kind: 'vl53l8ch', state: 'ok' },
      { id: 'spectral', kind: 'as7341', state: 'ok' },
    ],
    sinks: [
      { name: 'mqtt', ...delivered },
      { name: 'influx', ...delivered },
    ],
    counters: { since_start: NO_PARTS, lot: NO_PARTS },
    ...overrides,
  }
}

/** Nothing is wrong and no part has come. */
function quiet(): QualityReport {
  const lot = kpiReportOf(newKpiState('lot'), kpiTargets.parse({}))
  return { alerts: [], kpi: { lot, ended_shifts: [] }, charts: [] }
}

/** Room for a fortnight, and nothing waits. */
function roomy(): StorageReport {
  const kept = { stored: 0, removed: 0 }
  return {
    state: 'ok',
    room: { hours_left: 340, parts_left: 408_000, alert_hours: 72, parts_per_hour: 1200, part_bytes: 17_000 },
    flash: { bytes_per_part: 71_000, gb_per_year: 700, budget_gb_per_year: 2000, share: 0.35 },
    inspections: kept,
    raw: kept,
    sums: { hourly_days: 730 },
    undelivered: 0,
    cursors: [],
    quarantine: [],
    set_aside: [],
  }
}

/** Nobody updates anything, and the line is idle. */
function settled(): UpdateReport {
  const line = { idle: true, why: [], parts_in_flight: 0, since_last_trigger_s: null }
  return { status: null, line, lock: null, consent: null, trial: false, content: {}, device: null }
}

/** Nothing is enrolled, and nothing can be. */
const NO_ENGRAVINGS: Engravings = {
  match: () => Promise.resolve({ kind: 'unknown', candidates: [], gallery: { symbols: 0 } }),
  enrol: () => Promise.reject(new Error('nothing can be enrolled here')),
  forget: () => Promise.resolve(false),
  symbols: () => Promise.resolve({ symbols: [] }),
  picture: () => Promise.resolve(undefined),
}

/** Everything the API asks for, in memory, for a test to steer. */
export class FakeStation {
  readonly inspections: StoredInspection[] = []
  state: StationState = stationState()
  report: { reconciled: boolean } & Record<string, unknown> = { reconciled: true, violations: [] }
  readiness: { ready: boolean; waiting_for: string[] } = { ready: true, waiting_for: [] }
  /** What is watched over the parts; as a function it may throw. */
  quality: () => QualityReport = quiet
  storage: StorageReport = roomy()
  update: UpdateReport = settled()
  /** What was agreed to. */
  readonly agreed: string[] = []
  oldHeads: OldHeadsReport = { listening: false, turned_away: 0, devices: [] }
  /** Sums by hour and day; none were made. */
  aggregates: AskAggregates = ({ period }) =>
    Promise.resolve({ by: period, rows: [], total: new Sums().onWire() })
  engravings: Engravings = NO_ENGRAVINGS
  lenses: Lenses = {
    find: () => Promise.resolve({ lenses: [], found: 0 }),
    get: () => Promise.resolve(undefined),
    link: () => Promise.resolve('no-lens'),
    unlink: () => Promise.resolve('no-lens'),
  }
  evidence: AskEvidence = () => Promise.resolve(undefined)
  updates: Updates = {
    report: () => this.update,
    lock: () => ({ until: new Date().toISOString() }),
    unlock: () => {},
    isUpdater: (shown) => shown === 'the updater’s',
    agree: (version, by) => {
      this.agreed.push(`${version} ${by}`)
      const consent = { version, by, at: new Date().toISOString() }
      this.update = { ...this.update, consent }
      return Promise.resolve(consent)
    },
  }
  /** Everybody may do everything. */
  permit: AskPermit = () => Promise.resolve({ allowed: true })
  readonly #listeners = new Set<(event: FeedEvent) => void>()

  get listeners(): number {
    return this.#listeners.size
  }

  /** Stores an inspection and tells the watchers. */
  store(inspection: InspectionMessage): StoredInspection {
    const { sequence, id } = inspection
    const stored = { sequence, id, payload: JSON.stringify(inspection) }
    this.inspections.unshift(stored)
    this.tell({ type: 'inspection', inspection: stored })
    return stored
  }

  /** Changes the station's state and tells the watchers. */
  change(overrides: Partial<StationState>): void {
    this.state = { ...this.state, ...overrides, timestamp: new Date().toISOString() }
    this.tell({ type: 'station' })
  }

  tell(event: FeedEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  sources(overrides: Partial<ApiSources> = {}): ApiSources {
    return {
      version: '0.1.0',
      history: {
        latest: (limit) => Promise.resolve(this.inspections.slice(0, limit)),
        page: (before, limit) =>
          Promise.resolve(this.inspections.filter(({ sequence }) => sequence < before).slice(0, limit)),
        get: (id) => Promise.resolve(this.inspections.find((inspection) => inspection.id === id)),
      },
      health: { report: () => this.report, ready: () => this.readiness },
      metrics: {
        contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
        text: () => Promise.resolve('# EOF\n'),
      },
      station: () => this.state,
      quality: () => this.quality(),
      aggregates: (query) => this.aggregates(query),
      storage: () => this.storage,
      oldHeads: () => Promise.resolve(this.oldHeads),
      checkpoints: () => Promise.resolve({ checkpoints: [] }),
      trace: () => Promise.resolve(undefined),
      engravings: this.engravings,
      lenses: this.lenses,
      evidence: (sha256) => this.evidence(sha256),
      updates: this.updates,
      permit: (caller, command) => this.permit(caller, command),
      feed: {
        subscribe: (listener) => {
          this.#listeners.add(listener)
          return () => this.#listeners.delete(listener)
        },
      },
      consoleDir: resolve('dist/console'),
      clock: systemClock,
      log: silentLog,
      ...overrides,
    }
  }
}
