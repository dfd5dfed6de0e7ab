import type { CatalogueFile } from './catalogue-file.ts'
import { type ExampleKey, exampleKeys, examplePicture } from './store/catalogue/symbols.ts'
import type { Database } from './store/database.ts'
import type { Prototype } from './vision/gallery.ts'
import { PictureError } from './vision/picture.ts'
import type { VisionThread } from './vision/vision-thread.ts'

/** Who looks at pictures. */
export type SymbolReader = Pick<VisionThread, 'match' | 'prototypes'> & {
  /** What is searched from now on. */
  setGallery(prototypes: readonly Prototype[]): void | Promise<void>
}

export interface EngravingSearchOptions {
  /** Also where other processes write into it. */
  readonly catalogue: CatalogueFile
  readonly reader: SymbolReader
  /** Called with an enrolled picture that cannot be read any more: the others are searched. */
  readonly leftOut: (symbol: string, problem: PictureError) => void
}

/** Keeps what is searched as the catalogue has it; only pictures that were not seen before are looked at. */
export class EngravingSearch {
  readonly #options: EngravingSearchOptions
  /** Of each picture, by its hash, what it puts into the gallery. */
  #known = new Map<string, readonly Prototype[]>()
  #seen: { readonly version: number; readonly symbols: number } | undefined

  constructor(options: EngravingSearchOptions) {
    this.#options = options
  }

  /** What a picture puts into the gallery, once it is enrolled. */
  learn(sha256: string, prototypes: readonly Prototype[]): void {
    this.#known.set(sha256, prototypes)
  }

  /**
   * Called for one at a time.
   * @returns how many symbols are searched from now on
   * @throws StoreError, VisionError, the signal's reason
   */
  async refresh(signal?: AbortSignal): Promise<number> {
    const { catalogue, reader } = this.#options
    const version = await catalogue.version()
    if (this.#seen?.version === version) return this.#seen.symbols
    const database = await catalogue.reader()
    const known = new Map<string, readonly Prototype[]>()
    const prototypes: Prototype[] = []
    for (const key of await exampleKeys(database)) {
      signal?.throwIfAborted()
      const found = this.#known.get(key.sha256) ?? (await this.#prototypesOf(database, key))
      known.set(key.sha256, found)
      prototypes.push(...found.map((prototype) => ({ ...prototype, symbol: key.symbol })))
    }
    await reader.setGallery(prototypes)
    this.#known = known
    const symbols = new Set(prototypes.map(({ symbol }) => symbol)).size
    this.#seen = { version, symbols }
    return symbols
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
