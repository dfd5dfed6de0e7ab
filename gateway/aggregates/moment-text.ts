import { z } from 'zod'

const forms = z.union([z.iso.date(), z.iso.datetime({ offset: true, local: false })])

/** How a time is written that somebody asks for. */
export const MOMENT_FORMS = 'expected a day (2026-11-21) or a time with its zone (2026-11-21T08:00:00Z)'

/** The time in UTC with milliseconds, as sums are keyed; a day is its first moment. Undefined for anything else. */
export function momentOf(text: string): string | undefined {
  return forms.safeParse(text).success ? new Date(text).toISOString() : undefined
}
