import { type InspectionMessage, inspectionMessage } from '../message.ts'
import type { DataType, Metric, MetricValue } from './payload.ts'
import { type FlatMetric, flatten, metricsOf, type Shape, shapeOf } from './shape.ts'

/** One inspection, ready to be told. */
export interface FlatInspection {
  /** When its trigger came, ms since 1970. */
  readonly timestamp: number
  readonly metrics: readonly FlatMetric[]
}

interface Known {
  readonly name: string
  readonly alias: number
  readonly type: DataType
  /** The present one; null: there is none. */
  value: MetricValue
  /** Some inspection had a value: from then on its absence is told too. */
  told: boolean
}

/**
 * The metrics of the device: all that the schema of an inspection names, from the first birth on, and what comes under
 * names of its own (channels, further heads, models) from its first appearance on, which calls for a rebirth.
 */
export class DeviceMetrics {
  readonly #shape: Shape = shapeOf(inspectionMessage)
  readonly #known = new Map<string, Known>()
  readonly #firstAlias: number
  #timestamp: number

  /**
   * @param firstAlias aliases below are the node's own
   * @param wallMs stands beside the values before the first inspection, ms since 1970
   */
  constructor(firstAlias: number, wallMs: number) {
    this.#firstAlias = firstAlias
    this.#timestamp = wallMs
    for (const [name, type] of metricsOf(this.#shape)) this.#learn(name, type)
  }

  /** @throws when it is no message of an inspection, or a metric of it has another type than before */
  parse(payload: string): FlatInspection {
    // The log's own canonical JSON: it was checked when it was appended.
    const message: InspectionMessage = JSON.parse(payload)
    const metrics = flatten(message, this.#shape)
    for (const { name, type } of metrics) {
      const known = this.#known.get(name)
      if (known !== undefined && known.type !== type)
        throw new RangeError(`${name} is ${type} now, and was ${known.type}`)
    }
    const timestamp = Date.parse(message.timestamp)
    if (!Number.isFinite(timestamp)) throw new RangeError(`timestamp is ${message.timestamp}`)
    return { timestamp, metrics }
  }

  /** Takes the values of an inspection as the present ones. @throws as `parse` */
  recall(payload: string): void {
    const inspection = this.parse(payload)
    this.extend(inspection)
    this.data(inspection, false)
  }

  /** Takes up names that no birth has told yet. @returns whether there are any, so that a rebirth is due */
  extend({ metrics }: FlatInspection): boolean {
    const before = this.#known.size
    for (const { name, type } of metrics) if (!this.#known.has(name)) this.#learn(name, type)
    return this.#known.size > before
  }

  /** Every metric with its present value: that of the inspection recalled or told last, history aside. */
  birth(): Metric[] {
    const timestamp = this.#timestamp
    return Array.from(this.#known.values(), ({ name, alias, type, value }) => ({
      name,
      alias,
      type,
      value,
      timestamp,
    }))
  }

  /**
   * All that one inspection says, and of what earlier ones had and it has not that there is none: the value of another
   * part must not stand for this one's. Its names must have been told.
   */
  data({ metrics, timestamp }: FlatInspection, historical: boolean): Metric[] {
    const values = new Map(metrics.map(({ name, value }) => [name, value]))
    if (!historical) this.#timestamp = timestamp
    const told: Metric[] = []
    for (const known of this.#known.values()) {
      const { name, alias, type } = known
      const value = values.get(name) ?? null
      known.told ||= value !== null
      if (!historical) known.value = value
      if (known.told) told.push({ name, alias, type, value, timestamp, historical })
    }
    return told
  }

  #learn(name: string, type: DataType): void {
    const alias = this.#firstAlias + this.#known.size
    this.#known.set(name, { name, alias, type, value: null, told: false })
  }
}
