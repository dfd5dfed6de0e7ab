import { z } from 'zod'
import type { AlertEvent } from './event.ts'
import { type Detector, type Finding, inspectionOf, NOTHING, STATION } from './finding.ts'
import { valueAt } from './path.ts'
import { Ring } from './ring.ts'
import type { RuleOf } from './rules.ts'

const values = z.array(z.number()).max(1000)

/** Least-squares slope against 0, 1, 2 …, and its standard error. Undefined of fewer than three values. */
export function slopeOf(
  ys: readonly number[],
): { readonly slope: number; readonly error: number } | undefined {
  const n = ys.length
  if (n < 3) return undefined
  const middle = (n - 1) / 2
  const mean = ys.reduce((sum, y) => sum + y, 0) / n
  const sxx = (n * (n * n - 1)) / 12
  let sxy = 0
  let syy = 0
  ys.forEach((y, x) => {
    sxy += (x - middle) * (y - mean)
    syy += (y - mean) ** 2
  })
  const slope = sxy / sxx
  return { slope, error: Math.sqrt(Math.max(0, syy - slope * sxy) / (n - 2) / sxx) }
}

/** A value that drifts. Says nothing until it has seen as many parts as it looks at. */
export class TrendDetector implements Detector {
  readonly #rule: RuleOf<'trend'>
  #ring: Ring

  constructor(rule: RuleOf<'trend'>) {
    this.#rule = rule
    this.#ring = new Ring(rule.last)
  }

  see(event: AlertEvent): readonly Finding[] {
    if (event.kind !== 'inspection') return NOTHING
    const value = valueAt(event.message, this.#rule.value)
    if (typeof value !== 'number') return NOTHING
    this.#ring.push(value)
    if (!this.#ring.full) return NOTHING
    const fit = slopeOf(this.#ring.inOrder())
    if (fit === undefined) return NOTHING
    const { slope_above, slope_below, significance } = this.#rule
    const beyond = slope_above === undefined ? fit.slope < (slope_below ?? 0) : fit.slope > slope_above
    const met = beyond && Math.abs(fit.slope) > significance * fit.error
    const limit = slope_above ?? slope_below
    const inspection = inspectionOf(event.message)
    return [{ subject: STATION, met, well: !met, value: fit.slope, limit, inspection }]
  }

  memory(): unknown {
    return this.#ring.inOrder()
  }

  recall(memory: unknown): void {
    this.#ring = new Ring(this.#rule.last)
    for (const value of values.catch([]).parse(memory)) this.#ring.push(value)
  }
}
