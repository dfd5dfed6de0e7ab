import { readFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Config } from '../config.ts'
import { commandConfig } from '../config-file.ts'
import { labelledPictures } from '../labelled-pictures.ts'
import { openCatalogue } from '../store/catalogue/catalogue.ts'
import { examples, forgetSymbol, keepExamples } from '../store/catalogue/gallery.ts'
import type { Streams } from '../streams.ts'
import { decide, type MatchRule, type Recognition, standingOf } from '../vision/decision.ts'
import { Embedder } from '../vision/embedder.ts'
import { type Answer, type Evaluation, evaluate } from '../vision/evaluation.ts'
import { type Candidate, type Gallery, galleryOf, nearest, type Prototype } from '../vision/gallery.ts'
import { ModelError, readModel } from '../vision/model.ts'
import { Network } from '../vision/onnx.ts'
import { type Grey, PictureError, readPicture } from '../vision/picture.ts'

const USAGE = `poincon engraving match FILE… [--gallery DIR] [--top N] [--json]
poincon engraving enrol SYMBOL FILE… [--by NAME]
poincon engraving forget SYMBOL
poincon engraving evaluate --gallery DIR --queries DIR [--unknown DIR] [--json]

Recognises the symbol on a drawing, a printed reference, or the crop of a camera picture: PNG or JPEG. The gallery is what was
enrolled at this station (catalogue.db of the data directory, --config FILE), or a folder: DIR/SYMBOL/*.png, or DIR/SYMBOL.png.
One picture of a symbol is enough, and nothing is trained.
`
/** Where a release has it. */
const MODEL = fileURLToPath(new URL('../../../models/engraving-embedder/', import.meta.url))

function parsed(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      model: { type: 'string', default: MODEL },
      gallery: { type: 'string' },
      queries: { type: 'string' },
      unknown: { type: 'string' },
      top: { type: 'string', default: '3' },
      by: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
}

type Values = ReturnType<typeof parsed>['values']

/** What every verb needs. */
interface Tools {
  readonly config: Config
  readonly values: Values
  readonly streams: Streams
  readonly embedder: Embedder
  readonly rule: MatchRule
}

/** `poincon engraving …`. Exit 0 done, 1 a picture or the model cannot be used, 2 wrong usage. */
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
  const { config } = commandConfig(values.config)
  const model = await readModel(values.model)
  const { match: rule } = model.manifest
  if (rule === undefined) {
    throw new ModelError('manifest', `${values.model}: match: expected a rule, this model compares nothing`)
  }
  const network = await Network.open(model, {
    ...config.vision,
    refused: ({ provider, reason }) => streams.errors.write(`${provider} is not used: ${reason}\n`),
  })
  try {
    const embedder = new Embedder((input) => network.run(input))
    return await work({ config, values, streams, embedder, rule })
  } finally {
    await network.close()
  }
}

function verbOf(
  verb: string | undefined,
  rest: readonly string[],
  { gallery, queries, top }: Values,
): ((tools: Tools) => Promise<number>) | undefined {
  const [first, ...more] = rest
  if (verb === 'match' && first !== undefined && Number(top) >= 1) return (tools) => match(rest, tools)
  if (verb === 'enrol' && first !== undefined && more.length > 0) return (tools) => enrol(first, more, tools)
  if (verb === 'forget' && first !== undefined && more.length === 0) return (tools) => forget(first, tools)
  if (verb !== 'evaluate' || gallery === undefined || queries === undefined) return undefined
  return (tools) => evaluation(gallery, queries, tools)
}

async function match(
  files: readonly string[],
  { config, values, streams, embedder, rule }: Tools,
): Promise<number> {
  const gallery =
    values.gallery === undefined
      ? await enrolled(config, embedder)
      : await galleryIn(values.gallery, embedder, streams)
  if (isEmpty(gallery, streams)) return 1
  const shown = Math.floor(Number(values.top))
  for (const file of files) {
    const decided = decide(
      await candidatesOf(await readPicture(await readFile(file), file), gallery, embedder, rule),
      rule,
    )
    // What is shown must not change what is decided.
    const recognition = { ...decided, candidates: decided.candidates.slice(0, shown) }
    streams.output.write(
      values.json ? `${JSON.stringify({ file, ...recognition })}\n` : matchText(file, recognition),
    )
  }
  return 0
}

/** Says so where nothing can be found. */
function isEmpty({ symbols }: Gallery, { errors }: Streams): boolean {
  if (symbols.length > 0) return false
  errors.write('the gallery is empty: poincon engraving enrol SYMBOL FILE, or --gallery DIR\n')
  return true
}

