import { z } from 'zod'
import type { Judgement } from '../../inspection.ts'
import { type Capability, capabilityOf, type Specification } from './capability.ts'
import { ControlChart, type Violation } from './chart.ts'
import { measureOf } from './measures.ts'
import { type ChartOptions, chartPlan } from './options.ts'

/** What a set of charts belongs to: limits of one recipe say nothing of another, and each lot is told by itself. */
export interface ChartKey {
  readonly recipe: string
  readonly revision: number
  readonly lot: string
}

/** A point that a part completed on a chart in phase II. */
export interface ChartPoint {
  /** Name of the chart. */
  readonly chart: string
  readonly violations: readonly Violation[]
}

export interface ChartSetOptions {
  readonly charts: readonly ChartOptions[]
  /** Recipes and lots kept at once, from 1; the one longest without a part goes first. */
  readonly maxKeys: number
}

interface Entry {
  readonly key: ChartKey
  readonly charts: readonly ControlChart[]
  /** Count of parts of the whole set when this one got its last. */
  used: number
  /** What its last part was measured with. */
  basis?: string | undefined
}

const snapshotSchema = z.object({
  version: z.literal(1),
  plans: z.string(),
  parts: z.int().min(0),
  retired: z.int().min(0),
  entries: z.array(
    z.object({
      key: z.object({ recipe: z.string(), revision: z.int(), lot: z.string() }),
      used: z.int().min(0),
      basis: z.string().optional(),
      charts: z.array(z.unknown()),
    }),
  ),
})

/** The charts of a station, by recipe and lot; memory is bounded by `maxKeys` times the charts. */
export class ChartSet {
  readonly #options: ChartSetOptions
  readonly #entries = new Map<string, Entry>()
  #parts = 0
  #retired = 0

  constructor(options: ChartSetOptions) {
    if (!Number.isInteger(options.maxKeys) || options.maxKeys < 1) {
      throw new RangeError(`maxKeys ${options.maxKeys}: expected an integer from 1 on`)
    }
    this.#options = options
  }

  /** Recipes and lots that are kept, and how many went. */
  get size(): { readonly keys: number; readonly retired: number } {
    return { keys: this.#entries.size, retired: this.#retired }
  }

  keys(): readonly ChartKey[] {
    return [...this.#entries.values()].map(({ key }) => key)
  }

  /**
   * Takes in one part.
   * @param at number of the part, e.g. the sequence of its inspection
   * @returns the charts on which it completed a point that was judged, also where no rule was broken
   */
  see(key: ChartKey, judgement: Judgement, at: number): readonly ChartPoint[] {
    const entry = this.#entryOf(key)
    this.#parts += 1
    entry.used = this.#parts
    const points: ChartPoint[] = []
    this.#options.charts.forEach(({ name, value }, index) => {
      const chart = entry.charts[index]
      const measured = measureOf(value, judgement)
      if (chart === undefined || measured === undefined) return
      const before = chart.figures.points
      const judged = chart.phase === 2
      const violations = chart.see(measured, at)
      if (judged && chart.figures.points > before) points.push({ chart: name, violations })
    })
    return points
  }

  /** That of the last part. */
  get latest(): ChartKey | undefined {
    const [latest] = [...this.#entries.values()].sort((one, other) => other.used - one.used)
    return latest?.key
  }

  /**
   * The next part of a recipe and lot was measured with this: limits that were learnt with something else say nothing of
   * it, and are learnt anew.
   * @param basis e.g. the ids of calibrations
   * @returns names of the charts that learn anew
   */
  measuredWith(key: ChartKey, basis: string): readonly string[] {
    const entry = this.#entryOf(key)
    const before = entry.basis
    entry.basis = basis
    return before === undefined || before === basis ? [] : this.relearn(key)
  }

  /**
   * Charts of a recipe and lot learn their limits anew, from the next part on; one whose limits are configured keeps them.
   * @param name absent: all of them
   * @returns the names of those that do
   */
  relearn(key: ChartKey, name?: string): readonly string[] {
    const charts = this.#entries.get(textOf(key))?.charts ?? []
    return this.#options.charts.flatMap((options, index) => {
      const chart = charts[index]
      if (chart === undefined || chart.plan.known !== undefined) return []
      if (name !== undefined && options.name !== name) return []
      chart.relearn()
      return [options.name]
    })
  }

  /** A chart, for showing it. */
  chart(key: ChartKey, name: string): ControlChart | undefined {
    const index = this.#options.charts.findIndex((chart) => chart.name === name)
    return this.#entries.get(textOf(key))?.charts[index]
  }

  /** @param specification in place of the configured one, e.g. the recipe's limits */
  capability(key: ChartKey, name: string, specification?: Specification): Capability | undefined {
    const chart = this.chart(key, name)
    const limits = specification ?? this.#options.charts.find((one) => one.name === name)?.specification
    return chart === undefined || limits === undefined ? undefined : capabilityOf(chart, limits)
  }

  /** All it remembers, as JSON. */
  snapshot(): unknown {
    return {
      version: 1,
      plans: this.#plans(),
      parts: this.#parts,
      retired: this.#retired,
      entries: [...this.#entries.values()].map(({ key, used, basis, charts }) => ({
        key,
        used,
        ...(basis === undefined ? {} : { basis }),
        charts: charts.map((chart) => chart.snapshot()),
      })),
    }
  }

  /**
   * Takes up what another process left; call it before the first part.
   * @returns false where the snapshot is none, or of other charts: then it begins anew
   */
  restore(snapshot: unknown): boolean {
    const parsed = snapshotSchema.safeParse(snapshot)
    if (!parsed.success || parsed.data.plans !== this.#plans()) return false
    const { entries, parts, retired } = parsed.data
    const kept = entries.sort((one, other) => one.used - other.used).slice(-this.#options.maxKeys)
    try {
      const charts = kept.map((entry) => ({
        ...entry,
        charts: this.#options.charts.map(
          (options, index) => new ControlChart(chartPlan(options), entry.charts[index]),
        ),
      }))
      this.#entries.clear()
      for (const entry of charts) this.#entries.set(textOf(entry.key), entry)
    } catch (error) {
      if (error instanceof z.ZodError) return false
      throw error
    }
    this.#parts = parts
    this.#retired = retired + entries.length - kept.length
    return true
  }

  #plans(): string {
    return JSON.stringify(this.#options.charts.map((chart) => [chart.name, chart.value, chartPlan(chart)]))
  }

  #entryOf(key: ChartKey): Entry {
    const text = textOf(key)
    const known = this.#entries.get(text)
    if (known !== undefined) return known
    if (this.#entries.size >= this.#options.maxKeys) this.#retireOldest()
    const charts = this.#options.charts.map((options) => new ControlChart(chartPlan(options)))
    const entry = { key: { ...key }, charts, used: this.#parts }
    this.#entries.set(text, entry)
    return entry
  }

  #retireOldest(): void {
    const [oldest] = [...this.#entries].sort(([, one], [, other]) => one.used - other.used)
    if (oldest === undefined) return
    this.#entries.delete(oldest[0])
    this.#retired += 1
  }
}

function textOf({ recipe, revision, lot }: ChartKey): string {
  // No name has a line end: the key is unique.
  return `${recipe}\n${revision}\n${lot}`
}
