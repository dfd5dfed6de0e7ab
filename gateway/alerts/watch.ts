import { z } from 'zod'
import type { Alert, AlertChange } from './alert.ts'
import type { Instant } from './event.ts'
import type { Finding } from './finding.ts'
import { type AlertRule, SEVERITIES, type Severity } from './rules.ts'

const count = z.int().min(0)
const age = z.number().min(0).optional()

/** What a watch remembers over a restart, beside its open alert; times as ages. */
export const watchMemory = z.object({
  subject: z.string(),
  metCount: count,
  wellCount: count,
  metAgeMs: age,
  wellAgeMs: age,
  openAgeMs: age,
  severityAgeMs: age,
})
export type WatchMemory = z.infer<typeof watchMemory>

/** What decides, beside the rule, whether an alert may be raised now. */
export interface Leave {
  readonly newId: () => string
  /** The line stands. */
  readonly stands: boolean
  /** Takes one of the alerts that may be raised now; false: none is left. */
  readonly take: (severity: Severity) => boolean
}

/** One rule about one thing: at most one open alert. */
export class Watch {
  readonly rule: AlertRule
  readonly subject: string
  alert: Alert | undefined
  #metCount = 0
  #wellCount = 0
  #metAt: number | undefined
  #wellAt: number | undefined
  #openedAt = 0
  #severityAt = 0
  /** The finding that is due to raise an alert. */
  #latest: Finding | undefined
  #due = false

  constructor(rule: AlertRule, subject: string) {
    this.rule = rule
    this.subject = subject
  }

  /** Nothing is wrong, and nothing is remembered but that. */
  get idle(): boolean {
    return this.alert === undefined && this.#metCount === 0 && !this.#due
  }

  /** Takes in what was found. Call `settle` after it. */
  find(finding: Finding, nowMs: number): void {
    if (finding.met) {
      const again = finding.each === true || this.#metCount === 0
      if (this.alert !== undefined && again) {
        this.alert = { ...this.alert, occurrences: this.alert.occurrences + 1 }
      }
      this.#metCount += 1
      this.#metAt ??= nowMs
      this.#wellCount = 0
      this.#wellAt = undefined
      this.#latest = finding
      return
    }
    this.#metCount = 0
    this.#metAt = undefined
    if (finding.well) {
      this.#wellCount += 1
      this.#wellAt ??= nowMs
    } else {
      this.#wellCount = 0
      this.#wellAt = undefined
    }
  }

  /** What follows from what was found and from the time that passed. */
  settle(at: Instant, leave: Leave): AlertChange | undefined {
    if (this.alert === undefined) return this.#raise(at, leave)
    return this.#clear(at) ?? this.#escalate(at)
  }

  acknowledge(by: string, at: Instant): AlertChange | undefined {
    if (this.alert === undefined) return undefined
    const stamp = stampOf(at)
    this.alert = { ...this.alert, state: 'acknowledged', acknowledgedBy: by, acknowledgedAt: stamp }
    return { change: 'acknowledged', alert: this.alert, at: stamp }
  }

  memory(nowMs: number): WatchMemory {
    const ageOf = (since: number | undefined): number | undefined =>
      since === undefined ? undefined : Math.max(0, nowMs - since)
    const open = this.alert !== undefined
    return {
      subject: this.subject,
      metCount: this.#metCount,
      wellCount: this.#wellCount,
      metAgeMs: ageOf(this.#metAt),
      wellAgeMs: ageOf(this.#wellAt),
      openAgeMs: open ? ageOf(this.#openedAt) : undefined,
      severityAgeMs: open ? ageOf(this.#severityAt) : undefined,
    }
  }

  recall(memory: WatchMemory, nowMs: number): void {
    const since = (ageMs: number | undefined): number | undefined =>
      ageMs === undefined ? undefined : nowMs - ageMs
    this.#metCount = memory.metCount
    this.#wellCount = memory.wellCount
    this.#metAt = since(memory.metAgeMs)
    this.#wellAt = since(memory.wellAgeMs)
    this.#openedAt = since(memory.openAgeMs) ?? nowMs
    this.#severityAt = since(memory.severityAgeMs) ?? nowMs
  }

  /** Takes up an alert that another process left open. */
  adopt(alert: Alert, nowMs: number): void {
    this.alert = alert
    this.#openedAt = nowMs
    this.#severityAt = nowMs
  }

  #raise(at: Instant, leave: Leave): AlertChange | undefined {
    const { rule } = this
    if (rule.while_line_stands === 'suppress' && leave.stands) {
      this.#due = false
      return undefined
    }
    const finding = this.#latest
    if (finding === undefined) return undefined
    this.#due ||= lasted(rule.for ?? { parts: 1 }, this.#metCount, this.#metAt, at.nowMs)
    if (!this.#due || !leave.take(rule.severity)) return undefined
    this.#due = false
    this.#openedAt = at.nowMs
    this.#severityAt = at.nowMs
    const { value, limit, detail, inspection } = finding
    const since = stampOf(at)
    this.alert = {
      id: leave.newId(),
      rule: rule.name,
      kind: rule.kind,
      ...(rule.title === undefined ? {} : { title: rule.title }),
      subject: this.subject,
      severity: rule.severity,
      state: 'open',
      ...(value === undefined ? {} : { value }),
      ...(limit === undefined ? {} : { limit }),
      ...(detail === undefined ? {} : { detail }),
      ...(inspection === undefined ? {} : { inspection }),
      since,
      occurrences: 1,
    }
    return { change: 'raised', alert: this.alert, at: since }
  }

  #clear(at: Instant): AlertChange | undefined {
    const { rule, alert } = this
    if (alert === undefined || !lasted(rule.clear_after, this.#wellCount, this.#wellAt, at.nowMs))
      return undefined
    if (at.nowMs - this.#openedAt < rule.least_open_seconds * 1000) return undefined
    if (rule.latched && alert.state !== 'acknowledged') return undefined
    this.alert = undefined
    const stamp = stampOf(at)
    return { change: 'cleared', alert: { ...alert, state: 'cleared', clearedAt: stamp }, at: stamp }
  }

  #escalate(at: Instant): AlertChange | undefined {
    const { rule, alert } = this
    const minutes = rule.escalate_after_minutes
    if (alert === undefined || alert.state !== 'open' || minutes === undefined) return undefined
    if (at.nowMs - this.#severityAt < minutes * 60_000) return undefined
    const severity = SEVERITIES[SEVERITIES.indexOf(alert.severity) + 1]
    if (severity === undefined) return undefined
    this.#severityAt = at.nowMs
    this.alert = { ...alert, severity }
    return { change: 'escalated', alert: this.alert, at: stampOf(at) }
  }
}

function lasted(
  need: { readonly parts?: number | undefined; readonly seconds?: number | undefined },
  times: number,
  since: number | undefined,
  nowMs: number,
): boolean {
  if (need.parts !== undefined) return times >= need.parts
  return since !== undefined && nowMs - since >= (need.seconds ?? 0) * 1000
}

function stampOf({ wallMs }: Instant): string {
  return new Date(wallMs).toISOString()
}
