import type { Format } from './format.ts'
import type { Condition } from './wire.ts'
import type { Kept, Storage } from './wire-storage.ts'

/** Longer than this is told in days. */
const DAYS_FROM_HOURS = 72

/** `30 h`, `14 days`. */
export function roomText(hours: number, { texts, short, whole }: Format): string {
  const { hours: inHours, days } = texts.storage
  // A day that is not over cannot be promised.
  return hours < DAYS_FROM_HOURS
    ? inHours(hours < 10 ? short(hours) : whole(Math.floor(hours)))
    : days(whole(Math.floor(hours / 24)))
}

/** How the room is: what is left is less than somebody wanted to know of, or the store itself complains. */
export function roomCondition({ state, room }: Storage): Condition {
  if (state !== 'ok') return state
  return room.hours_left !== undefined && room.hours_left < room.alert_hours ? 'degraded' : 'ok'
}

/** More than the flash shall bear. */
export function flashCondition({ flash }: Storage): Condition {
  return (flash.share ?? 0) > 1 ? 'degraded' : 'ok'
}

/** How many there are since when, and when the oldest goes. */
export function keptText(kept: Kept, format: Format, wallMs: number): readonly [what: string, until: string] {
  const { texts, whole, moment, day } = format
  const { since, none, dueAt, dueAbove, untilRoom } = texts.storage
  if (kept.stored === undefined) return ['–', '']
  if (kept.stored === 0) return [none, '']
  const from = kept.oldest_at === undefined ? '' : since(moment(kept.oldest_at, wallMs))
  const rules = [
    ...(kept.due_at === undefined ? [] : [dueAt(day(kept.due_at))]),
    ...(kept.keep_parts === undefined ? [] : [dueAbove(whole(kept.keep_parts))]),
  ]
  return [`${whole(kept.stored)} ${from}`, rules.length === 0 ? untilRoom : rules.join(', ')]
}
