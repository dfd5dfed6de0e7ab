import { join } from 'node:path'
import { bestNamed } from '../catalogue/fuzzy.ts'
import { commandConfig } from '../config-file.ts'
import {
  type CatalogueFilter,
  type CatalogueLens,
  lensesOf,
  openCatalogue,
} from '../store/catalogue/catalogue.ts'
import {
  type LensSymbol,
  linkSymbol,
  tagSymbol,
  unlinkSymbol,
  untagSymbol,
} from '../store/catalogue/links.ts'
import type { Database } from '../store/database.ts'
import type { Streams } from '../streams.ts'
import { updateAtLine } from '../update-status.ts'
import { type CrawlSurroundings, crawlPages } from './catalogue-crawl.ts'
import { importTable, ndjson } from './catalogue-import.ts'
import { parsed, USAGE, type Values } from './catalogue-options.ts'
import { accept, discard, pictures, review } from './catalogue-review.ts'

/** Verbs that change nothing. */
const READING: ReadonlySet<string> = new Set(['search', 'review', 'pictures'])

/** `poincon catalogue …`. Exit 0 done, 1 nothing found, or nothing done, 2 wrong usage. */
export async function catalogueCommand(
  args: readonly string[],
  streams: Streams = { output: process.stdout, errors: process.stderr },
  surroundings?: CrawlSurroundings,
): Promise<number> {
  const { values, positionals } = parsed(args)
  const [verb, ...rest] = positionals
  if (values.help) {
    streams.output.write(USAGE)
    return 0
  }
  const { config } = commandConfig(values.config)
  const taken = READING.has(verb ?? '') ? undefined : await updateAtLine(config.update.dir, Date.now())
  if (taken !== undefined) {
    streams.errors.write(`poincon catalogue: an update to ${taken} has the line: try again when it is over\n`)
    return 1
  }
  const file = join(config.data_dir, 'catalogue.db')
  const [first, second] = rest
  if (verb === 'search') return await search(file, rest.join(' '), values, streams)
  if (verb === 'import' && first !== undefined && rest.length === 1)
    return await importTable(file, first, values, streams)
  if ((verb === 'tag' || verb === 'untag') && first !== undefined && second !== undefined) {
    const change = verb === 'tag' ? tagSymbol : untagSymbol
    return await tag(file, first, (database) => change(database, first, rest.slice(1)), streams)
  }
  if (verb === 'crawl') return await crawlPages(file, rest, values, streams, surroundings)
  const reviewing = reviewingVerb(verb, rest, values)
  if (reviewing !== undefined) return await reviewing(file, streams)
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

/** What looks at a crawl, or ends it. */
function reviewingVerb(
  verb: string | undefined,
  rest: readonly string[],
  values: Values,
): ((file: string, streams: Streams) => Promise<number>) | undefined {
  const { by, out, limit } = values
  if (rest.length > 0 || !/^\d{1,9}$/.test(limit)) return undefined
  if (verb === 'review') return (file, streams) => review(file, values, streams)
  if (verb === 'discard') return discard
  if (verb === 'accept' && by !== undefined && by.trim() !== '')
    return (file, streams) => accept(file, { ...values, by }, streams)
  if (verb === 'pictures' && out !== undefined)
    return (file, streams) => pictures(file, out, values.json, streams)
  return undefined
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

async function tag(
  file: string,
  symbol: string,
  change: (database: Database) => Promise<readonly string[]>,
  streams: Streams,
): Promise<number> {
  return await writing(file, async (database) => {
    streams.output.write(`${symbol}: ${(await change(database)).join(', ') || 'no tags'}\n`)
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
