import { openCatalogue } from './store/catalogue/catalogue.ts'
import type { Database } from './store/database.ts'

/** `catalogue.db` of a station that runs: one connection to read for as long as it runs, one for each change. */
export class CatalogueFile {
  readonly #file: string
  #reader: Promise<Database> | undefined

  /** @param file where it lies, or will */
  constructor(file: string) {
    this.#file = file
  }

  /** Opened at the first question; a catalogue that is not there is made, empty. @throws StoreError */
  reader(): Promise<Database> {
    this.#reader ??= openCatalogue(this.#file).catch((error: unknown) => {
      this.#reader = undefined
      throw error
    })
    return this.#reader
  }

  /** Another number after each change, by whomever. @throws StoreError */
  async version(): Promise<number> {
    const reader = await this.reader()
    const row = await reader.get<{ data_version: number }>('PRAGMA data_version')
    return row?.data_version ?? 0
  }

  /** @throws StoreError, or what the work throws */
  async writing<T>(work: (writer: Database) => Promise<T>): Promise<T> {
    const writer = await openCatalogue(this.#file, 'write')
    try {
      return await work(writer)
    } finally {
      await writer.close()
    }
  }

  async close(): Promise<void> {
    const reader = this.#reader
    this.#reader = undefined
    await (await reader)?.close()
  }
}
