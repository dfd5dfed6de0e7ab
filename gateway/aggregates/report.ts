import { z } from 'zod'
import type { SumsKey, SumsTable } from './book.ts'
import { readSums, type SumsChoice } from './read.ts'
import { Sums, sumsOnWire } from './sums.ts'

/** What has a row of its own: every station, recipe revision and lot of a period, or the period with all of them. */
export type RowFor = 'lot' | 'period'

export interface ReportQuery extends SumsChoice {
  readonly each: RowFor
  /** Hours or days at most. */
  readonly limit: number
}

const row = sumsOnWire.extend({
  starts_at: z.iso.datetime().describe('The beginning of the hour or day, UTC.'),
  station: z.string().optional().describe('`site/line/station`; where each lot has a row.'),
  recipe: z
    .object({ id: z.string(), revision: z.int().min(1) })
    .optional()
    .describe('The same.'),
  lot_id: z.string().optional().describe('The same.'),
})
type Row = z.infer<typeof row>

/** Sums by hour or day, as the API and the command tell them. */
export const sumsReport = z.object({
  by: z.enum(['hour', 'day']),
  rows: z.array(row).describe('Oldest first.'),
  total: sumsOnWire.describe('All rows in one.'),
  next_from: z.iso.datetime().optional().describe('`from` of the page that follows; absent on the last one.'),
})
export type SumsReport = z.infer<typeof sumsReport>

// A page that is full of rows ends with the hour or day it stands in, however few those were.
const MANY_ROWS = 2000

/** The sums of whole hours or days, and all of them in one. @throws StoreError, ZodError for a row that is damaged */
export async function reportSums(
  table: Pick<SumsTable, 'find'>,
  { each, limit, ...choice }: ReportQuery,
): Promise<SumsReport> {
  const by = choice.period
  const total = new Sums()
  const rows: Row[] = []
  const periods = new Periods(each, (one) => rows.push(one))
  let read = 0
  for await (const { key, sums } of readSums(table, choice)) {
    if (periods.begins(key) && (periods.count === limit || read >= MANY_ROWS)) {
      periods.end()
      return { by, rows, total: total.onWire(), next_from: key.startsAt }
    }
    periods.add(key, sums)
    total.merge(sums)
    read += 1
  }
  periods.end()
  return { by, rows, total: total.onWire() }
}

/** Puts the rows of one period together, where they are wanted together. */
class Periods {
  count = 0
  readonly #each: RowFor
  readonly #tell: (row: Row) => void
  #open: { readonly startsAt: string; readonly sums: Sums } | undefined

  constructor(each: RowFor, tell: (row: Row) => void) {
    this.#each = each
    this.#tell = tell
  }

  /** Whether this one is of another hour or day than the one before. */
  begins({ startsAt }: SumsKey): boolean {
    return this.#open?.startsAt !== startsAt
  }

  add(key: SumsKey, sums: Sums): void {
    if (this.begins(key)) {
      this.end()
      this.#open = { startsAt: key.startsAt, sums: new Sums() }
      this.count += 1
    }
    if (this.#each === 'period') this.#open?.sums.merge(sums)
    else this.#tell(rowOfLot(key, sums))
  }

  end(): void {
    if (this.#open === undefined || this.#each === 'lot') return
    this.#tell({ starts_at: this.#open.startsAt, ...this.#open.sums.onWire() })
    this.#open = undefined
  }
}

function rowOfLot({ startsAt, station, recipe, revision, lot }: SumsKey, sums: Sums): Row {
  return { starts_at: startsAt, station, recipe: { id: recipe, revision }, lot_id: lot, ...sums.onWire() }
}
