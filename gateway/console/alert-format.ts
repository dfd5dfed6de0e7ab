/** Times and numbers as alerts need them. */
export interface AlertFormat {
  /** Hours and minutes of a RFC 3339 time stamp, with the day where it is not that of `wallMs`; none of what is no time. */
  moment(timestamp: string, wallMs: number): string
  /** A value and its limit with as many decimals as tell them apart. */
  apart(value: number, limit: number): readonly [value: string, limit: string]
  /** Two decimals. */
  hundredths(value: number): string
}

/** More decimals than this tell nothing to a person. */
const MOST_DECIMALS = 6

/** @param language BCP 47 */
export function alertFormatFor(language: string): AlertFormat {
  const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
  const time = new Intl.DateTimeFormat(language, clock)
  const dayAndTime = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'short', ...clock })
  const fixed = (decimals: number): Intl.NumberFormat =>
    new Intl.NumberFormat(language, { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
  const hundredths = fixed(2)
  return {
    moment(timestamp, wallMs) {
      const at = new Date(timestamp)
      if (Number.isNaN(at.getTime())) return ''
      const today = at.toDateString() === new Date(wallMs).toDateString()
      return (today ? time : dayAndTime).format(at)
    },
    apart(value, limit) {
      let decimals = decimalsFor(Math.max(Math.abs(value), Math.abs(limit)))
      const rounded = (number: number): string => number.toFixed(decimals)
      while (value !== limit && rounded(value) === rounded(limit) && decimals < MOST_DECIMALS) decimals += 1
      const { format } = fixed(decimals)
      return [format(value), format(limit)]
    },
    hundredths: (value) => hundredths.format(value),
  }
}

/** Three digits of a number, and never less than all before the point. */
function decimalsFor(size: number): number {
  if (size >= 100) return 0
  return size >= 10 ? 1 : 2
}
