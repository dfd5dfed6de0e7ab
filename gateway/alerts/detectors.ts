import { z } from 'zod'
import type { AlertEvent } from './event.ts'
import { type Detector, type Finding, inspectionOf, isWell, look, NOTHING, STATION } from './finding.ts'
import { valueAt } from './path.ts'
import { RateByParts, RateByTime } from './rate.ts'
import type { AlertRule, RuleOf } from './rules.ts'
import { TrendDetector } from './trend.ts'

const count = z.int().min(0)

/** What finds the breaches of a rule. */
export function detectorOf(rule: AlertRule, nowMs: number): Detector {
  switch (rule.kind) {
    case 'threshold':
      return new ThresholdDetector(rule)
    case 'trend':
      return new TrendDetector(rule)
    case 'rate':
      return rule.window.parts === undefined ? new RateByTime(rule) : new RateByParts(rule)
    case 'absence':
      return new AbsenceDetector(rule, nowMs)
    case 'chart':
      return { see: (event) => chartFindings(rule, event) }
    case 'state':
      return { see: (event) => stateFindings(rule, event) }
  }
}

class ThresholdDetector implements Detector {
  readonly #rule: RuleOf<'threshold'>
  #seen = 0

  constructor(rule: RuleOf<'threshold'>) {
    this.#rule = rule
  }

  see(event: AlertEvent): readonly Finding[] {
    if (event.kind !== 'inspection') return NOTHING
    const { when, clear_limit, min_parts } = this.#rule
    const found = look(when, event.message)
    if (found === undefined) return NOTHING
    this.#seen = Math.min(this.#seen + 1, min_parts)
    const { met, value, limit } = found
    const finding = { subject: STATION, value, limit, inspection: inspectionOf(event.message) }
    if (met) return [{ ...finding, met: this.#seen >= min_parts, well: false, each: true }]
    return [{ ...finding, met: false, well: isWell(when, value, clear_limit) }]
  }

  memory(): unknown {
    return this.#seen
  }

  recall(memory: unknown): void {
    this.#seen = count.catch(0).parse(memory)
  }
}

class AbsenceDetector implements Detector {
  readonly #rule: RuleOf<'absence'>
  #seenAt: number

  constructor(rule: RuleOf<'absence'>, nowMs: number) {
    this.#rule = rule
    this.#seenAt = nowMs
  }

  see(event: AlertEvent, nowMs: number): readonly Finding[] {
    const { value: path, seconds } = this.#rule
    if (event.kind === 'line' && !event.stands) {
      // What could not come while the line stood is not missed yet when it runs again; nor has it come.
      this.#seenAt = nowMs
      return [{ subject: STATION, met: false, well: false }]
    }
    if (event.kind === 'inspection' && (path === undefined || valueAt(event.message, path) !== undefined)) {
      this.#seenAt = nowMs
      return [{ subject: STATION, met: false, well: true }]
    }
    if (event.kind !== 'tick') return NOTHING
    const value = (nowMs - this.#seenAt) / 1000
    return value > seconds ? [{ subject: STATION, met: true, well: false, value, limit: seconds }] : NOTHING
  }

  memory(nowMs: number): unknown {
    return nowMs - this.#seenAt
  }

  recall(memory: unknown, nowMs: number): void {
    this.#seenAt = nowMs - z.number().min(0).catch(0).parse(memory)
  }
}

function chartFindings(rule: RuleOf<'chart'>, event: AlertEvent): readonly Finding[] {
  if (event.kind !== 'chart' || (rule.charts !== undefined && !rule.charts.includes(event.chart)))
    return NOTHING
  const broken = event.violations.filter((one) => rule.rules === undefined || rule.rules.includes(one.rule))
  const [first] = broken
  const subject = event.chart
  if (first === undefined) return [{ subject, met: false, well: true }]
  const { value, limits } = first
  return [
    {
      subject,
      met: true,
      well: false,
      each: true,
      value,
      limit: value < (limits.lower + limits.upper) / 2 ? limits.lower : limits.upper,
      detail: broken.map((one) => one.rule).join(', '),
      inspection: event.inspection,
    },
  ]
}

function stateFindings(rule: RuleOf<'state'>, event: AlertEvent): readonly Finding[] {
  if (event.kind !== 'unit' || rule.except.includes(event.name)) return NOTHING
  if (rule.units !== undefined && !rule.units.includes(event.name)) return NOTHING
  const { name: subject, state, detail } = event
  if (state === 'ok' || !rule.states.includes(state)) return [{ subject, met: false, well: true }]
  return [{ subject, met: true, well: false, value: state, limit: 'ok', detail }]
}
