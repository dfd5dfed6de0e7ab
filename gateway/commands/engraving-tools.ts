import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { CatalogueFile } from '../catalogue-file.ts'
import type { Config } from '../config.ts'
import { contentIn } from '../content.ts'
import type { galleryPlaces } from '../engraving-places.ts'
import { EngravingSearch } from '../engraving-search.ts'
import { type Labelled, labelledPictures } from '../labelled-pictures.ts'
import { modelsInForce } from '../models-in-force.ts'
import type { Streams } from '../streams.ts'
import type { SymbolReading } from '../symbol-reader.ts'
import type { Prototype } from '../vision/gallery.ts'
import type { Head } from '../vision/head.ts'
import { holding, readHead, type StoredHead } from '../vision/head-file.ts'
import { type Grey, PictureError, readPicture } from '../vision/picture.ts'

/** Where a release has its networks. */
const MODELS = fileURLToPath(new URL('../../../models/', import.meta.url))

/** The folder of the network that the station looks at symbols with. */
export function embedderInForce({ update }: Pick<Config, 'update'>): string {
  return modelsInForce(contentIn(update.dir), MODELS).embedder
}

/** What every verb needs. */
export interface Tools {
  readonly places: ReturnType<typeof galleryPlaces>
  readonly streams: Streams
  readonly reading: SymbolReading
}

/** What is searched. */
export interface Searched {
  readonly prototypes: readonly Prototype[]
  readonly head: Head | undefined
}

/** What is enrolled at the station, as the station itself loads it. @param headFile in place of the station's */
export async function enrolledGallery(
  { places, streams: { errors }, reading }: Tools,
  headFile = places.headFile,
): Promise<Searched> {
  const { reader, embedder } = reading
  const catalogue = new CatalogueFile(places.catalogue)
  let searched: Searched = { prototypes: [], head: undefined }
  const search = new EngravingSearch({
    catalogue,
    reader: {
      prototypes: async (bytes, symbol) =>
        await reader.prototypes(await readPicture(bytes, `example of ${symbol}`), symbol),
      setGallery: (prototypes, head) => {
        if (typeof head === 'string') errors.write(`prototypes alone: ${head}\n`)
        searched = { prototypes, head: typeof head === 'string' ? undefined : head }
      },
    },
    places: {
      ...{ cacheFolder: places.cacheFolder, headFile, embedder: () => Promise.resolve(embedder) },
      // What another network made is the station's, which may use that one.
      sweep: false,
      // Whoever may read the station's data need not be who may write it.
      notKept: () => {},
    },
    leftOut: (_symbol, problem) => errors.write(`${problem.message}; left out\n`),
  })
  try {
    await search.refresh()
    return searched
  } finally {
    await catalogue.close()
  }
}

/** What a folder holds, as if it were enrolled. @throws HeadError */
export async function folderGallery(
  folder: string,
  tools: Tools,
  headFile: string | undefined,
): Promise<Searched> {
  const prototypes: Prototype[] = []
  const keys: { symbol: string; sha256: string }[] = []
  for (const { symbol, file } of await labelledPictures(folder)) {
    const found = await readable(file, tools.streams)
    if (found === undefined) continue
    prototypes.push(...(await tools.reading.reader.prototypes(found.picture, symbol)))
    keys.push({ symbol, sha256: found.sha256 })
  }
  const stored = headFile === undefined ? undefined : await headOf(headFile, tools)
  return { prototypes, head: stored === undefined ? undefined : holding(stored, keys) }
}

/** @throws HeadError, RangeError where there is none */
async function headOf(file: string, { reading }: Tools): Promise<StoredHead> {
  const stored = await readHead(file, reading.embedder)
  if (stored === undefined) throw new RangeError(`${file}: there is none, expected what train has written`)
  return stored
}

/** Says so where nothing can be found. */
export function isEmpty(prototypes: readonly Prototype[], { errors }: Streams): boolean {
  if (prototypes.length > 0) return false
  errors.write('the gallery is empty: poincon engraving enrol SYMBOL FILE, or --gallery DIR\n')
  return true
}

/** A picture that cannot be read is said, and left out. */
export async function readable(
  file: Labelled['file'],
  { errors }: Streams,
): Promise<{ readonly picture: Grey; readonly sha256: string } | undefined> {
  try {
    const bytes = await readFile(file)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    return { picture: await readPicture(bytes, file), sha256 }
  } catch (error) {
    if (!(error instanceof PictureError)) throw error
    errors.write(`${error.message}; left out\n`)
    return undefined
  }
}
