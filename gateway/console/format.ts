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
  percent(share: number): string
  /** The day of a RFC 3339 time stamp, in the browser's zone. */
  day(timestamp: string): string
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
  const time = new Intl.DateTimeFormat(language, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  })
  const day = new Intl.DateTimeFormat(language, { dateStyle: 'medium' })
  const named = (code: string): string => nameOf(code, texts.reasons)
  const reason = (text: string): string => {
    const [code = '', head] = text.split(':', 2)
    return head === undefined ? named(code) : `${named(code)} (${head})`
  }
  return {
    ...alertFormatFor(language),
    texts,
    language,
    // Adding 0 turns -0 into 0: a height of "-0" is nobody's.
    whole: (value) => whole.format(Math.round(value) + 0),
    short: (value) => short.format(value),
    compact: (value) => compact.format(value),
    percent: (share) => percent.format(share),
    day: (timestamp) => day.format(new Date(timestamp)),
    time: (timestamp) => time.format(new Date(timestamp)),
    duration,
    reason,
    why: (verdict) => toldCodes(verdict).map(reason),
  }
}

function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 120) return `${minutes} min`
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')}`
}
