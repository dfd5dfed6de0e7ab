import { stat } from 'node:fs/promises'
import type { CatalogueFile } from './catalogue-file.ts'
import { EmbeddingCache } from './embedding-cache.ts'
import { type ExampleKey, exampleKeys, examplePicture } from './store/catalogue/symbols.ts'
import type { Database } from './store/database.ts'
import type { Prototype } from './vision/gallery.ts'
import type { Head } from './vision/head.ts'
import { holding, readHead } from './vision/head-file.ts'
import { PictureError } from './vision/picture.ts'
import type { VisionThread } from './vision/vision-thread.ts'

/** Who looks at pictures. */
export type SymbolReader = Pick<VisionThread, 'match'> & GalleryReader

/** Who looks at what is enrolled, and searches it. */
export type GalleryReader = Pick<VisionThread, 'prototypes'> & {
  /** What is searched from now on. @param head a text: why there is one that is not used */
  setGallery(prototypes: readonly Prototype[], head?: Head | string): void | Promise<void>
}

/** Where a station has what belongs to its gallery. */
export interface GalleryPlaces {
  /** SHA-256 of the network that makes vectors. @throws ModelError, VisionError */
  readonly embedder: () => Promise<string>
  /** What was made of enrolled pictures before; holds nothing else. */
  readonly cacheFolder: string
  /** What was learnt of them, where something was. */
  readonly headFile: string
  /** Whether what nothing enrolled needs is cleared away; default: true. For whoever may use another network than the station: false. */
  readonly sweep?: boolean
  /** Called when something cannot be kept: it is made again after the next start. */
  readonly notKept: (error: unknown) => void
}

export interface EngravingSearchOptions {
  /** Also where other processes write into it. */
  readonly catalogue: CatalogueFile
  readonly reader: GalleryReader
  /** Absent: every picture is looked at, and prototypes alone are compared. */
  readonly places?: GalleryPlaces
  /** Called with an enrolled picture that cannot be read any more: the others are searched. */
  readonly leftOut: (symbol: string, problem: PictureError) => void
}

/** Keeps what is searched as the catalogue has it; only pictures that were not seen before are looked at. */
export class EngravingSearch {
  readonly #options: EngravingSearchOptions
  /** Of each picture, by its hash, what it puts into the gallery. */
  #known = new Map<string, readonly Prototype[]>()
  /** The network that made them. */
  #embedder: string | undefined
  /** Hashes of those that are on disk. */
  #kept = new Set<string>()
  #seen: { readonly version: string; readonly symbols: number } | undefined

  constructor(options: EngravingSearchOptions) {
    this.#options = options
  }

  /** What a picture puts into the gallery, once it is enrolled. */
  learn(sha256: string, prototypes: readonly Prototype[]): void {
    this.#known.set(sha256, prototypes)
  }

  /** Another text after each change of the catalogue or of the head, by whomever. @throws StoreError */
  async version(): Promise<string> {
    const { catalogue, places } = this.#options
    return `${await catalogue.version()} ${places === undefined ? '' : await stampOf(places.headFile)}`
  }

  /**
   * Called for one at a time.
   * @returns how many symbols are searched from now on
   * @throws StoreError, VisionError, the signal's reason
   */
  async refresh(signal?: AbortSignal): Promise<number> {
    const { catalogue, reader, places } = this.#options
    const version = await this.version()
    if (this.#seen?.version === version) return this.#seen.symbols
    const embedder = await places?.embedder()
    if (embedder !== this.#embedder) this.#forget(embedder)
    const database = await catalogue.reader()
    const keys = await exampleKeys(database)
    const known = await this.#embeddings(database, keys, embedder, signal)
    const prototypes = keys.flatMap(({ symbol, sha256 }) =>
      (known.get(sha256) ?? []).map((prototype) => ({ ...prototype, symbol })),
    )
    await reader.setGallery(prototypes, await this.#headFor(keys, embedder))
    this.#known = known
    const symbols = new Set(prototypes.map(({ symbol }) => symbol)).size
    this.#seen = { version, symbols }
    return symbols
  }

  /** By picture, what it puts into the gallery. */
  async #embeddings(
    database: Database,
    keys: readonly ExampleKey[],
    embedder: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Map<string, readonly Prototype[]>> {
    const { places } = this.#options
    const cache =
      places === undefined || embedder === undefined
        ? undefined
        : new EmbeddingCache(places.cacheFolder, embedder)
    const known = new Map<string, readonly Prototype[]>()
    for (const key of keys) {
      signal?.throwIfAborted()
      if (known.has(key.sha256)) continue
      known.set(key.sha256, await this.#embeddingOf(database, key, cache))
    }
    if (places?.sweep !== false) await cache?.sweep(new Set(known.keys())).catch(places?.notKept)
    return known
  }

  async #embeddingOf(
    database: Database,
    key: ExampleKey,
    cache: EmbeddingCache | undefined,
  ): Promise<readonly Prototype[]> {
    const { sha256 } = key
    const known = this.#known.get(sha256)
    if (known !== undefined && (cache === undefined || this.#kept.has(sha256))) return known
    const kept = await cache?.find(sha256)
    const found = kept ?? known ?? (await this.#prototypesOf(database, key))
    // One that cannot be read is said anew after each start.
    if (cache === undefined || found.length === 0) return found
    if (kept === undefined) await cache.keep(sha256, found).catch(this.#options.places?.notKept)
    this.#kept.add(sha256)
    return found
  }

  /** What another network made is nothing to this one. */
  #forget(embedder: string | undefined): void {
    // What was learnt before the first question was asked stays.
    if (this.#embedder !== undefined) this.#known = new Map()
    this.#kept = new Set()
    this.#embedder = embedder
  }

  /** What cannot be used does not stand in the way of the prototypes. */
  async #headFor(
    keys: readonly ExampleKey[],
    embedder: string | undefined,
  ): Promise<Head | string | undefined> {
    const { places } = this.#options
    if (places === undefined || embedder === undefined) return undefined
    try {
      const stored = await readHead(places.headFile, embedder)
      return stored === undefined ? undefined : holding(stored, keys)
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  async #prototypesOf(database: Database, key: ExampleKey): Promise<readonly Prototype[]> {
    const picture = await examplePicture(database, key)
    if (picture === undefined) return []
    try {
      return await this.#options.reader.prototypes(picture, key.symbol)
    } catch (error) {
      if (!(error instanceof PictureError)) throw error
      this.#options.leftOut(key.symbol, error)
      return []
    }
  }
}

/** Of a file that is replaced as a whole: another one each time; empty where there is none. */
async function stampOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  return found === undefined ? '' : `${found.ino} ${found.size} ${found.mtimeNs}`
}