/** Every symbol, nearest first; none for a blank picture. */
async function candidatesOf(
  picture: Grey,
  gallery: Gallery,
  embedder: Embedder,
  rule: MatchRule,
): Promise<readonly Candidate[]> {
  const [vector] = await embedder.embed([picture])
  if (vector === undefined) return []
  const options = { most: gallery.symbols.length, turnPenaltyPer45Deg: rule.turn_penalty_per_45_deg }
  return nearest(gallery, vector, options)
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
  { config, values, streams, embedder }: Tools,
): Promise<number> {
  const pictures: Uint8Array[] = []
  for (const file of files) {
    const bytes = await readFile(file)
    const found = await embedder.prototypes(symbol, await readPicture(bytes, file))
    if (found.length === 0) {
      streams.errors.write(`${file}: nothing stands out, expected one symbol; nothing was enrolled\n`)
      return 1
    }
    pictures.push(bytes)
  }
  const database = await openCatalogue(catalogueFile(config), 'write')
  try {
    const kept = await keepExamples(database, symbol, pictures, {
      by: values.by ?? whoAmI(),
      at: new Date().toISOString(),
    })
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

async function forget(symbol: string, { config, streams }: Tools): Promise<number> {
  const database = await openCatalogue(catalogueFile(config), 'write')
  try {
    const found = await forgetSymbol(database, symbol)
    if (!found) streams.errors.write(`symbol ${symbol}: there is none\n`)
    return found ? 0 : 1
  } finally {
    await database.close()
  }
}

function catalogueFile({ data_dir }: Config): string {
  return join(data_dir, 'catalogue.db')
}

async function enrolled(config: Config, embedder: Embedder): Promise<Gallery> {
  const database = await openCatalogue(catalogueFile(config))
  try {
    const prototypes: Prototype[] = []
    for (const { symbol, picture } of await examples(database)) {
      prototypes.push(
        ...(await embedder.prototypes(symbol, await readPicture(picture, `example of ${symbol}`))),
      )
    }
    return galleryOf(prototypes)
  } finally {
    await database.close()
  }
}

/** A picture that cannot be read is said, and left out. */
async function readable(file: string, { errors }: Streams): Promise<Grey | undefined> {
  try {
    return await readPicture(await readFile(file), file)
  } catch (error) {
    if (!(error instanceof PictureError)) throw error
    errors.write(`${error.message}; left out\n`)
    return undefined
  }
}

async function galleryIn(folder: string, embedder: Embedder, streams: Streams): Promise<Gallery> {
  const prototypes: Prototype[] = []
  for (const { symbol, file } of await labelledPictures(folder)) {
    const picture = await readable(file, streams)
    if (picture !== undefined) prototypes.push(...(await embedder.prototypes(symbol, picture)))
  }
  return galleryOf(prototypes)
}

async function answersIn(
  folder: string,
  gallery: Gallery,
  { embedder, rule, streams }: Tools,
): Promise<readonly Answer[]> {
  const answers: Answer[] = []
  for (const { symbol: truth, file } of await labelledPictures(folder)) {
    const picture = await readable(file, streams)
    if (picture === undefined) continue
    const candidates = await candidatesOf(picture, gallery, embedder, rule)
    answers.push({ truth, candidates, standing: standingOf(candidates, rule) })
  }
  return answers
}

async function evaluation(galleryFolder: string, queries: string, tools: Tools): Promise<number> {
  const { values, streams, embedder } = tools
  const gallery = await galleryIn(galleryFolder, embedder, streams)
  if (isEmpty(gallery, streams)) return 1
  const answers = await answersIn(queries, gallery, tools)
  const strange = values.unknown === undefined ? [] : await answersIn(values.unknown, gallery, tools)
  const result = evaluate(
    answers,
    strange.map(({ standing }) => standing),
  )
  const outcome = {
    gallery: { symbols: gallery.symbols.length, prototypes: gallery.owners.length },
    ...result,
  }
  streams.output.write(values.json ? `${JSON.stringify(outcome)}\n` : evaluationText(result))
  return answers.length === 0 ? 1 : 0
}

function evaluationText({ queries, top1, top3, confusions, unknown }: Evaluation): string {
  const lines = [`${queries} queries: top-1 ${percent(top1)}, top-3 ${percent(top3)}`]
  if (unknown !== undefined) {
    const { auroc, rejectedAt95, threshold } = unknown
    lines.push(
      `${unknown.queries} unknown: AUROC ${auroc.toFixed(4)}, ${percent(rejectedAt95)} turned away where 95 % of the known pass (${threshold.toFixed(3)})`,
    )
  }
  lines.push(
    ...confusions
      .slice(0, 20)
      .map(({ truth, answer, count }) => `${String(count).padStart(6)}  ${truth} taken for ${answer}`),
  )
  return `${lines.join('\n')}\n`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`
}
