import type { Clock } from '../../../drivers/clock.ts'
import type { Database } from '../database.ts'
import { StoreError } from '../error.ts'
import { canonical } from '../log/canonical.ts'
import { sha256 } from '../log/chain.ts'
import type { Writer } from '../writer.ts'

/** One revision of a recipe, as it was saved: revisions are added, never changed. */
export interface StoredRecipe {
  readonly id: string
  /** From 1. */
  readonly revision: number
  /** SHA-256 over the canonical JSON of `recipe`, hex. */
  readonly sha256: string
  /** RFC 3339. */
  readonly savedAt: string
  readonly savedBy: string
  /** As JSON gave it: the caller parses. */
  readonly recipe: unknown
}

interface Row {
  readonly id: string
  readonly revision: number
  readonly sha256: string
  readonly saved_at: string
  readonly saved_by: string
  readonly recipe: string
}

const NEWEST = 'SELECT * FROM recipes WHERE id = ? ORDER BY revision DESC LIMIT 1'

/** Every revision of every recipe. */
export class Recipes {
  readonly #writer: Writer
  readonly #reader: Database
  readonly #clock: Clock

  constructor(writer: Writer, reader: Database, clock: Clock) {
    this.#writer = writer
    this.#reader = reader
    this.#clock = clock
  }

  /**
   * Saves the next revision, unless the newest one says the same.
   * @param by who saved it
   * @returns the revision that holds `recipe` now, on disk
   * @throws StoreError `invalid` when `recipe` is not JSON
   */
  save(id: string, recipe: unknown, by: string): Promise<StoredRecipe> {
    return this.#writer.transaction(async () => {
      const { database } = this.#writer
      const text = canonicalOrInvalid(recipe, `recipe ${id}`)
      const hash = sha256(text)
      const newest = await database.get<Row>(NEWEST, [id])
      if (newest?.sha256 === hash) return storedRecipe(newest)
      const saved_at = new Date(this.#clock.wall()).toISOString()
      const row = {
        id,
        revision: (newest?.revision ?? 0) + 1,
        sha256: hash,
        saved_at,
        saved_by: by,
        recipe: text,
      }
      await database.run(
        'INSERT INTO recipes (id, revision, sha256, saved_at, saved_by, recipe) VALUES (?, ?, ?, ?, ?, ?)',
        [row.id, row.revision, row.sha256, row.saved_at, row.saved_by, row.recipe],
      )
      return storedRecipe(row)
    })
  }

  /** One revision, or the newest. @throws StoreError */
  async get(id: string, revision?: number): Promise<StoredRecipe | undefined> {
    const row =
      revision === undefined
        ? await this.#reader.get<Row>(NEWEST, [id])
        : await this.#reader.get<Row>('SELECT * FROM recipes WHERE id = ? AND revision = ?', [id, revision])
    return row === undefined ? undefined : storedRecipe(row)
  }

  /** The newest revision of every recipe, by id. @throws StoreError */
  async newest(): Promise<StoredRecipe[]> {
    const rows = await this.#reader.all<Row>(
      `SELECT * FROM recipes AS r
       WHERE revision = (SELECT max(revision) FROM recipes WHERE id = r.id) ORDER BY id`,
    )
    return rows.map(storedRecipe)
  }

  /** Every revision of one recipe, newest first. @throws StoreError */
  async revisions(id: string): Promise<StoredRecipe[]> {
    const rows = await this.#reader.all<Row>('SELECT * FROM recipes WHERE id = ? ORDER BY revision DESC', [
      id,
    ])
    return rows.map(storedRecipe)
  }
}

/** @throws StoreError `invalid` when `value` is not JSON */
export function canonicalOrInvalid(value: unknown, what: string): string {
  try {
    return canonical(value)
  } catch (error) {
    throw new StoreError('invalid', `${what} is not JSON`, { cause: error })
  }
}

function storedRecipe({ id, revision, sha256, saved_at, saved_by, recipe }: Row): StoredRecipe {
  return { id, revision, sha256, savedAt: saved_at, savedBy: saved_by, recipe: JSON.parse(recipe) }
}
