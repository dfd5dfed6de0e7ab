import { createHash } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { labelledPictures } from '../labelled-pictures.ts'
import { openCatalogue } from '../store/catalogue/catalogue.ts'
import { exampleKeys, examplePicture } from '../store/catalogue/symbols.ts'
import { writeHead } from '../vision/head-file.ts'
import type { LabelledPicture } from '../vision/head-fit.ts'
import { TrainingError } from '../vision/head-originals.ts'
import { type Compared, type Trained, type Trial, trained } from '../vision/head-trial.ts'
import { PictureError, readPicture } from '../vision/picture.ts'
import type { Tools } from './engraving-tools.ts'

interface TrainOptions {
  /** Default: where the station looks for it. */
  readonly out: string | undefined
  readonly json: boolean
}

const WHY_NOT = {
  'not-better': 'it names no more of them rightly than chance may give',
  'more-unknown-pass': 'it lets more unknown symbols pass',
  'new-symbols-suffer': 'symbols of one picture are recognised less often beside it',
} as const

/**
 * `poincon engraving train`. @param folder pictures by symbol; undefined: what is enrolled
 * @throws TrainingError; PictureError for a picture of the folder that cannot be read
 */
export async function train(
  folder: string | undefined,
  { out, json }: TrainOptions,
  tools: Tools,
): Promise<number> {
  const { places, streams, reading } = tools
  const pictures = folder === undefined ? await enrolled(tools) : await labelled(folder, tools)
  const result = trained(pictures, reading.rule)
  const file = out ?? places.headFile
  const isBetter = result.trial.verdict === 'better'
  if (isBetter) {
    const at = new Date().toISOString()
    await writeHead(file, result, { embedder: reading.embedder, pictures, at })
  } else if (out === undefined) await rm(file, { force: true })
  streams.output.write(
    json
      ? `${JSON.stringify({ ...result.trial, ...(isBetter ? { file } : {}) })}\n`
      : trialText(result, isBetter ? file : undefined),
  )
  return isBetter ? 0 : 1
}

async function labelled(folder: string, tools: Tools): Promise<readonly LabelledPicture[]> {
  const pictures: LabelledPicture[] = []
  for (const { symbol, file } of await labelledPictures(folder)) {
    pictures.push(await pictureOf(await readFile(file), { symbol, name: file }, tools))
  }
  return pictures
}

/** One that cannot be read any more is said, and left out, as where it is searched. */
async function enrolled(tools: Tools): Promise<readonly LabelledPicture[]> {
  const { places, streams } = tools
  const database = await openCatalogue(places.catalogue)
  const pictures: LabelledPicture[] = []
  try {
    for (const key of await exampleKeys(database)) {
      const bytes = await examplePicture(database, key)
      if (bytes === undefined) continue
      const name = `example ${key.sha256.slice(0, 12)} of ${key.symbol}`
      try {
        pictures.push(await pictureOf(bytes, { symbol: key.symbol, name }, tools))
      } catch (error) {
        if (!(error instanceof PictureError)) throw error
        streams.errors.write(`${error.message}; left out\n`)
      }
    }
    return pictures
  } finally {
    await database.close()
  }
}

async function pictureOf(
  bytes: Uint8Array,
  { symbol, name }: Pick<LabelledPicture, 'symbol' | 'name'>,
  { reading }: Tools,
): Promise<LabelledPicture> {
  const prototypes = await reading.reader.prototypes(await readPicture(bytes, name), symbol)
  if (prototypes.length === 0) {
    throw new TrainingError('blank', `${name}: nothing stands out, expected one symbol`)
  }
  return { symbol, name, sha256: createHash('sha256').update(bytes).digest('hex'), prototypes }
}

function trialText({ trial }: Trained, file: string | undefined): string {
  const { symbols, pictures, few, known, unknown } = trial
  const lines = [
    `${symbols} symbols, ${pictures} pictures, each asked after the others were learnt from:`,
    `  known     ${comparedText(known, 'named')}`,
    `  unknown   ${comparedText(unknown, 'turned away')}`,
    `  new       ${comparedText(trial.new, 'named')}`,
  ]
  if (few.length > 0) lines.push(`  by prototypes alone, of too few pictures: ${few.join(', ')}`)
  return `${[...lines, verdictText(trial, file)].join('\n')}\n`
}

function comparedText({ asked, prototypes, head, gained, lost }: Compared, right: string): string {
  return `${asked} asked, ${right}: ${prototypes} by prototypes, ${head} with the head (${gained} gained, ${lost} lost)`
}

function verdictText({ verdict, chance }: Trial, file: string | undefined): string {
  const byChance = `chance gives as much ${chance.toFixed(3)} of the times`
  if (verdict === 'better') return `better (${byChance}): written to ${file}`
  return `not used: ${WHY_NOT[verdict]} (${byChance}); prototypes alone decide`
}
