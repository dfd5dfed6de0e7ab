import type { Metric, MetricValue } from './payload.ts'

/** What the node says about itself, at the moment of asking. */
export interface NodeFacts {
  readonly device_id: string
  readonly software: string
  readonly recipe?: { readonly id: string; readonly revision: number } | undefined
  readonly lot_id?: string | undefined
}

export const BD_SEQ = 'bdSeq'
export const NODE_REBIRTH = 'Node Control/Rebirth'
export const DEVICE_REBIRTH = 'Device Control/Rebirth'

/** In the order of their aliases; a new one goes to the end. */
const FACTS = {
  'Properties/device_id': { type: 'String', of: (facts: NodeFacts) => facts.device_id },
  'Properties/software': { type: 'String', of: (facts: NodeFacts) => facts.software },
  'Station/recipe/id': { type: 'String', of: (facts: NodeFacts) => facts.recipe?.id },
  'Station/recipe/revision': { type: 'Int64', of: (facts: NodeFacts) => facts.recipe?.revision },
  'Station/lot_id': { type: 'String', of: (facts: NodeFacts) => facts.lot_id },
} as const

const BD_SEQ_ALIAS = 1
export const DEVICE_REBIRTH_ALIAS = 2
const FIRST_FACT_ALIAS = 3
/** Aliases are unique over node and device (tck-id-payloads-alias-uniqueness): these are left to the device. */
export const FIRST_DEVICE_ALIAS = FIRST_FACT_ALIAS + Object.keys(FACTS).length

/** The metric of every birth and death. @param named a death knows no aliases */
export function bdSeqMetric(bdSeq: number, timestamp: number, aliased: boolean): Metric {
  const alias = aliased ? { alias: BD_SEQ_ALIAS } : {}
  return { name: BD_SEQ, type: 'Int64', value: bdSeq, timestamp, ...alias }
}

/** `Node Control/Rebirth` must have no alias (tck-id-operational-behavior-data-commands-rebirth-name-aliases). */
export function nodeRebirthMetric(timestamp: number): Metric {
  return { name: NODE_REBIRTH, type: 'Boolean', value: false, timestamp }
}

export function deviceRebirthMetric(timestamp: number): Metric {
  return { name: DEVICE_REBIRTH, alias: DEVICE_REBIRTH_ALIAS, type: 'Boolean', value: false, timestamp }
}

/** The facts of a node as metrics, all or those that changed. */
export class NodeMetrics {
  readonly #facts: () => NodeFacts
  readonly #told = new Map<string, MetricValue>()

  constructor(facts: () => NodeFacts) {
    this.#facts = facts
  }

  birth(timestamp: number): Metric[] {
    this.#told.clear()
    return this.changed(timestamp)
  }

  /** What is not as it was told last. */
  changed(timestamp: number): Metric[] {
    const facts = this.#facts()
    return Object.entries(FACTS).flatMap(([name, { type, of }], place) => {
      const value = of(facts) ?? null
      if (this.#told.get(name) === value) return []
      this.#told.set(name, value)
      return [{ name, alias: FIRST_FACT_ALIAS + place, type, value, timestamp }]
    })
  }
}
