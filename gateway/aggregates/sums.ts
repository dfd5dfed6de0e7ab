import { z } from 'zod'
import { ACTIONS, GRADES } from '../inspection.ts'
import { deviationOf, type Moments, mergeMoments, moments, momentsOf } from './moments.ts'
import type { CountedPart } from './part.ts'
import { MEASURE_NAMES } from './part.ts'
import {
  addValue,
  emptySketch,
  mergeSketch,
  quantile,
  type Sketch,
  sketchFromStore,
  sketchToStore,
  storedSketch,
} from './sketch.ts'

const count = z.int().min(0)

/** Sums as they are stored: `poincon.aggregate/1`. */
export const storedSums = z.object({
  schema: z.literal('poincon.aggregate/1'),
  parts: count,
  grades: z.partialRecord(z.enum(GRADES), count),
  ungraded: count,
  actions: z.partialRecord(z.enum(ACTIONS), count),
  measures: z.record(z.string(), z.object({ moments, sketch: storedSketch })),
})
export type StoredSums = Readonly<z.infer<typeof storedSums>>

interface MeasureSums {
  moments: Moments
  readonly sketch: Sketch
}

/** What a set of parts came to: counts, and how every measure is spread. Filled in place. */
export class Sums {
  parts = 0
  ungraded = 0
  readonly grades: Partial<Record<(typeof GRADES)[number], number>> = {}
  readonly actions: Partial<Record<(typeof ACTIONS)[number], number>> = {}
  readonly #measures = new Map<string, MeasureSums>()

  static from(stored: StoredSums): Sums {
    const sums = new Sums()
    sums.parts = stored.parts
    sums.ungraded = stored.ungraded
    Object.assign(sums.grades, stored.grades)
    Object.assign(sums.actions, stored.actions)
    for (const [name, measure] of Object.entries(stored.measures)) {
      sums.#measures.set(name, { moments: measure.moments, sketch: sketchFromStore(measure.sketch) })
    }
    return sums
  }

  add({ grade, action, measures }: CountedPart): void {
    this.parts += 1
    if (grade === undefined) this.ungraded += 1
    else this.grades[grade] = (this.grades[grade] ?? 0) + 1
    this.actions[action] = (this.actions[action] ?? 0) + 1
    for (const name of MEASURE_NAMES) {
      const value = measures[name]
      if (value === undefined) continue
      const known = this.#measures.get(name)
      const sketch = known?.sketch ?? emptySketch()
      addValue(sketch, value)
      const of = momentsOf(value)
      if (known === undefined) this.#measures.set(name, { moments: of, sketch })
      else known.moments = mergeMoments(known.moments, of)
    }
  }

  merge(other: Sums): void {
    this.parts += other.parts
    this.ungraded += other.ungraded
    for (const grade of GRADES) {
      if (other.grades[grade] !== undefined)
        this.grades[grade] = (this.grades[grade] ?? 0) + other.grades[grade]
    }
    for (const action of ACTIONS) {
      if (other.actions[action] !== undefined)
        this.actions[action] = (this.actions[action] ?? 0) + other.actions[action]
    }
    for (const [name, { moments: of, sketch }] of other.#measures) {
      const known = this.#measures.get(name) ?? { moments: { ...of, count: 0, m2: 0 }, sketch: emptySketch() }
      known.moments = mergeMoments(known.moments, of)
      mergeSketch(known.sketch, sketch)
      this.#measures.set(name, known)
    }
  }

  toStore(): StoredSums {
    const { parts, ungraded, grades, actions } = this
    return {
      schema: 'poincon.aggregate/1',
      ...{ parts, ungraded, grades, actions },
      measures: Object.fromEntries(
        [...this.#measures].map(([name, { moments: of, sketch }]) => [
          name,
          { moments: of, sketch: sketchToStore(sketch) },
        ]),
      ),
    }
  }

  /** For people and programs that ask: every count, and of each measure what is usually wanted. */
  onWire(): SumsOnWire {
    const { parts, ungraded } = this
    return {
      parts,
      ungraded,
      grades: Object.fromEntries(GRADES.map((grade) => [grade, this.grades[grade] ?? 0])),
      actions: Object.fromEntries(ACTIONS.map((action) => [action, this.actions[action] ?? 0])),
      measures: Object.fromEntries([...this.#measures].map(([name, sums]) => [name, measureOnWire(sums)])),
    }
  }
}

const QUANTILES = { p05: 0.05, p25: 0.25, p50: 0.5, p75: 0.75, p95: 0.95 } as const

const measureSums = z.object({
  count: count.describe('Parts of which it was measured.'),
  mean: z.number(),
  std: z.number().min(0).optional().describe('Sample standard deviation; absent of fewer than two.'),
  min: z.number(),
  max: z.number(),
  p05: z.number().describe('Quantiles, to 0.5 % of their value.'),
  p25: z.number(),
  p50: z.number(),
  p75: z.number(),
  p95: z.number(),
})

/** What the API says of a set of parts. */
export const sumsOnWire = z.object({
  parts: count,
  ungraded: count,
  grades: z.record(z.string(), count),
  actions: z.record(z.string(), count),
  measures: z.record(z.string(), measureSums),
})
export type SumsOnWire = z.infer<typeof sumsOnWire>

function measureOnWire({ moments: of, sketch }: MeasureSums): SumsOnWire['measures'][string] {
  // The sketch knows a quantile to half a per cent; the extremes are exact, and nothing lies beyond them.
  const at = (share: number): number => Math.min(of.max, Math.max(of.min, quantile(sketch, share) ?? of.mean))
  const std = deviationOf(of)
  return {
    count: of.count,
    mean: of.mean,
    ...(std === undefined ? {} : { std }),
    min: of.min,
    max: of.max,
    p05: at(QUANTILES.p05),
    p25: at(QUANTILES.p25),
    p50: at(QUANTILES.p50),
    p75: at(QUANTILES.p75),
    p95: at(QUANTILES.p95),
  }
}
