import { z } from 'zod'
import type { InspectionMessage } from '../message.ts'
import type { OutboxEntry } from '../outbox.ts'
import { COLUMNS, CSV_HEADER, CSV_SCHEMA, csvRecord, firstFields } from './columns.ts'

/** Where an inspection stands in the log. */
export interface Place {
  readonly epoch: string
  readonly sequence: number
}

/** How inspections are written into a file: a header, and one record each. */
export interface Form {
  readonly name: 'ndjson' | 'csv' | 'parquet'
  /** With its line end; empty: none. */
  readonly header: string
  /** With its line end. */
  record(entry: OutboxEntry): string
  /** Whether a closed file is what another is made of, which then takes its place. */
  readonly rows: boolean
  /** Whether a line end within double quotes belongs to the record. */
  readonly quotes: boolean
  /** Which inspection a whole record (without its line end) is of; undefined: it is not whole. */
  placeOf(record: string): Place | undefined
}

const place = z.object({ epoch: z.string().min(1), sequence: z.int().min(1) })

/** The log's own canonical JSON, one message a line. */
const ndjson: Form = {
  name: 'ndjson',
  header: '',
  rows: false,
  quotes: false,
  record: ({ payload }) => `${payload}\n`,
  placeOf: (record) => {
    try {
      return place.parse(JSON.parse(record))
    } catch {
      return undefined
    }
  },
}

/** Scalars in fixed columns (RFC 4180). */
const csv: Form = {
  name: 'csv',
  header: `${CSV_HEADER}\r\n`,
  rows: false,
  quotes: true,
  record: (entry) => `${csvRecord(messageOf(entry))}\r\n`,
  placeOf: (record) => {
    const fields = firstFields(record.endsWith('\r') ? record.slice(0, -1) : '', COLUMNS.length + 1)
    const [schema, epoch = '', sequence] = fields
    const found = place.safeParse({ epoch, sequence: Number(sequence) })
    // NUL: a page that the disk never got.
    if (schema !== CSV_SCHEMA || fields.length !== COLUMNS.length || record.includes('\0')) return undefined
    return found.success ? found.data : undefined
  },
}

/** Columns with types. Such a file cannot grow: while a day lasts its inspections wait as lines. */
const parquet: Form = { ...ndjson, name: 'parquet', rows: true }

export const FORMS: Readonly<Record<Form['name'], Form>> = { ndjson, csv, parquet }

/** The log's own JSON: it was checked when it was appended. */
export function messageOf({ payload, message }: OutboxEntry): InspectionMessage {
  return message ?? JSON.parse(payload)
}

const TIMESTAMP = '"timestamp":"'

/** The day of an inspection, UTC, without parsing the message; no other member of it has this name. */
export function dayOf({ payload }: OutboxEntry): string {
  const at = payload.lastIndexOf(TIMESTAMP) + TIMESTAMP.length
  const day = payload.slice(at, at + 10)
  if (!/^\d{4}-\d\d-\d\d$/.test(day)) throw new Error(`no time stamp in ${payload.slice(0, 100)}`)
  return day
}
