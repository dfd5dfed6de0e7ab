import type { UpdateWindow } from './options.ts'

// As Date.getDay counts.
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
const DAY_MINUTES = 24 * 60

/** A moment on the clock on the wall. */
export interface LocalTime {
  /** 0 is Sunday. */
  readonly day: number
  /** Minutes since midnight. */
  readonly minute: number
}

/** The machine's own time zone says what is local. */
export function localTime(wallMs: number): LocalTime {
  const date = new Date(wallMs)
  return { day: date.getDay(), minute: date.getHours() * 60 + date.getMinutes() }
}

/** Whether a switch may begin now. No windows: always. */
export function isOpen(windows: readonly UpdateWindow[], now: LocalTime): boolean {
  return windows.length === 0 || windows.some((window) => holds(window, now))
}

/** For people. */
export function windowsText(windows: readonly UpdateWindow[]): string {
  return windows
    .map(({ days, from, to }) => `${days.length === 7 ? '' : `${days.join(', ')} `}${from}–${to}`)
    .join('; ')
}

function holds({ days, from, to }: UpdateWindow, { day, minute }: LocalTime): boolean {
  const [begin, end] = [minutesOf(from), minutesOf(to)]
  const beginsOn = (at: number): boolean => days.some((name) => DAYS[at] === name)
  if (begin < end) return beginsOn(day) && minute >= begin && minute < end
  const yesterday = (day + 6) % 7
  return (beginsOn(day) && minute >= begin) || (beginsOn(yesterday) && minute < end)
}

function minutesOf(time: string): number {
  return (Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5))) % DAY_MINUTES
}
