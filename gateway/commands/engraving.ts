import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { commandConfig } from '../config-file.ts'
import { galleryPlaces } from '../engraving-places.ts'
import { openCatalogue } from '../store/catalogue/catalogue.ts'
import { forgetSymbol, keepExamples } from '../store/catalogue/gallery.ts'
import type { Streams } from '../streams.ts'
import { openSymbolReader } from '../symbol-reader.ts'
import { updateAtLine } from '../update-status.ts'
import type { Recognition } from '../vision/decision.ts'
import { readPicture } from '../vision/picture.ts'
import { evaluation } from './engraving-evaluate.ts'
import { embedderInForce, enrolledGallery, folderGallery, isEmpty, type Tools } from './engraving-tools.ts'
import { train } from './engraving-train.ts'

const USAGE = `poincon engraving match FILE… [--gallery DIR] [--head FILE] [--top N] [--json]
poincon engraving enrol SYMBOL FILE… [--by NAME]
poincon engraving forget SYMBOL
poincon engraving train DIR | --from-gallery [--out FILE] [--model DIR] [--json]
poincon engraving evaluate --gallery DIR --queries DIR [--unknown DIR] [--head FILE] [--json]

Recognises the symbol on a drawing, a printed reference, or the crop of a camera picture: PNG or JPEG. The gallery is what was
enrolled at this station (catalogue.db of the data directory, --config FILE), or a folder: DIR/SYMBOL/*.png, or DIR/SYMBOL.png.
One picture of a symbol is enough, and nothing is trained. With many pictures of a symbol, train may learn more from them.
The network is the one in force at the station; --model DIR: another one, with which train wants --out FILE.
`

function parsed(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      model: { type: 'string' },
      gallery: { type: 'string' },
      queries: { type: 'string' },
      unknown: { type: 'string' },
      head: { type: 'string' },
      out: { type: 'string' },
      'from-gallery': { type: 'boolean', default: false },
      top: { type: 'string', default: '3' },
      by: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
}

type Values = ReturnType<typeof parsed>['values']

/** Verbs that change the gallery: going back from an update would take it away. */
const KEEPING: ReadonlySet<string> = new Set(['enrol', 'forget'])

/** `poincon engraving …`. Exit 0 done, 1 a picture or the model cannot be used, or a head is not worth it; 2 wrong usage. */
export async function engravingCommand(
  args: readonly string[],
  streams: Streams = { output: process.stdout, errors: process.stderr },
): Promise<number> {
  const { values, positionals } = parsed(args)
  const [verb, ...rest] = positionals
  if (values.help) {
    streams.output.write(USAGE)
    return 0
  }
  const work = verbOf(verb, rest, values)
  if (work === undefined) {
    streams.errors.write(USAGE)
    return 2
  }
  if (verb === 'train' && values.model !== undefined && values.out === undefined) {
    streams.errors.write('poincon engraving train: --model: expected --out FILE beside it\n')
    return 2
  }
  const { config } = commandConfig(values.config)
  const taken = KEEPING.has(verb ?? '') ? await updateAtLine(config.update.dir, Date.now()) : undefined
  if (taken !== undefined) {
    streams.errors.write(`poincon engraving: an update to ${taken} has the line: try again when it is over\n`)
    return 1
  }
  const reading = await openSymbolReader(values.model ?? embedderInForce(config), {
    ...config.vision,
    refused: ({ provider, reason }) => streams.errors.write(`${provider} is not used: ${reason}\n`),
  })
  try {
    return await work({ places: galleryPlaces(config.data_dir), streams, reading })
  } finally {
    await reading.close()
  }
}

function verbOf(
  verb: string | undefined,
  rest: readonly string[],
  values: Values,
): ((tools: Tools) => Promise<number>) | undefined {
  const { gallery, queries, unknown, head, json, out } = values
  const [first, ...more] = rest
  if (verb === 'match' && first !== undefined && Number(values.top) >= 1) {
    return (tools) => match(rest, values, tools)
  }
  if (verb === 'enrol' && first !== undefined && more.length > 0) {
    return (tools) => enrol(first, more, values.by, tools)
  }
  if (verb === 'forget' && first !== undefined && more.length === 0) return (tools) => forget(first, tools)
  if (verb === 'train' && more.length === 0 && (first !== undefined) !== values['from-gallery']) {
    return (tools) => train(first, { out, json }, tools)
  }
  if (verb !== 'evaluate' || gallery === undefined || queries === undefined) return undefined
  return (tools) => evaluation({ gallery, queries, unknown, head, json }, tools)
}

async function match(
  files: readonly string[],
  { gallery: folder, head: headFile, top, json }: Values,
  tools: Tools,
): Promise<number> {
  const { streams, reading } = tools
  const { prototypes, head } =
    folder === undefined
      ? await enrolledGallery(tools, headFile)
      : await folderGallery(folder, tools, headFile)
  if (isEmpty(prototypes, streams)) return 1
  reading.reader.use(prototypes, head)
  for (const file of files) {
    const picture = await readPicture(await readFile(file), file)
    const recognition = await reading.reader.match(picture, Math.floor(Number(top)))
    const learnt = head === undefined ? {} : { head_symbols: head.rows.size }
    streams.output.write(
      json ? `${JSON.stringify({ file, ...recognition, ...learnt })}\n` : matchText(file, recognition),
    )
  }
  if (!json && head !== undefined) streams.output.write(`learnt of ${head.rows.size} symbols\n`)
  return 0
}

function matchText(file: string, recognition: Recognition): string {
  const near = recognition.candidates
    .map(({ symbol, similarity }) => `${symbol} ${similarity.toFixed(3)}`)
    .join(', ')
  return `${file}: ${said(recognition)}${near === '' ? '' : ` (${near})`}\n`
}

function said(recognition: Recognition): string {
  switch (recognition.kind) {
    case 'known':
      return `${recognition.symbol}, ${(100 * recognition.confidence).toFixed(1)} %`
    case 'one-of':
      return `one of ${recognition.symbols.join(', ')}`
    case 'unknown':
      return 'unknown'
    case 'blank':
      return 'blank: nothing stands out'
  }
}

async function enrol(
  symbol: string,
  files: readonly string[],
  by: string | undefined,
  { places, streams, reading }: Tools,
): Promise<number> {
  const pictures: Uint8Array[] = []
  for (const file of files) {
    const bytes = await readFile(file)
    const found = await reading.reader.prototypes(await readPicture(bytes, file), symbol)
    if (found.length === 0) {
      streams.errors.write(`${file}: nothing stands out, expected one symbol; nothing was enrolled\n`)
      return 1
    }
    pictures.push(bytes)
  }
  const database = await openCatalogue(places.catalogue, 'write')
  try {
    const when = { by: by ?? whoAmI(), at: new Date().toISOString() }
    const kept = await keepExamples(database, symbol, pictures, when)
    streams.output.write(`${symbol}: ${kept} enrolled, ${pictures.length - kept} were there\n`)
    return 0
  } finally {
    await database.close()
  }
}

/** Also for a user that the machine has no name for, as in a container. */
function whoAmI(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}

async function forget(symbol: string, { places, streams }: Tools): Promise<number> {
  const database = await openCatalogue(places.catalogue, 'write')
  try {
    const found = await forgetSymbol(database, symbol)
    if (!found) streams.errors.write(`symbol ${symbol}: there is none\n`)
    return found ? 0 : 1
  } finally {
    await database.close()
  }
}
