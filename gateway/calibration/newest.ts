import type { CalibrationKind, CalibrationRow, Stage } from './rows.ts'

/** What is looked for. */
export interface Wanted<K extends CalibrationKind> {
  readonly kind: K
  /** The chip or head; absent: any. */
  readonly subject?: string
  /** Of rows that have one; absent: any. */
  readonly stage?: Stage
  /** Of golden rows; absent: any. */
  readonly part?: string
}

type RowOf<K extends CalibrationKind> = Extract<CalibrationRow, { readonly kind: K }>

/** What there is, and whether it still holds. */
export type Found<K extends CalibrationKind = CalibrationKind> =
  | { readonly state: 'valid'; readonly row: RowOf<K> }
  /** The newest of those that have run out. */
  | { readonly state: 'expired'; readonly row: RowOf<K> }
  | { readonly state: 'missing' }

/**
 * The newest row that holds. Which is newer the store knows, by the order they were saved in: the clock of a station may
 * be set back.
 * @param rows the one that was saved last first
 * @param atMs ms since 1970
 */
export function newestValid<K extends CalibrationKind>(
  rows: readonly CalibrationRow[],
  wanted: Wanted<K>,
  atMs: number,
): Found<K> {
  const fitting = rows.filter((row): row is RowOf<K> => row.kind === wanted.kind && fits(row, wanted))
  const valid = fitting.find((row) => !isExpired(row, atMs))
  if (valid !== undefined) return { state: 'valid', row: valid }
  const [newest] = fitting
  return newest === undefined ? { state: 'missing' } : { state: 'expired', row: newest }
}

function fits(row: CalibrationRow, { subject, stage, part }: Wanted<CalibrationKind>): boolean {
  if (subject !== undefined && row.subject !== subject) return false
  if (stage !== undefined && 'stage' in row && row.stage !== stage) return false
  return part === undefined || !('part' in row) || row.part === part
}

/** Whether its validity has run out. @param atMs ms since 1970 */
export function isExpired(row: Pick<CalibrationRow, 'valid_until'>, atMs: number): boolean {
  return row.valid_until !== undefined && Date.parse(row.valid_until) <= atMs
}

/** How a calibration stands: an alert's text, and why no part is graded where the recipe says so. */
export interface CalibrationStanding {
  readonly state: 'ok' | 'expired' | 'missing'
  /** Kind, stage, heads, age and limit; absent while all is well. */
  readonly detail?: string
  readonly obstacle?: 'not-calibrated'
}

/** What a recipe asks of a calibration. */
export interface CalibrationAsked {
  /** One that was never taken is a fault, too. */
  readonly needed: boolean
  /** No part is graded while it is not there. */
  readonly hold: boolean
  /** ms since 1970 */
  readonly atMs: number
}

const MS_PER_DAY = 86_400_000

/** How it stands with what was looked for; one that has run out is a fault whether a recipe asks for it or not. */
export function calibrationStanding<K extends CalibrationKind>(
  found: Found<K>,
  { kind, subject, stage }: Wanted<K>,
  { needed, hold, atMs }: CalibrationAsked,
): CalibrationStanding {
  if (found.state === 'valid' || (found.state === 'missing' && !needed)) return { state: 'ok' }
  const obstacle = hold ? ({ obstacle: 'not-calibrated' } as const) : {}
  const what = [kind, ...(stage === undefined ? [] : [stage])].join(' ')
  if (found.state === 'missing') {
    const whose = subject === undefined ? '' : `, of ${subject}`
    return { state: 'missing', detail: `${what}${whose}: never taken, and the recipe needs it`, ...obstacle }
  }
  const { at, heads, valid_until: until = at } = found.row
  return { state: 'expired', detail: expiryText(what, { at, heads, until, atMs }), ...obstacle }
}

/** Kind, heads, age and limit of one that ran out. @param atMs ms since 1970 */
export function expiryText(
  what: string,
  row: {
    readonly at: string
    readonly heads: readonly string[]
    readonly until: string
    readonly atMs: number
  },
): string {
  const { at, heads, until, atMs } = row
  const days = (ms: number): string => (ms / MS_PER_DAY).toFixed(1)
  const age = days(atMs - Date.parse(at))
  const limit = days(Date.parse(until) - Date.parse(at))
  return `${what}, head ${heads.join(', ')}: ${age} days old, ${limit} allowed: it ran out at ${until}`
}
