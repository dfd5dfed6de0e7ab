import { z } from 'zod'
import { type Alert, type AlertChange, alertSchema } from './alert.ts'
import { detectorOf } from './detectors.ts'
import type { AlertEvent, Instant } from './event.ts'
import type { Detector } from './finding.ts'
import type { AlertRule, AlertsOptions, Severity } from './rules.ts'
import { Watch, watchMemory } from './watch.ts'

/** An acknowledgement of what is not there; what it says is for the person. */
export class AlertError extends Error {
  override readonly name = 'AlertError'
}

export interface AlertEngineOptions extends AlertsOptions {
  /** Gives each alert its UUIDv7. */
  readonly newId: () => string
}

interface RuleAtWork {
  readonly rule: AlertRule
  readonly detector: Detector
  readonly watches: Map<string, Watch>
}

const memorySchema = z.object({
  version: z.literal(1),
  stands: z.boolean(),
  rules: z.record(
    z.string(),
    z.object({ kind: z.string(), detector: z.unknown(), watches: z.array(watchMemory).max(1000) }),
  ),
})

// Subjects are charts and units: more of them would be a mistake of the caller, not a state of the line.
const MOST_WATCHES = 1000

/** Turns what happens into alerts, by rules that are data. Pure: time and ids come in, changes go out. */
export class AlertEngine {
  readonly #options: AlertEngineOptions
  readonly #rules: readonly RuleAtWork[]
  #stands = false
  #watches = 0
  #refused = 0
  /** Alerts that may be raised now, refilled evenly. */
  #tokens: number
  #filledAt: number

  constructor(options: AlertEngineOptions, at: Instant) {
    this.#options = options
    this.#tokens = options.most_raised_per_minute
    this.#filledAt = at.nowMs
    this.#rules = options.rules
      .filter(({ enabled }) => enabled)
      .map((rule) => ({ rule, detector: detectorOf(rule, at.nowMs), watches: new Map() }))
  }

  /** Takes in what happened. @returns what changed, in the order of the rules */
  see(event: AlertEvent, at: Instant): readonly AlertChange[] {
    this.#refill(at.nowMs)
    if (event.kind === 'line') this.#stands = event.stands
    const changes: AlertChange[] = []
    for (const { rule, detector, watches } of this.#rules) {
      for (const finding of detector.see(event, at.nowMs)) {
        // What is well and was never wrong needs no watch.
        if (!finding.met && !watches.has(finding.subject)) continue
        this.#watchOf(rule, watches, finding.subject)?.find(finding, at.nowMs)
      }
      for (const watch of watches.values()) {
        const change = watch.settle(at, this.#leave())
        if (change !== undefined) changes.push(change)
        if (watch.idle && watches.delete(watch.subject)) this.#watches -= 1
      }
    }
    return changes
  }

  /**
   * Somebody knows. Acknowledging again changes nothing but the name.
   * @throws AlertError where no alert of this id is open
   */
  acknowledge(id: string, by: string, at: Instant): AlertChange {
    for (const { watches } of this.#rules) {
      for (const watch of watches.values()) {
        const change = watch.alert?.id === id ? watch.acknowledge(by, at) : undefined
        if (change !== undefined) return change
      }
    }
    throw new AlertError(`no alert ${id} is open`)
  }

  /** Alerts that are not cleared, acknowledged ones too. */
  open(): readonly Alert[] {
    return this.#rules.flatMap(({ watches }) =>
      [...watches.values()].flatMap(({ alert }) => (alert === undefined ? [] : [alert])),
    )
  }

  /** Things that were not watched because there were too many. */
  get refused(): number {
    return this.#refused
  }

  /** What it remembers beside the open alerts, as JSON: windows, counts, how long what has lasted. */
  snapshot({ nowMs }: Instant): unknown {
    const rules = this.#rules.map(({ rule, detector, watches }) => {
      const remembered = [...watches.values()].map((watch) => watch.memory(nowMs))
      return [rule.name, { kind: rule.kind, detector: detector.memory?.(nowMs), watches: remembered }]
    })
    return { version: 1, stands: this.#stands, rules: Object.fromEntries(rules) }
  }

  /**
   * Takes up what another process left; call it before the first event. Time between does not count.
   * @param snapshot of `snapshot`; one that is none is left aside: windows then begin empty
   * @param open the alerts that were open
   * @returns alerts that end because their rule is gone
   */
  restore(snapshot: unknown, open: readonly unknown[], at: Instant): readonly AlertChange[] {
    const parsed = memorySchema.safeParse(snapshot)
    if (parsed.success) this.#stands = parsed.data.stands
    const alerts = open.flatMap((one) => {
      const alert = alertSchema.safeParse(one)
      return alert.success && alert.data.state !== 'cleared' ? [alert.data] : []
    })
    for (const { rule, detector, watches } of this.#rules) {
      const left = parsed.success ? parsed.data.rules[rule.name] : undefined
      const memory = left?.kind === rule.kind ? left : undefined
      detector.recall?.(memory?.detector, at.nowMs)
      for (const alert of alerts.filter((one) => one.rule === rule.name)) {
        this.#watchOf(rule, watches, alert.subject)?.adopt(alert, at.nowMs)
      }
      for (const one of memory?.watches ?? [])
        this.#watchOf(rule, watches, one.subject)?.recall(one, at.nowMs)
    }
    const stamp = new Date(at.wallMs).toISOString()
    return alerts
      .filter((alert) => !this.#rules.some(({ rule }) => rule.name === alert.rule))
      .map((alert) => ({
        change: 'cleared',
        alert: { ...alert, state: 'cleared', clearedAt: stamp },
        at: stamp,
      }))
  }

  #watchOf(rule: AlertRule, watches: Map<string, Watch>, subject: string): Watch | undefined {
    const known = watches.get(subject)
    if (known !== undefined) return known
    if (this.#watches >= MOST_WATCHES) {
      this.#refused += 1
      return undefined
    }
    const watch = new Watch(rule, subject)
    watches.set(subject, watch)
    this.#watches += 1
    return watch
  }

  #leave() {
    return {
      newId: this.#options.newId,
      stands: this.#stands,
      take: (severity: Severity): boolean => this.#take(severity),
    }
  }

  /** Critical alerts do not wait: each rule and subject has at most one open, which bounds them already. */
  #take(severity: Severity): boolean {
    if (severity === 'critical') return true
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }

  #refill(nowMs: number): void {
    const most = this.#options.most_raised_per_minute
    this.#tokens = Math.min(most, this.#tokens + (most * Math.max(0, nowMs - this.#filledAt)) / 60_000)
    this.#filledAt = nowMs
  }
}
