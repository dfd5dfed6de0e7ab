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
}

const PATTERN =
  /^(\d{4}-\d\d-\d\d)_([0-9a-f-]{36})_(\d{10,16})(?:-(\d{10,16})\.(ndjson|csv)(\.gz)?|\.(ndjson|csv)\.open)$/

/** `<day>_<epoch>_<first>-<last>.<form>[.gz]`, or `<day>_<epoch>_<first>.<form>.open` while it grows. */
export function nameOf({ day, epoch, first, last, form, gzip }: FileName): string {
  const from = `${day}_${epoch}_${digits(first)}`
  return last === undefined
    ? `${from}.${form}.open`
    : `${from}-${digits(last)}.${form}${gzip === true ? '.gz' : ''}`
}

/** @returns undefined for a file that is none of the export's */
export function parseName(name: string): FileName | undefined {
  const [, day = '', epoch = '', first = '', last, closedForm, gzip, openForm] = PATTERN.exec(name) ?? []
  const form = (closedForm ?? openForm) === 'csv' ? 'csv' : 'ndjson'
  if (day === '') return undefined
  return {
    ...{ day, epoch, first: Number(first), form },
    ...(last === undefined ? {} : { last: Number(last) }),
    ...(gzip === undefined ? {} : { gzip: true }),
  }
}

function digits(sequence: number): string {
  return String(sequence).padStart(10, '0')
}
