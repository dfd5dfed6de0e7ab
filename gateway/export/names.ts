import type { Form } from './form.ts'

/** What the name of an exported file says of it. */
export interface FileName {
  /** UTC, `2026-05-01`. */
  readonly day: string
  readonly epoch: string
  /** Sequences of its first inspection and, once it is closed, of its last. */
  readonly first: number
  readonly last?: number
  readonly form: Form['name']
  readonly gzip?: boolean
  /** Closed, and still lines: the file of its form is to be made of it. */
  readonly rows?: boolean
}

const PATTERN =
  /^(\d{4}-\d\d-\d\d)_([0-9a-f-]{36})_(\d{10,16})(?:-(\d{10,16})\.(ndjson|csv|parquet)(\.gz|\.rows)?|\.(ndjson|csv|parquet)\.open)$/

/** `<day>_<epoch>_<first>-<last>.<form>[.gz|.rows]`, or `<day>_<epoch>_<first>.<form>.open` while it grows. */
export function nameOf({ day, epoch, first, last, form, gzip, rows }: FileName): string {
  const from = `${day}_${epoch}_${digits(first)}`
  if (last === undefined) return `${from}.${form}.open`
  return `${from}-${digits(last)}.${form}${gzip === true ? '.gz' : ''}${rows === true ? '.rows' : ''}`
}

/** @returns undefined for a file that is none of the export's */
export function parseName(name: string): FileName | undefined {
  const [, day = '', epoch = '', first = '', last, closedForm, suffix, openForm] = PATTERN.exec(name) ?? []
  if (day === '') return undefined
  return {
    ...{ day, epoch, first: Number(first), form: formOf(closedForm ?? openForm) },
    ...(last === undefined ? {} : { last: Number(last) }),
    ...(suffix === '.gz' ? { gzip: true } : {}),
    ...(suffix === '.rows' ? { rows: true } : {}),
  }
}

function formOf(text: string | undefined): FileName['form'] {
  return text === 'csv' || text === 'parquet' ? text : 'ndjson'
}

function digits(sequence: number): string {
  return String(sequence).padStart(10, '0')
}
