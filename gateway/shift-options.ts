import { z } from 'zod'

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Day = (typeof DAYS)[number]

export const DAY_MINUTES = 24 * 60
const WEEK_MINUTES = 7 * DAY_MINUTES

const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected hours and minutes, 00:00 to 23:59')

const breakOptions = z
  .strictObject({
    from: timeOfDay.describe('When it begins, local time.'),
    to: timeOfDay.describe('When it ends.'),
  })
  .refine(({ from, to }) => from !== to, { path: ['to'], error: 'expected another time than from' })

const shiftOptions = z
  .strictObject({
    name: z.string().min(1).max(64).describe('As people call it.'),
    from: timeOfDay.describe('When it begins, local time.'),
    to: timeOfDay.describe('When it ends; not after `from`: on the next day.'),
    days: z
      .array(z.enum(DAYS))
      .min(1)
      .default(['mon', 'tue', 'wed', 'thu', 'fri'])
      .describe('Days on which it begins.'),
    breaks: z.array(breakOptions).max(8).default([]).describe('Not planned for making parts.'),
  })
  .refine((shift) => breaksFit(shift), {
    path: ['breaks'],
    error: 'expected breaks within the shift that do not overlap',
  })
export type ShiftOptions = Readonly<z.infer<typeof shiftOptions>>

/** `shifts` of the configuration. */
export const shiftsOptions = z
  .strictObject({
    time_zone: z
      .string()
      .refine(isTimeZone, 'expected a time zone of the IANA database, e.g. Europe/Paris')
      .default('UTC')
      .describe('Where the clock on the wall hangs.'),
    shifts: z.array(shiftOptions).max(24).default([]).describe('When parts are planned to be made.'),
  })
  .refine(({ shifts }) => new Set(shifts.map(({ name }) => name)).size === shifts.length, {
    path: ['shifts'],
    error: 'expected different names',
  })
  .refine(({ shifts }) => !overlap(shifts), {
    path: ['shifts'],
    error: 'expected shifts that do not overlap',
  })
  .describe('The shift calendar.')
export type ShiftsOptions = Readonly<z.infer<typeof shiftsOptions>>

/** Minutes since midnight of `hh:mm`. */
export function minutesOf(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5))
}

/** Minutes from the beginning to the end; the same time of day is a whole day. */
export function lengthOf({ from, to }: { readonly from: string; readonly to: string }): number {
  return ((minutesOf(to) - minutesOf(from) + DAY_MINUTES - 1) % DAY_MINUTES) + 1
}

/** Minutes from the beginning of the shift to that of the break. */
export function breakAfter(pause: { readonly from: string }, shift: { readonly from: string }): number {
  return (minutesOf(pause.from) - minutesOf(shift.from) + DAY_MINUTES) % DAY_MINUTES
}

function breaksFit(shift: {
  readonly from: string
  readonly to: string
  readonly breaks: readonly z.infer<typeof breakOptions>[]
}): boolean {
  const ordered = [...shift.breaks].sort((one, other) => breakAfter(one, shift) - breakAfter(other, shift))
  const ends = ordered.map((pause) => breakAfter(pause, shift) + lengthOf(pause))
  return ordered.every((_, index) => {
    const next = ordered[index + 1]
    return (ends[index] ?? 0) <= (next === undefined ? lengthOf(shift) : breakAfter(next, shift))
  })
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

function overlap(shifts: readonly ShiftOptions[]): boolean {
  const spans = shifts
    .flatMap((shift) => {
      return shift.days.map((day) => ({
        begin: DAYS.indexOf(day) * DAY_MINUTES + minutesOf(shift.from),
        length: lengthOf(shift),
      }))
    })
    .sort((one, other) => one.begin - other.begin)
  return spans.some((span, index) => {
    const next = spans[(index + 1) % spans.length] ?? span
    const gap = index + 1 < spans.length ? next.begin - span.begin : next.begin + WEEK_MINUTES - span.begin
    return span.length > gap
  })
}
