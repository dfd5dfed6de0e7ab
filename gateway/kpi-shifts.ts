import {
  breakAfter,
  DAY_MINUTES,
  DAYS,
  lengthOf,
  minutesOf,
  type ShiftOptions,
  type ShiftsOptions,
} from './shift-options.ts'

/** One shift of one day, from `beginMs` to before `endMs`, ms since 1970 (UTC). */
export interface Shift {
  readonly name: string
  /** Local date on which it begins, e.g. `2026-03-29`. */
  readonly date: string
  readonly beginMs: number
  readonly endMs: number
  /** Parts of it in which nothing is planned to be made. */
  readonly breaks: readonly Span[]
}

export interface Span {
  readonly beginMs: number
  readonly endMs: number
}

const MINUTE_MS = 60_000
const DAY_MS = DAY_MINUTES * MINUTE_MS

/**
 * Which shift it is. Shifts are said in local time: one over the night in which clocks change is an hour shorter or
 * longer. A time that the change leaves out is the instant of the change; of one that comes twice the first counts.
 */
export class ShiftCalendar {
  readonly #options: ShiftsOptions
  readonly #format: Intl.DateTimeFormat
  /** The last answer: asked for every part, it changes a few times a day. */
  #last: Shift | undefined
  /** The minute that was found to be in no shift: shifts begin on one. */
  #none = Number.NaN

  constructor(options: ShiftsOptions) {
    this.#options = options
    this.#format = new Intl.DateTimeFormat('en-GB', {
      timeZone: options.time_zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
  }

  /** @returns undefined between shifts */
  at(wallMs: number): Shift | undefined {
    const last = this.#last
    if (last !== undefined && wallMs >= last.beginMs && wallMs < last.endMs) return last
    const minute = Math.floor(wallMs / MINUTE_MS)
    if (minute === this.#none) return undefined
    const today = Math.floor(this.#localMs(wallMs) / DAY_MS)
    // A shift that covers now began today or yesterday.
    for (const day of [today, today - 1]) {
      for (const shift of this.#options.shifts) {
        const found = this.#on(day, shift)
        if (found !== undefined && wallMs >= found.beginMs && wallMs < found.endMs) {
          this.#last = found
          return found
        }
      }
    }
    this.#none = minute
    return undefined
  }

  #on(day: number, shift: ShiftOptions): Shift | undefined {
    // 1970-01-01 was a Thursday.
    const weekday = DAYS[(((day + 3) % 7) + 7) % 7]
    if (weekday === undefined || !shift.days.includes(weekday)) return undefined
    const from = day * DAY_MINUTES + minutesOf(shift.from)
    const breaks = shift.breaks.map((pause) => {
      const begin = from + breakAfter(pause, shift)
      return { beginMs: this.#utcMs(begin), endMs: this.#utcMs(begin + lengthOf(pause)) }
    })
    return {
      name: shift.name,
      date: new Date(day * DAY_MS).toISOString().slice(0, 10),
      beginMs: this.#utcMs(from),
      endMs: this.#utcMs(from + lengthOf(shift)),
      breaks,
    }
  }

  /** The instant at which local clocks show `minutes` since 1970. */
  #utcMs(minutes: number): number {
    const local = minutes * MINUTE_MS
    // The offsets a day before and after are those on both sides of a change, if there is one.
    const offsets = [-DAY_MS, DAY_MS].map((away) => this.#localMs(local + away) - (local + away))
    const fitting = offsets.map((offset) => local - offset).filter((utc) => this.#localMs(utc) === local)
    if (fitting.length > 0) return Math.min(...fitting)
    return this.#changeBetween(Math.min(...offsets.map((offset) => local - offset)), local)
  }

  /** The first instant from `low` on at which local clocks show `local` or later: to the minute. */
  #changeBetween(low: number, local: number): number {
    let utc = low
    while (this.#localMs(utc) < local) utc += MINUTE_MS
    return utc
  }

  #localMs(utc: number): number {
    const parts = new Map(this.#format.formatToParts(utc).map(({ type, value }) => [type, Number(value)]))
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0
    return Date.UTC(
      part('year'),
      part('month') - 1,
      part('day'),
      part('hour'),
      part('minute'),
      part('second'),
    )
  }
}

/** Ms of `span` that lie in the shift and outside its breaks: planned for making parts. */
export function plannedMs(span: Span, shift: Shift): number {
  const inside = overlapMs(span, shift)
  return shift.breaks.reduce((rest, pause) => rest - overlapMs(span, pause), inside)
}

function overlapMs(one: Span, other: Span): number {
  return Math.max(0, Math.min(one.endMs, other.endMs) - Math.max(one.beginMs, other.beginMs))
}
