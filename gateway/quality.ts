import type { Clock } from '../drivers/clock.ts'
import type { DecidedPart } from './acquisition.ts'
import type { Alerts } from './alerts/alerts.ts'
import type { Capability } from './analysis/charts/capability.ts'
import { type ChartKey, ChartSet } from './analysis/charts/chart-set.ts'
import type { Config } from './config.ts'
import { kpiReportOf } from './kpi.ts'
import { KpiBoard } from './kpi-board.ts'
import type { KpiTargets } from './kpi-options.ts'
import type { KpiReport } from './kpi-report.ts'
import { ShiftCalendar } from './kpi-shifts.ts'
import type { Log } from './log.ts'
import type { OutboxEntry } from './outbox.ts'
import type { Recipe } from './recipe.ts'
import { RejectWatch } from './reject-watch.ts'
import type { ShiftBook, ShiftRecord } from './shift-book.ts'
import { shiftsOptions } from './shift-options.ts'
import type { Unit, UnitStatus } from './station.ts'

/** What is watched, and with what. */
export interface QualityParts {
  readonly config: Pick<Config, 'charts' | 'shifts' | 'stop_on_rejects' | 'kpi'>
  readonly alerts: Pick<Alerts, 'see'>
  /** Where what it has learnt outlives a restart. */
  readonly state: { get(key: string): Promise<unknown>; set(key: string, value: unknown): Promise<void> }
  readonly lot: () => string
  /** In force: its targets go before the configuration's. */
  readonly recipe: () => Pick<Recipe, 'kpi'>
  /** Every unit of the station, as it is now. */
  readonly units: () => readonly {
    readonly name: string
    readonly state: UnitStatus['state']
    readonly detail?: string
  }[]
  readonly gate: { readonly lineStopped: boolean; stopLine(): void }
  /** An update has the line. */
  readonly updating: () => boolean
  /** Where shifts go that ended. */
  readonly shifts: Pick<ShiftBook, 'load' | 'ended' | 'settle' | 'recent' | 'waiting'>
  readonly clock: Clock
  readonly log: Log
}

/** Charts that learn their limits anew. */
export interface Relearning {
  readonly charts: readonly string[]
  readonly key: ChartKey
}

/** The recipe and lot that a chart belongs to, and what it says. */
export interface ChartView {
  readonly key: ChartKey
  readonly chart: string
  readonly phase: 1 | 2
  readonly points: number
  readonly capability: Capability | undefined
}

const TICK_MS = 1000
const REMEMBER_MS = 60_000
const STATE = 'quality'
/** Recipes and lots whose charts are kept. */
const MOST_KEYS = 32

/**
 * Over the parts: control charts by recipe and lot, key figures of lot and shift, and a line that is stopped when too many
 * parts are rejected. What it notices becomes alerts. A part never waits for it, and a fault of it costs no part.
 */
export class QualityWatch implements Unit {
  readonly name = 'quality'
  readonly #parts: QualityParts
  readonly #charts: ChartSet
  readonly #kpis: KpiBoard
  readonly #rejects: RejectWatch
  readonly #ended = new AbortController()
  #ticking: Promise<void> = Promise.resolve()
  #fault: string | undefined
  #stopped: string | undefined

