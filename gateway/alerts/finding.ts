import type { AlertEvent, InspectionName } from './event.ts'
import { type Scalar, valueAt } from './path.ts'
import type { Condition } from './rules.ts'

/** What a rule found about one thing. */
export interface Finding {
  readonly subject: string
  /** The rule is broken. */
  readonly met: boolean
  /** It is well again; with hysteresis there is a space between the two. */
  readonly well: boolean
  /** Each time counts as an occurrence of its own, not only the first of a row. */
  readonly each?: boolean
  readonly value?: Scalar | undefined
  readonly limit?: Scalar | undefined
  readonly detail?: string | undefined
  readonly inspection?: InspectionName | undefined
}

/** Finds what one rule looks for; remembers what it needs for that, and no more. */
export interface Detector {
  see(event: AlertEvent, nowMs: number): readonly Finding[]
  /** What it remembers, as JSON; times as ages. */
  memory?(nowMs: number): unknown
  /** Takes up a memory; one that is none is left aside. */
  recall?(memory: unknown, nowMs: number): void
}

/** The subject of what concerns the whole station. */
export const STATION = 'station'
export const NOTHING: readonly Finding[] = []

/** A condition looked at: met or not, and the limit that counts. Undefined where the message has no such value. */
export function look(
  condition: Condition,
  message: unknown,
): { readonly met: boolean; readonly value: Scalar; readonly limit: Scalar | undefined } | undefined {
  const value = valueAt(message, condition.value)
  if (value === undefined) return undefined
  const { above, at_least, below, at_most, equals } = condition
  const limit = above ?? below ?? at_least ?? at_most ?? equals
  if (equals !== undefined && value !== equals) return { met: false, value, limit }
  const bounded = above ?? below ?? at_least ?? at_most
  if (bounded === undefined) return { met: true, value, limit }
  if (typeof value !== 'number') return undefined
  const met =
    (above === undefined || value > above) &&
    (at_least === undefined || value >= at_least) &&
    (below === undefined || value < below) &&
    (at_most === undefined || value <= at_most)
  return { met, value, limit }
}

/** Whether a value that is not met is beyond the clear limit as well. */
export function isWell(condition: Condition, value: Scalar, clearLimit: number | undefined): boolean {
  if (clearLimit === undefined || typeof value !== 'number') return true
  const upwards = condition.above !== undefined || condition.at_least !== undefined
  return upwards ? value <= clearLimit : value >= clearLimit
}

/** Names the inspection of a message, where it has an id. */
export function inspectionOf(message: unknown): InspectionName | undefined {
  const [id, epoch, sequence] = [
    valueAt(message, 'id'),
    valueAt(message, 'epoch'),
    valueAt(message, 'sequence'),
  ]
  if (typeof id !== 'string') return undefined
  return {
    id,
    ...(typeof epoch === 'string' ? { epoch } : {}),
    ...(typeof sequence === 'number' ? { sequence } : {}),
  }
}
