import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { bestNamed } from '../catalogue/fuzzy.ts'
import { readRow } from '../catalogue/scraped-row.ts'
import { readTable } from '../catalogue/source-table.ts'
import { commandConfig } from '../config-file.ts'
import type { Rejection, Repair } from '../lens.ts'
import {
  type CatalogueFilter,
  type CatalogueLens,
  lensesOf,
  openCatalogue,
} from '../store/catalogue/catalogue.ts'
import { type CatalogueDiff, diffOf, goLive, stage } from '../store/catalogue/staging.ts'

const USAGE = `poincon catalogue import FILE [--source NAME] [--dry-run] [--remove] [--report FILE] [--json]
poincon catalogue search [WORDS…] [--text MARK] [--symbol NAME]… [--tag TAG]… [--any] [--index N[-N]] [--supplier NAME]
                         [--limit N] [--json]

The lenses that an engraving can belong to. import reads a CSV or XLSX of a supplier, or of the old scraper, puts right
what is surely wrong, and goes live all at once; --report writes down every line that was put right or left out, --dry-run
shows what would change. Where a fifth of a source's lenses would go, it wants --remove. search finds
lenses by a name as somebody remembers it, by the text or the symbols that are engraved, tags (all, or --any), refractive
index, supplier. Both work on catalogue.db of the data directory (--config FILE), whether the station runs or not.
`

function parsed(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      source: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      remove: { type: 'boolean', default: false },
      report: { type: 'string' },
      text: { type: 'string' },
      symbol: { type: 'string', multiple: true },
      tag: { type: 'string', multiple: true },
      any: { type: 'boolean', default: false },
      index: { type: 'string' },
      supplier: { type: 'string' },
      limit: { type: 'string', default: '20' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
}

type Values = ReturnType<typeof parsed>['values']

/** Where a command says what it found, and what is wrong. */
interface Streams {
  readonly output: Pick<NodeJS.WritableStream, 'write'>
  readonly errors: Pick<NodeJS.WritableStream, 'write'>
}

/** `poincon catalogue …`. Exit 0 done, 1 nothing found, or nothing done, 2 wrong usage. */
export async function catalogueCommand(
  args: readonly string[],
  streams: Streams = { output: process.stdout, errors: process.stderr },
): Promise<number> {
  const { values, positionals } = parsed(args)
  const [verb, ...rest] = positionals
  if (values.help) {
    streams.output.write(USAGE)
    return 0
  }
  const { config } = commandConfig(values.config)
  const file = join(config.data_dir, 'catalogue.db')
  const [table] = rest
  if (verb === 'import' && table !== undefined && rest.length === 1)
    return await importTable(file, table, values, streams)
  if (verb === 'search') return await search(file, rest.join(' '), values, streams)
  streams.errors.write(USAGE)
  return 2
}

async function importTable(file: string, table: string, values: Values, streams: Streams): Promise<number> {
  const rows = await readTable(await readFile(table), table)
  const read = rows.map((cells, index) => readRow(cells, index + 1))
  const lenses = read.flatMap((row) => row.lenses)
  const repairs = read.flatMap((row) => row.repairs)
  const rejected = read.flatMap(({ rejection }) => rejection ?? [])
  const source = values.source ?? basename(table)
  if (values.report !== undefined) await writeFile(values.report, ndjson([...repairs, ...rejected]))
  const database = await openCatalogue(file, 'write')
  try {
    const merged = await stage(database, source, lenses)
    const planned = await diffOf(database, source)
    const halted = !(values['dry-run'] || values.remove) && emptying(planned)
    const live = !(values['dry-run'] || halted)
    const diff = live ? await goLive(database, source, new Date().toISOString()) : planned
    const outcome = {
      source,
      lines: rows.length,
      lenses: lenses.length - merged,
      merged,
      repairs,
      rejected,
      diff,
      live,
    }
    streams.output.write(values.json ? ndjson([outcome]) : importText(outcome))
    if (!halted) return 0
    streams.errors.write(
      `${diff.removed.length} lenses of ${source} would go: with --remove, if that is meant\n`,
    )
    return 1
  } finally {
    await database.close()
  }
}

/** A file that was cut off, or a page that has moved, must not empty the catalogue. */
function emptying({ removed, changed, same }: CatalogueDiff): boolean {
  return removed.length > 0.2 * (removed.length + changed.length + same)
}

function ndjson(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('')
}

interface Outcome {
  readonly source: string
  readonly lines: number
  readonly lenses: number
  readonly merged: number
  readonly repairs: readonly Repair[]
  readonly rejected: readonly Rejection[]
  readonly diff: CatalogueDiff
  readonly live: boolean
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
      return `${String(found.length).padStart(6)}  ${title}, as on line ${first?.row}: ${short(first?.from)} → ${short(first?.to)}`
    }),
    ...rejected.map(
      ({ row, field, value, expected }) =>
        `line ${row} left out: ${field} ${short(value)}, expected ${expected}`,
    ),
    '',
  ].join('\n')
}

function short(text = ''): string {
  const shown = text.length > 60 ? `${text.slice(0, 59)}…` : text
  return shown === '' ? '(nothing)' : shown
}

async function search(file: string, words: string, values: Values, streams: Streams): Promise<number> {
  const filter = filterOf(values)
  const limit = Number(values.limit)
  if (filter === undefined || !(Number.isInteger(limit) && limit >= 1)) {
    const wrong =
      filter === undefined ? `--index ${values.index}: expected N or N-N` : `--limit ${values.limit}`
    streams.errors.write(`poincon catalogue: ${wrong}\n`)
    return 2
  }
  const database = await openCatalogue(file)
  try {
    const found = await lensesOf(database, filter)
    const ranked = words === '' ? found : bestNamed(words, found)
    const shown = ranked.slice(0, limit)
    if (values.json) streams.output.write(ndjson(shown))
    else streams.output.write(`${shown.map(lensText).join('')}${ranked.length} found\n`)
    return ranked.length === 0 ? 1 : 0
  } finally {
    await database.close()
  }
}

function filterOf(values: Values): CatalogueFilter | undefined {
  const { supplier, text, symbol, tag, any, index } = values
  const [, low, high = low] = /^([\d.]+)(?:-([\d.]+))?$/.exec(index ?? '') ?? []
  if (index !== undefined && low === undefined) return undefined
  return {
    ...(supplier === undefined ? {} : { supplier }),
    ...(text === undefined ? {} : { text }),
    ...(symbol === undefined ? {} : { symbols: symbol }),
    ...(tag === undefined ? {} : { tags: { names: tag, of: any ? ('any' as const) : ('all' as const) } }),
    ...(low === undefined ? {} : { index: { min: Number(low), max: Number(high) } }),
  }
}

function lensText(lens: CatalogueLens): string {
  const { id, supplier, name, index, material, treatments, marks, symbols } = lens
  const engraved = marks.map((mark) =>
    mark.kind === 'text' ? mark.text : `picture ${mark.url.split('/').at(-1)}`,
  )
  const facts = [index?.toString() ?? 'index unknown', material ?? 'material unknown', ...treatments]
  const links = symbols.map(({ symbol, validatedBy }) => (validatedBy === undefined ? `${symbol}?` : symbol))
  return `${String(id).padStart(6)}  ${supplier}: ${name}\n        ${facts.join(', ')}; engraved ${[...engraved, ...links].join(' | ') || 'unknown'}\n`
}
