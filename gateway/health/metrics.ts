import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type OpenMetricsContentType,
  Registry,
} from 'prom-client'
import type { Action, Grade } from '../inspection.ts'
import type { Counters, SinkCounters } from './counters.ts'

/** A decision, as far as the metrics count it. Times are in ms of the monotonic clock. */
export interface DecidedPart {
  readonly grade?: Grade
  readonly action: Action
  /** `<reason>` or `<reason>:<head id>`. */
  readonly reasons: readonly string[]
  /** From the trigger to the gate's command. */
  readonly latencyMs: number
  /** From the last byte read to the decision; absent where nothing was read. */
  readonly decisionMs?: number
}

export interface MetricsSources {
  readonly version: string
  readonly counters: () => Counters
  readonly sinks: () => readonly SinkCounters[]
}

const LATENCY_BUCKETS_S = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 1, 2]
const DECISION_BUCKETS_S = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1]
const APPEND_BUCKETS_S = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2]

/** Reasons come from recipes too; beyond this many, they are counted together so that series stay few. */
const MAX_REASONS = 64

/** The process's numbers in OpenMetrics, in a registry of its own. */
export class Metrics {
  readonly #registry = new Registry<OpenMetricsContentType>()
  readonly #knownReasons = new Set<string>()
  readonly #inspections: Counter<'grade' | 'action'>
  readonly #reasons: Counter<'reason' | 'head'>
  readonly #latency: Histogram
  readonly #decision: Histogram
  readonly #append: Histogram

  private constructor() {
    this.#registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
    const registers = [this.#registry]
    this.#inspections = new Counter({
      name: 'poincon_inspections_total',
      help: 'Decided parts by grade (none when ungraded) and action',
      labelNames: ['grade', 'action'],
      registers,
    })
    this.#reasons = new Counter({
      name: 'poincon_reasons_total',
      help: 'Reasons given in verdicts; head where the reason names one',
      labelNames: ['reason', 'head'],
      registers,
    })
    const histogram = (name: string, help: string, buckets: number[]) =>
      new Histogram({ name: `poincon_${name}_seconds`, help, buckets, registers })
    this.#latency = histogram('latency', 'From the trigger to the command of the gate', LATENCY_BUCKETS_S)
    this.#decision = histogram('decision', 'From the last byte read to the decision', DECISION_BUCKETS_S)
    this.#append = histogram('append', 'From the decision to the row on disk', APPEND_BUCKETS_S)
  }

  /**
   * Starts to collect. The process's own numbers (CPU, memory, event-loop delay, garbage collection) are taken
   * at each scrape; between scrapes only the loop-delay timer runs.
   */
  static open(sources: MetricsSources): Metrics {
    const metrics = new Metrics()
    const register = metrics.#registry
    collectDefaultMetrics({ register, eventLoopMonitoringPrecision: 20 })
    new Gauge({
      name: 'poincon_build_info',
      help: 'Always 1; the version is its label',
      labelNames: ['version'],
      registers: [register],
    }).set({ version: sources.version }, 1)
    exportParts(register, sources.counters)
    exportSinks(register, sources.sinks)
    return metrics
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** The gate has its command. */
  decided({ grade, action, reasons, latencyMs, decisionMs }: DecidedPart): void {
    this.#inspections.inc({ grade: grade ?? 'none', action })
    for (const entry of reasons) this.#reasons.inc(this.#labelsOf(entry))
    this.#latency.observe(latencyMs / 1000)
    if (decisionMs !== undefined) this.#decision.observe(decisionMs / 1000)
  }

  /** The inspection is on disk, `ms` after its decision. */
  appended(ms: number): void {
    this.#append.observe(ms / 1000)
  }

  /** The whole exposition; send it with `contentType`. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  #labelsOf(entry: string): { reason: string; head: string } {
    if (!this.#knownReasons.has(entry)) {
      if (this.#knownReasons.size >= MAX_REASONS) return { reason: 'other', head: '' }
      this.#knownReasons.add(entry)
    }
    const [reason = '', head = ''] = entry.split(':', 2)
    return { reason, head }
  }
}

/** The gauges among the counters go up and down; the others only grow. */
const MOMENTARY = new Set<string>(['inFlight', 'appending'])

function exportParts(register: Registry<OpenMetricsContentType>, counters: () => Counters): void {
  new Counter({
    name: 'poincon_parts_total',
    help: 'Parts since start, by how far they got: triggers = accepted + rejected + held + in flight',
    labelNames: ['counter'],
    registers: [register],
    collect() {
      this.reset()
      for (const [counter, value] of Object.entries(counters())) {
        if (!MOMENTARY.has(counter)) this.inc({ counter }, value)
      }
    },
  })
  const now = (name: string, help: string, value: () => number) =>
    new Gauge({
      name: `poincon_parts_${name}`,
      help,
      registers: [register],
      collect() {
        this.set(value())
      },
    })
  now('in_flight', 'Parts seen and not yet decided', () => counters().inFlight)
  now('appending', 'Parts decided and not yet on disk', () => counters().appending)
}

function exportSinks(register: Registry<OpenMetricsContentType>, sinks: () => readonly SinkCounters[]): void {
  for (const name of ['stored', 'delivered', 'backlog', 'quarantined'] as const) {
    new Gauge({
      name: `poincon_sink_${name}`,
      help: `Log entries of the present epoch: ${name}; stored = delivered + backlog + quarantined`,
      labelNames: ['sink'],
      registers: [register],
      collect() {
        this.reset()
        for (const sink of sinks()) this.set({ sink: sink.name }, sink[name])
      },
    })
  }
}