  constructor(parts: QualityParts) {
    const { config, clock, lot } = parts
    this.#parts = parts
    this.#charts = new ChartSet({ charts: config.charts, maxKeys: MOST_KEYS })
    this.#kpis = new KpiBoard({
      calendar: new ShiftCalendar(config.shifts ?? shiftsOptions.parse({})),
      shifts: config.shifts !== undefined,
      lot: lot(),
      wallMs: clock.wall(),
    })
    this.#rejects = new RejectWatch(config.stop_on_rejects)
  }

  /** Takes up what the process before had learnt; what cannot be read is learnt anew. */
  async start(): Promise<void> {
    const { state, shifts, log } = this.#parts
    const snapshot = await state.get(STATE).catch((err: unknown) => {
      log.warn({ err }, 'what was learnt of the parts cannot be read')
      return undefined
    })
    if (isRecord(snapshot)) {
      this.#charts.restore(snapshot.charts)
      this.#kpis.restore(snapshot.kpis)
      this.#rejects.restore(snapshot.rejects)
    }
    await shifts.load(isRecord(snapshot) ? snapshot.shifts : undefined)
    this.#ticking = this.#tick(this.#ended.signal)
  }

  async stop(): Promise<void> {
    this.#ended.abort()
    await this.#ticking
    await this.#parts.shifts.settle()
    await this.#remember()
  }

  /** The gate was told. Never throws. */
  decided({ judgement }: DecidedPart): void {
    this.#safely('parts', () => {
      const { clock, gate, log } = this.#parts
      this.#kpis.see(judgement.verdict, clock.wall())
      const stop = this.#rejects.see(judgement.verdict)
      if (stop === undefined) return
      this.#stopped = `${stop.reason}: ${stop.value} rejected parts, ${stop.limit} stop the line`
      log.error({ ...stop }, 'too many rejects: the line is stopped')
      gate.stopLine()
    })
  }

  /** The part is on disk. Never throws. */
  stored(entry: OutboxEntry, { judgement }: DecidedPart): void {
    this.#safely('charts', () => {
      const { alerts } = this.#parts
      const { id, epoch, sequence } = entry
      const message: unknown = entry.message ?? JSON.parse(entry.payload)
      const key = keyOf(message)
      // What could not be graded was perhaps not measured at all.
      if (key !== undefined && judgement.verdict.kind === 'graded') {
        this.#measuredWith(key, calibrationOf(message))
      }
      const points = key === undefined ? [] : this.#charts.see(key, judgement, sequence)
      const inspection = { id, epoch, sequence }
      for (const point of points) alerts.see({ kind: 'chart', ...point, inspection })
      alerts.see({ kind: 'inspection', message })
    })
  }

  /** Somebody lets the line go on, or other parts come: what was rejected before counts no more. */
  resumed(): void {
    this.#stopped = undefined
    this.#rejects.reset()
  }

  /**
   * The charts of the recipe and lot of the last part learn their limits anew; what they had alerted of ends.
   * @param name absent: all of them
   * @returns those that do; none where the limits are configured, or no part has come
   */
  relearn(name?: string): Relearning | undefined {
    const key = this.#charts.latest
    return key === undefined ? undefined : { charts: this.#begunAnew(this.#charts.relearn(key, name)), key }
  }

  /** Limits that were learnt with one calibration say nothing of what another measures. */
  #measuredWith(key: ChartKey, calibration: string): void {
    const charts = this.#begunAnew(this.#charts.measuredWith(key, calibration))
    if (charts.length > 0)
      this.#parts.log.info({ charts, ...key }, 'another calibration: limits are learnt anew')
  }

  /** A chart that judges nothing for now alerts of nothing. */
  #begunAnew(charts: readonly string[]): readonly string[] {
    for (const chart of charts) this.#parts.alerts.see({ kind: 'chart', chart, violations: [] })
    return charts
  }

  /** Key figures begin again. */
  lotBegun(lot: string): void {
    const ended = this.#kpis.beginLot(lot, this.#parts.clock.wall())
    this.#parts.log.info({ lot: ended.name, parts: ended.parts }, 'key figures of the lot ended')
    this.resumed()
  }

  /** The running lot, the running shift where there is one, and those that ended, newest first. */
  kpis(): {
    readonly lot: KpiReport
    readonly shift?: KpiReport
    readonly endedShifts: readonly ShiftRecord[]
  } {
    const targets = this.#targets()
    const shift = this.#kpis.shiftReport(targets)
    const endedShifts = this.#parts.shifts.recent
    return { lot: this.#kpis.lotReport(targets), ...(shift === undefined ? {} : { shift }), endedShifts }
  }

  #targets(): KpiTargets {
    const { config, recipe } = this.#parts
    return targetsOf(recipe()) ?? config.kpi
  }

  /** Every chart that has a point. */
  charts(): readonly ChartView[] {
    return this.#charts.keys().flatMap((key) =>
      this.#parts.config.charts.flatMap(({ name }) => {
        const chart = this.#charts.chart(key, name)
        if (chart === undefined || chart.figures.points === 0) return []
        const capability = this.#charts.capability(key, name)
        return [{ key, chart: name, phase: chart.phase, points: chart.figures.points, capability }]
      }),
    )
  }

  status(): UnitStatus {
    const facts = { charts: this.#charts.size.keys, retired: this.#charts.size.retired }
    if (this.#stopped !== undefined) return { state: 'degraded', detail: this.#stopped, facts }
    if (this.#fault !== undefined) return { state: 'degraded', detail: this.#fault, facts }
    return { state: 'ok', facts }
  }

  async #tick(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    let remembered = clock.now()
    while (!signal.aborted) {
      await clock.sleep(TICK_MS, signal).catch(() => {})
      if (signal.aborted) return
      this.#safely('units', () => this.#look())
      await this.#parts.shifts.settle()
      if (clock.now() - remembered < REMEMBER_MS) continue
      remembered = clock.now()
      await this.#remember()
    }
  }

  #look(): void {
    const { alerts, gate, updating, units, shifts, clock } = this.#parts
    this.#kpis.line(gate.lineStopped, clock.wall())
    this.#kpis.update(updating(), clock.wall())
    for (const { state, beginMs } of this.#kpis.takeEndedShifts()) {
      shifts.ended(kpiReportOf(state, this.#targets()), beginMs)
    }
    alerts.see({ kind: 'line', stands: gate.lineStopped })
    for (const { name, state, detail } of units()) alerts.see({ kind: 'unit', name, state, detail })
  }

  async #remember(): Promise<void> {
    const { state, log } = this.#parts
    const value = {
      charts: this.#charts.snapshot(),
      kpis: this.#kpis.snapshot(),
      rejects: this.#rejects.snapshot(),
      shifts: this.#parts.shifts.waiting,
    }
    await state.set(STATE, value).catch((err: unknown) => {
      log.warn({ err }, 'what was learnt of the parts cannot be kept')
    })
  }

  #safely(what: string, work: () => void): void {
    try {
      work()
      if (this.#fault?.startsWith(what)) this.#fault = undefined
    } catch (err) {
      const detail = `${what}: ${err instanceof Error ? err.message : String(err)}`
      if (this.#fault !== detail) this.#parts.log.error({ err }, 'the parts cannot be watched')
      this.#fault = detail
    }
  }
}

/** Per cent as shares. */
function targetsOf({ kpi }: Pick<Recipe, 'kpi'>): KpiTargets | undefined {
  if (kpi === undefined) return undefined
  const { conformityPercent, downgradePercent, rejectPercent, partsPerH } = kpi
  const most = ({ target, most: limit }: { target: number; most: number }) => ({
    target: target / 100,
    limit: limit / 100,
  })
  return {
    conformity: {
      excellent: conformityPercent.excellent / 100,
      target: conformityPercent.target / 100,
      limit: conformityPercent.least / 100,
    },
    downgrade: most(downgradePercent),
    reject: most(rejectPercent),
    cadence_per_h: { target: partsPerH.target, limit: partsPerH.least },
  }
}

function keyOf(message: unknown): ChartKey | undefined {
  if (!isRecord(message) || !isRecord(message.recipe)) return undefined
  const { lot_id: lot, recipe } = message
  const { id, revision } = recipe
  if (typeof lot !== 'string' || typeof id !== 'string' || typeof revision !== 'number') return undefined
  return { recipe: id, revision, lot }
}

/** Ids of the calibrations that a part was measured with, as one text; parts without any have the empty one. */
function calibrationOf(message: unknown): string {
  if (!isRecord(message) || !isRecord(message.provenance)) return ''
  const { calibration } = message.provenance
  return Array.isArray(calibration) ? calibration.join(' ') : ''
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
