import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../drivers/clock.ts'
import { type CalibrationRow, calibrationRow } from '../calibration/rows.ts'
import { rowOf } from '../calibration.ts'
import type { OutboxEntry } from '../outbox.ts'
import { parseRecipe } from '../recipe.ts'
import type { RecipeInForce } from '../setup.ts'
import { openReader } from '../store/connections.ts'
import type { Database } from '../store/database.ts'
import { StoreError } from '../store/error.ts'
import { canonical } from '../store/log/canonical.ts'
import { sha256 } from '../store/log/chain.ts'
import { type Epoch, readEpochs } from '../store/log/epochs.ts'
import { History } from '../store/log/history.ts'
import { MIGRATIONS } from '../store/migrations/migrate.ts'
import { Calibrations } from '../store/registry/calibrations.ts'
import { Recipes } from '../store/registry/recipes.ts'
import { type Anchor, readAnchors } from '../store/retention/anchors.ts'
import { Writer } from '../store/writer.ts'

/** Entries that are read at once: about a megabyte. */
const PAGE = 128
/** Schema from which on the log and the registry are there. */
const LEAST_SCHEMA = 2

/** A recipe of the store, and the hash of what it says now. */
export interface ArchivedRecipe extends RecipeInForce {
  /** SHA-256 over the canonical JSON, worked out anew. */
  readonly computed: string
}

/**
 * The store of a data directory, read only: nothing is changed, and a station that runs there is not disturbed (a
 * reader of a write-ahead log waits for no writer, nor a writer for it). What is appended meanwhile is left out.
 */
export class Archive {
  readonly file: string
  /** Oldest first. */
  readonly epochs: readonly Epoch[]
  /** Last position of the log when it was opened. */
  readonly end: number
  /** Position of the oldest inspection that is still there. */
  readonly begin: number
  /** The last inspection of each epoch that retention removed; undefined of a schema that knows no retention. */
  readonly anchors: readonly Anchor[] | undefined
  readonly #history: History
  readonly #recipes: Recipes
  readonly #calibrations: Calibrations

  private constructor(parts: {
    readonly history: History
    readonly epochs: readonly Epoch[]
    readonly bounds: { readonly begin: number; readonly end: number }
    readonly anchors: readonly Anchor[] | undefined
    readonly writer: Writer
  }) {
    const { history, epochs, bounds, anchors, writer } = parts
    this.file = history.database.file
    this.epochs = epochs
    this.begin = bounds.begin
    this.end = bounds.end
    this.anchors = anchors
    this.#history = history
    this.#recipes = new Recipes(writer, history.database, systemClock)
    this.#calibrations = new Calibrations(writer, history.database)
  }

  /** Whether a data directory holds a store. */
  static isIn(dir: string): boolean {
    return existsSync(join(dir, 'poincon.db'))
  }

  /** @throws StoreError with what is wrong with the directory or the database, and what to do */
  static async open(dir: string): Promise<Archive> {
    const file = join(dir, 'poincon.db')
    if (!Archive.isIn(dir)) {
      throw new StoreError(
        'not-writable',
        `${file}: no such log: name the station's data directory (data_dir)`,
      )
    }
    const database = await openReader(file)
    try {
      await expectSchema(database)
      const epochs = await readEpochs(database)
      const bounds = await database.get<{ begin: number | null; end: number | null }>(
        'SELECT min(position) AS begin, max(position) AS end FROM inspections',
      )
      return new Archive({
        history: await History.over(database, epochs),
        epochs,
        bounds: { begin: bounds?.begin ?? 1, end: bounds?.end ?? 0 },
        anchors: await readAnchors(database),
        // The registry asks for a writer; over this connection, which SQLite opened read-only, none can write.
        writer: await Writer.over(database),
      })
    } catch (error) {
      await database.close()
      throw explained(error, file)
    }
  }

  /** Inspections of the whole log in order, page by page. @param from first position */
  async *entries(from: number): AsyncGenerator<OutboxEntry & { readonly position: number }> {
    let position = Math.max(from, this.begin) - 1
    while (position < this.end) {
      const page = await this.#history.after(position, this.end, PAGE)
      yield* page
      // An empty page: the rest of this epoch is gone; the next one begins behind its base.
      position = page.at(-1)?.position ?? this.#epochEnd(position + 1)
    }
  }

  #epochEnd(position: number): number {
    return this.epochs.find(({ base }) => base >= position)?.base ?? this.end
  }

  /** The inspection at a position, if it is there. */
  async at(position: number): Promise<OutboxEntry | undefined> {
    if (position < this.begin) return undefined
    const [entry] = await this.#history.after(position - 1, position, 1)
    return entry
  }

  /** The raw record of an inspection; undefined when retention has taken it. */
  raw({ epoch, sequence }: Pick<OutboxEntry, 'epoch' | 'sequence'>): Promise<Uint8Array | undefined> {
    return this.#history.raw(this.epochNamed(epoch), sequence)
  }

  /** @throws Error for an epoch that this log does not know */
  epochNamed(name: string): Epoch {
    const found = this.epochs.find(({ epoch }) => epoch === name)
    if (found !== undefined) return found
    const known = this.epochs.map(({ epoch }) => epoch).join(', ')
    throw new Error(`epoch ${name}: expected one of this log: ${known}`)
  }

  /** One revision, or the newest. @throws RecipeError where the store holds what is no recipe */
  async recipe(id: string, revision?: number): Promise<ArchivedRecipe | undefined> {
    const stored = await this.#recipes.get(id, revision)
    if (stored === undefined) return undefined
    return {
      recipe: parseRecipe(stored.recipe),
      revision: stored.revision,
      sha256: stored.sha256,
      computed: sha256(canonical(stored.recipe)),
    }
  }

  /** @throws ZodError where the store holds what this release does not know as a calibration */
  async calibration(id: string): Promise<CalibrationRow | undefined> {
    const stored = await this.#calibrations.get(id)
    return stored === undefined ? undefined : calibrationRow.parse(rowOf(stored.calibration))
  }

  async close(): Promise<void> {
    await this.#history.database.close()
  }
}

async function expectSchema(database: Database): Promise<void> {
  const row = await database.get<{ user_version: number }>('PRAGMA user_version')
  const version = row?.user_version ?? 0
  if (version > MIGRATIONS.length) {
    throw new StoreError(
      'newer',
      `${database.file} was written by a newer release (schema ${version}, this release knows ${MIGRATIONS.length})`,
    )
  }
  if (version < LEAST_SCHEMA) {
    throw new StoreError('corrupt', `${database.file}: schema ${version}: no log of a station`)
  }
}

/** Read-only, SQLite still wants its shared memory beside the database. */
function explained(error: unknown, file: string): unknown {
  if (!(error instanceof StoreError) || error.fault !== 'not-writable') return error
  return new StoreError(
    'not-writable',
    `${error.message}: to read ${file} its folder must be writable for SQLite's shared memory: call this as the ` +
      "station's user, or on a copy of the folder",
    { cause: error },
  )
}
