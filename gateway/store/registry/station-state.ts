import type { Database } from '../database.ts'
import type { Writer } from '../writer.ts'
import { canonicalOrInvalid } from './recipes.ts'

/** What the station must remember over a restart: a value of JSON by name, e.g. the recipe in force, the lot. */
export class StationState {
  readonly #writer: Writer
  readonly #reader: Database

  constructor(writer: Writer, reader: Database) {
    this.#writer = writer
    this.#reader = reader
  }

  /** The value, as JSON gave it; undefined when there is none. @throws StoreError */
  async get(key: string): Promise<unknown> {
    const row = await this.#reader.get<{ value: string }>('SELECT value FROM state WHERE key = ?', [key])
    return row === undefined ? undefined : JSON.parse(row.value)
  }

  /** Resolves when it is on disk. @throws StoreError `invalid` when `value` is not JSON */
  set(key: string, value: unknown): Promise<void> {
    return this.#writer.transaction(() =>
      this.#writer.database.run(
        'INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
        [key, canonicalOrInvalid(value, `the state ${key}`)],
      ),
    )
  }

  /** Forgets the value. @throws StoreError */
  delete(key: string): Promise<void> {
    return this.#writer.transaction(() => this.#writer.database.run('DELETE FROM state WHERE key = ?', [key]))
  }
}
