import { type AlertFormat, alertFormatFor } from './alert-format.ts'
import { nameOf, toldCodes } from './reasons.ts'
import type { Language, Texts } from './texts.ts'
import type { Inspection } from './wire.ts'

/** No line begins with it. */
export const BETWEEN_REASONS = '\u00a0· '

/** Numbers, times and reasons as a person of one language reads them. */
export interface Format extends AlertFormat {
  readonly texts: Texts
  readonly language: Language
  whole(value: number): string
  /** With at most one decimal. */
  short(value: number): string
  /** `25 688` → `26 k`. */
  compact(value: number): string
  /** Four digits. */
  precise(value: number): string
  /** With so many decimals. */
  fixed(value: number, decimals: number): string
  percent(share: number): string
  /** The day of a RFC 3339 time stamp, in the browser's zone. */
  day(timestamp: string): string
  /** The day of UTC that a time stamp begins; the second has room on an axis. */
  utcDay(timestamp: string): string
  utcDayShort(timestamp: string): string
  /** The hour that a time stamp begins, with its day, in the browser's zone; its day alone has room on an axis. */
  hour(timestamp: string): string
  dayShort(timestamp: string): string
  /** Hours and minutes, in the browser's zone. */
  hourOnly(timestamp: string): string
  /** Hours, minutes and seconds of a RFC 3339 time stamp, in the browser's zone. */
  time(timestamp: string): string
  /** `4 s`, `3 min`, `2 h 05`. */
  duration(ms: number): string
  /** `sensor-absent:tof` in words; a code without words stands as it is. */
  reason(reason: string): string
  /** Why the part is what it is, the weightiest first. */
  why(verdict: Inspection['verdict']): readonly string[]
}

export function formatFor(language: Language, texts: Texts): Format {
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 })
  const short = new Intl.NumberFormat(language, { maximumFractionDigits: 1 })
  const compact = new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 })
  const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 })
  const precise = new Intl.NumberFormat(language, { maximumSignificantDigits: 4 })
  const time = new Intl.DateTimeFormat(language, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  })
  const day = new Intl.DateTimeFormat(language, { dateStyle: 'medium' })
  const fixed = (decimals: number): Intl.NumberFormat =>
    new Intl.NumberFormat(language, { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
  const periods = periodFormat(language)
  const named = (code: string): string => nameOf(code, texts.reasons)
  const reason = (text: string): string => {
    const [code = '', head] = text.split(':', 2)
    return head === undefined ? named(code) : `${named(code)} (${head})`
  }
  return {
    ...alertFormatFor(language),
    ...periods,
    texts,
    language,
    // Adding 0 turns -0 into 0: a height of "-0" is nobody's.
    whole: (value) => whole.format(Math.round(value) + 0),
    short: (value) => short.format(value),
    compact: (value) => compact.format(value),
    precise: (value) => precise.format(value + 0),
    fixed: (value, decimals) => fixed(decimals).format(value + 0),
    percent: (share) => percent.format(share),
    day: (timestamp) => day.format(new Date(timestamp)),
    time: (timestamp) => time.format(new Date(timestamp)),
    duration,
    reason,
    why: (verdict) => toldCodes(verdict).map(reason),
  }
}

/** Hours where the browser is, days of UTC: as the gateway counts them. */
function periodFormat(
  language: Language,
): Pick<Format, 'utcDay' | 'utcDayShort' | 'hour' | 'dayShort' | 'hourOnly'> {
  const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
  const date = { day: 'numeric', month: 'short' } as const
  const utc = { timeZone: 'UTC' } as const
  const said = (options: Intl.DateTimeFormatOptions): ((timestamp: string) => string) => {
    const formatter = new Intl.DateTimeFormat(language, options)
    return (timestamp) => formatter.format(new Date(timestamp))
  }
  return {
    utcDay: said({ weekday: 'short', ...date, ...utc }),
    utcDayShort: said({ ...date, ...utc }),
    hour: said({ weekday: 'short', ...date, ...clock }),
    dayShort: said(date),
    hourOnly: said(clock),
  }
}

function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return `${minutes} min`
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')}`
}
