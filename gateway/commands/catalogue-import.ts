import { readFile, writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { readRow } from '../catalogue/scraped-row.ts'
import { readTable } from '../catalogue/source-table.ts'
import type { Lens, Rejection, Repair } from '../lens.ts'
import { openCatalogue } from '../store/catalogue/catalogue.ts'
import { type CatalogueDiff, diffOf, goLive, stage } from '../store/catalogue/staging.ts'
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
}

/** Reads a table into the catalogue of `file`. Exit 0 done, 1 nothing done. */
export async function importTable(
  file: string,
  table: string,
  options: ImportOptions,
  streams: Streams,
): Promise<number> {
  const reading = await readingOf(table)
  const { lenses, repairs, rejected } = reading
  const source = options.source ?? basename(table)
  if (options.report !== undefined) await writeFile(options.report, ndjson([...repairs, ...rejected]))
  const say = (change: Change): void => {
    const outcome = { source, ...reading, lenses: lenses.length - change.merged, ...change }
    streams.output.write(options.json ? ndjson([outcome]) : importText(outcome))
  }
  if (lenses.length === 0) {
    say({ merged: 0, diff: NOTHING, live: false })
    streams.errors.write(`${table}: no line of it is a lens; the catalogue stays as it is\n`)
    return 1
  }
  const database = await openCatalogue(file, 'write')
  try {
    const merged = await stage(database, source, lenses)
    const planned = await diffOf(database, source)
    const halted = !(options['dry-run'] || options.remove) && emptying(planned)
    const live = !(options['dry-run'] || halted)
    const diff = live ? await goLive(database, source, new Date().toISOString()) : planned
    say({ merged, diff, live })
    if (!halted) return 0
    const gone = `${diff.removed.length} lenses of ${source} would go`
    streams.errors.write(`${gone}: with --remove, if that is meant\n`)
    return 1
  } finally {
    await database.close()
  }
}

async function readingOf(table: string): Promise<Reading> {
  const lines = await readTable(await readFile(table), table)
  const read = lines.map(({ line, cells }) => readRow(cells, line))
  return {
    lines: lines.length,
    lenses: read.flatMap(({ lenses }) => lenses),
    repairs: read.flatMap(({ repairs }) => repairs),
    rejected: read.flatMap(({ rejection }) => rejection ?? []),
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

interface Outcome extends Change, Omit<Reading, 'lenses'> {
  readonly lenses: number
}

function importText(outcome: Outcome): string {
  const { lines, lenses, merged, repairs, rejected, diff, live } = outcome
  const rules = new Map<string, Repair[]>()
  for (const repair of repairs) {
    const title = `${repair.field}: ${repair.rule}`
    rules.set(title, [...(rules.get(title) ?? []), repair])
  }
  const { added, changed, removed, same } = diff
  return [
    `${lines} lines, ${lenses} lenses (${merged} lines said the same lens again)`,
    `${added.length} added, ${changed.length} changed, ${removed.length} removed, ${same} as before${live ? '' : ' — nothing of it is live'}`,
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
