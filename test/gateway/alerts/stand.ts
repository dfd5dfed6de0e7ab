import type { AlertChange } from '../../../gateway/alerts/alert.ts'
import { AlertEngine } from '../../../gateway/alerts/engine.ts'
import type { AlertEvent, Instant } from '../../../gateway/alerts/event.ts'
import { type AlertsOptions, alertsOptions } from '../../../gateway/alerts/rules.ts'

const EPOCH = Date.UTC(2026, 10, 21, 8)

/** `n` as an id of the right form. */
export function idOf(n: number): string {
  return `01910000-0000-7000-8000-${String(n).padStart(12, '0')}`
}

/** The message of a part, as far as rules look at it. */
export function part(fields: Record<string, unknown> = {}): AlertEvent {
  return { kind: 'inspection', message: { id: 'part', ...fields } }
}

export function scored(score: number, grade = 'A'): AlertEvent {
  return part({ verdict: { kind: 'graded', score, grade } })
}

/** An engine with a clock of its own: every event comes a second after the one before. */
export class Stand {
  engine: AlertEngine
  readonly options: AlertsOptions
  #second = 0
  #ids = 0

  /** @param rules as the configuration has them */
  constructor(rules?: readonly unknown[], more: Record<string, unknown> = {}) {
    this.options = alertsOptions.parse({ ...(rules === undefined ? {} : { rules }), ...more })
    this.engine = this.#newEngine()
  }

  get at(): Instant {
    return { nowMs: this.#second * 1000, wallMs: EPOCH + this.#second * 1000 }
  }

  see(event: AlertEvent): readonly AlertChange[] {
    this.#second += 1
    return this.engine.see(event, this.at)
  }

  /** `<change> <rule>` of everything that comes of the events. */
  told(...events: readonly AlertEvent[]): string[] {
    return events.flatMap((event) => this.see(event).map(({ change, alert }) => `${change} ${alert.rule}`))
  }

  /** Lets time pass, in ticks of a second. */
  wait(seconds: number): string[] {
    return this.told(...Array.from({ length: seconds }, () => ({ kind: 'tick' }) as const))
  }

  /** Another process takes up what this one leaves; its clock begins anew. */
  restart(downSeconds = 3600): readonly AlertChange[] {
    const snapshot: unknown = JSON.parse(JSON.stringify(this.engine.snapshot(this.at)))
    const open: unknown = JSON.parse(JSON.stringify(this.engine.open()))
    this.#second += downSeconds
    this.engine = this.#newEngine()
    return this.engine.restore(snapshot, Array.isArray(open) ? open : [], this.at)
  }

  #newEngine(): AlertEngine {
    const newId = (): string => {
      this.#ids += 1
      return idOf(this.#ids)
    }
    return new AlertEngine({ ...this.options, newId }, this.at)
  }
}
