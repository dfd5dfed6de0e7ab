import { open, readFile, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { readRow } from '../catalogue/scraped-row.ts'
import { readTable } from '../catalogue/source-table.ts'
import { readVerres } from '../catalogue/verres.ts'
import { isDatabase, readOldTables } from '../catalogue/verres-tables.ts'
import type { Lens, Rejection, Repair } from '../lens.ts'
import type { KeyedLink, NamedSymbol } from '../lens-links.ts'
import { bringLinks, lensesBesides } from '../store/catalogue/bring-links.ts'
import { openCatalogue } from '../store/catalogue/catalogue.ts'
import { type CatalogueDiff, diffOf, goLive, stage } from '../store/catalogue/staging.ts'
import { openReader } from '../store/connections.ts'
import type { Database } from '../store/database.ts'
import type { Streams } from '../streams.ts'

/** How a table is brought in. */
export interface ImportOptions {
  readonly source?: string | undefined
  readonly 'dry-run': boolean
  readonly remove: boolean
  readonly report?: string | undefined
  readonly json: boolean
}

/** What a table says of lenses. */
interface Reading {
  readonly lines: number
  readonly lenses: readonly Lens[]
  readonly repairs: readonly Repair[]
  readonly rejected: readonly Rejection[]
  /** Of the old system's database. */
  readonly symbols?: readonly NamedSymbol[]
  readonly links?: readonly KeyedLink[]
}

/** Reads a table into the catalogue of `file`. Exit 0 done, 1 nothing done. */
export async function importTable(
  file: string,
  table: string,
  options: ImportOptions,
  streams: Streams,
): Promise<number> {
  const source = options.source ?? basename(table)
  const old = isDatabase(await firstBytes(table))
  const listed = old ? undefined : await tableReading(table)
  const database = await openCatalogue(file, 'write')
  try {
    const reading = listed ?? (await oldReading(table, await lensesBesides(database, source)))
    if (options.report !== undefined)
      await writeFile(options.report, ndjson([...reading.repairs, ...reading.rejected]))
    return await bring(database, { table, source, reading, options, streams })
  } finally {
    await database.close()
  }
}

interface Bringing {
  readonly table: string
  readonly source: string
  readonly reading: Reading
  readonly options: ImportOptions
  readonly streams: Streams
}

async function bring(
  database: Database,
  { table, source, reading, options, streams }: Bringing,
): Promise<number> {
  const { lenses, symbols = [], links = [], ...notes } = reading
  const linked = symbols.length + links.length > 0 ? { symbols: symbols.length, links: links.length } : {}
  const say = (change: Change): void => {
    const outcome = { source, ...notes, lenses: lenses.length - change.merged, ...linked, ...change }
    streams.output.write(options.json ? ndjson([outcome]) : importText(outcome))
  }
  if (lenses.length + symbols.length + links.length === 0) {
    say({ merged: 0, diff: NOTHING, live: false })
    streams.errors.write(`${table}: no line of it is a lens; the catalogue stays as it is\n`)
    return 1
  }
  const merged = await stage(database, source, lenses)
  const empty = lenses.length === 0
  const planned = await diffOf(database, source, { empty })
  const halted = !(options['dry-run'] || options.remove) && emptying(planned)
  const live = !(options['dry-run'] || halted)
  const at = new Date().toISOString()
  const also = async (): Promise<void> => {
    await bringLinks(database, { symbols, links, at })
  }
  const diff = live ? await goLive(database, source, at, { empty, also }) : planned
  say({ merged, diff, live })
  if (!halted) return 0
  const gone = `${diff.removed.length} lenses of ${source} would go`
  streams.errors.write(`${gone}: with --remove, if that is meant\n`)
  return 1
}

async function firstBytes(file: string): Promise<Buffer> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

async function tableReading(table: string): Promise<Reading> {
  const lines = await readTable(await readFile(table), table)
  const read = lines.map(({ line, cells }) => readRow(cells, line))
  return {
    lines: lines.length,
    lenses: read.flatMap(({ lenses }) => lenses),
    repairs: read.flatMap(({ repairs }) => repairs),
    rejected: read.flatMap(({ rejection }) => rejection ?? []),
  }
}

/** @param live lenses that other sources name */
async function oldReading(file: string, live: readonly Lens[]): Promise<Reading> {
  const database = await openReader(file)
  try {
    return readVerres(await readOldTables((sql) => database.all(sql), file), live)
  } finally {
    await database.close()
  }
}

/** A file that was cut off, or a page that has moved, must not empty the catalogue. */
function emptying({ removed, changed, same }: CatalogueDiff): boolean {
  return removed.length > 0.2 * (removed.length + changed.length + same)
}

export function ndjson(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('')
}

interface Change {
  /** Lines of a lens that another line had named. */
  readonly merged: number
  readonly diff: CatalogueDiff
  readonly live: boolean
}

const NOTHING: CatalogueDiff = { added: [], changed: [], removed: [], same: 0 }

interface Outcome extends Change, Pick<Reading, 'lines' | 'repairs' | 'rejected'> {
  readonly lenses: number
  readonly symbols?: number
  readonly links?: number
}

function importText(outcome: Outcome): string {
  const { lines, lenses, merged, repairs, rejected, diff, live, symbols, links } = outcome
  const rules = new Map<string, Repair[]>()
  for (const repair of repairs) {
    const title = `${repair.field}: ${repair.rule}`
    rules.set(title, [...(rules.get(title) ?? []), repair])
  }
  const { added, changed, removed, same } = diff
  return [
    `${lines} lines, ${lenses} lenses (${merged} lines said the same lens again)`,
    `${added.length} added, ${changed.length} changed, ${removed.length} removed, ${same} as before${live ? '' : ' — nothing of it is live'}`,
    ...(symbols === undefined ? [] : [`${symbols} symbols, ${links} links of symbols to lenses`]),
    ...[...rules].map(([title, found]) => {
      const [first] = found
      return `${String(found.length).padStart(6)}  ${title}, as on line ${first?.line}: ${short(first?.from)} → ${short(first?.to)}`
    }),
    ...rejected.map(
      ({ line, field, value, expected }) =>
        `line ${line} left out: ${field} ${short(value)}, expected ${expected}`,
    ),
    '',
  ].join('\n')
}

function short(text = ''): string {
  const shown = text.length > 60 ? `${text.slice(0, 59)}…` : text
  return shown === '' ? '(nothing)' : shown
}
