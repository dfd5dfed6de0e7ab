import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bestNamed } from '../catalogue/fuzzy.ts'
import { commandConfig } from '../config-file.ts'
import {
  type CatalogueFilter,
  type CatalogueLens,
  lensesOf,
  openCatalogue,
} from '../store/catalogue/catalogue.ts'
import { type LensSymbol, linkSymbol, tagSymbol, unlinkSymbol } from '../store/catalogue/links.ts'
import type { Database } from '../store/database.ts'
import type { Streams } from '../streams.ts'
import { importTable, ndjson } from './catalogue-import.ts'

const USAGE = `poincon catalogue import FILE [--source NAME] [--dry-run] [--remove] [--report FILE] [--json]
poincon catalogue search [WORDS…] [--text MARK] [--symbol NAME]… [--tag TAG]… [--any] [--index N[-N]] [--supplier NAME]
                         [--limit N] [--json]
poincon catalogue link LENS_ID SYMBOL [--confidence C] [--validated-by NAME] [--json]
poincon catalogue unlink LENS_ID SYMBOL
poincon catalogue tag SYMBOL TAG…

The lenses that an engraving can belong to. import reads a CSV or XLSX of a supplier, or of the old scraper, puts right
what is surely wrong, and goes live all at once; --report writes down every line that was put right or left out, --dry-run
shows what would change. Where a fifth of a source's lenses would go, it wants --remove. search finds
lenses by a name as somebody remembers it, by the text or the symbols that are engraved, tags (all, or --any), refractive
index, supplier. link says that an enrolled symbol stands on a lens, by the number that search gives it, with a confidence
of 0 to 1 (1 when nothing is said), and who has seen it there; unlink takes that back; tag gives a symbol tags to be found
by. All work on catalogue.db of the data directory (--config FILE), whether the station runs or not.
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
      confidence: { type: 'string' },
      'validated-by': { type: 'string' },
      index: { type: 'string' },
      supplier: { type: 'string' },
      limit: { type: 'string', default: '20' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
}

type Values = ReturnType<typeof parsed>['values']

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
  const [first, second] = rest
  if (verb === 'search') return await search(file, rest.join(' '), values, streams)
  if (verb === 'import' && first !== undefined && rest.length === 1)
    return await importTable(file, first, values, streams)
  if (verb === 'tag' && first !== undefined && second !== undefined)
    return await tag(file, first, rest.slice(1), streams)
  if ((verb === 'link' || verb === 'unlink') && second !== undefined && rest.length === 2) {
    const wrong = wrongNumber(first, values.confidence)
    if (wrong !== undefined) {
      streams.errors.write(`poincon catalogue: ${wrong}\n`)
      return 2
    }
    const which = { lens: Number(first), symbol: second }
    return verb === 'link' ? await link(file, which, values, streams) : await unlink(file, which, streams)
  }
  streams.errors.write(USAGE)
  return 2
}

function wrongNumber(lens = '', confidence = '1'): string | undefined {
  if (!/^\d{1,15}$/.test(lens)) return `lens ${lens}: expected a number that a search gives`
  const sound = confidence.trim() !== '' && Number(confidence) >= 0 && Number(confidence) <= 1
  return sound ? undefined : `--confidence ${confidence}: expected a number from 0 to 1`
}

/** Opens the catalogue to write for as long as `work` takes. */
async function writing(file: string, work: (database: Database) => Promise<number>): Promise<number> {
  const database = await openCatalogue(file, 'write')
  try {
    return await work(database)
  } finally {
    await database.close()
  }
}

async function link(file: string, which: LensSymbol, values: Values, streams: Streams): Promise<number> {
  const { confidence, 'validated-by': validatedBy } = values
  const linking = {
    ...(confidence === undefined ? {} : { confidence: Number(confidence) }),
    ...(validatedBy === undefined ? {} : { validatedBy }),
    at: new Date().toISOString(),
  }
  return await writing(file, async (database) => {
    await linkSymbol(database, which, linking)
    const [lens] = await lensesOf(database, { ids: [which.lens] })
    if (lens !== undefined) streams.output.write(values.json ? ndjson([lens]) : lensText(lens))
    return 0
  })
}

async function unlink(file: string, which: LensSymbol, streams: Streams): Promise<number> {
  return await writing(file, async (database) => {
    if (await unlinkSymbol(database, which)) return 0
    streams.errors.write(`lens ${which.lens}: symbol ${which.symbol} was not linked to it\n`)
    return 1
  })
}

async function tag(file: string, symbol: string, tags: readonly string[], streams: Streams): Promise<number> {
  return await writing(file, async (database) => {
    streams.output.write(`${symbol}: ${(await tagSymbol(database, symbol, tags)).join(', ')}\n`)
    return 0
  })
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
  const { id, supplier, name, range, series, index, material, treatments, marks, symbols } = lens
  const engraved = marks.map((mark) =>
    mark.kind === 'text' ? mark.text : `picture ${mark.url.split('/').at(-1)}`,
  )
  const groups = [...(range === undefined ? [] : [range]), ...(series === undefined ? [] : [series])]
  const made = [index?.toString() ?? 'index unknown', material ?? 'material unknown', ...treatments]
  const facts = [...groups, ...made]
  const links = symbols.map(({ symbol, validatedBy }) => (validatedBy === undefined ? `${symbol}?` : symbol))
  return `${String(id).padStart(6)}  ${supplier}: ${name}\n        ${facts.join(', ')}; engraved ${[...engraved, ...links].join(' | ') || 'unknown'}\n`
}
