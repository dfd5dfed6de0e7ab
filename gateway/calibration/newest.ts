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
 * The newest row that holds. One that is dated in the future counts: the clock of a station may be set back.
 * @param atMs ms since 1970
 */
export function newestValid<K extends CalibrationKind>(
  rows: readonly CalibrationRow[],
  wanted: Wanted<K>,
  atMs: number,
): Found<K> {
  const fitting = rows
    .filter((row): row is RowOf<K> => row.kind === wanted.kind && fits(row, wanted))
    .sort((one, other) => Date.parse(other.at) - Date.parse(one.at) || (other.id < one.id ? -1 : 1))
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
  readonly detail?: string
  readonly obstacle?: 'not-calibrated'
}

/**
 * @param holds whether the recipe asks to hold parts while a calibration it needs has run out
 */
export function calibrationStanding<K extends CalibrationKind>(
  found: Found<K>,
  { kind, subject, stage }: Wanted<K>,
  holds: boolean,
): CalibrationStanding {
  if (found.state === 'valid') return { state: 'ok' }
  const what = [kind, stage, subject].filter((word) => word !== undefined).join(' ')
  const detail =
    found.state === 'missing'
      ? `no calibration: ${what}`
      : `the calibration ran out: ${what}, at ${found.row.valid_until}`
  return { state: found.state, detail, ...(holds ? { obstacle: 'not-calibrated' } : {}) }
}
