import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../drivers/clock.ts'
import type { Config } from '../config.ts'
import { identityOf } from '../identity.ts'
import { silentLog } from '../log.ts'
import type { Recipe } from '../recipe.ts'
import { Setup } from '../setup.ts'
import { openCatalogue } from '../store/catalogue/catalogue.ts'
import { openReader } from '../store/connections.ts'
import { MIGRATIONS, schemaOf } from '../store/migrations/migrate.ts'
import { openStore } from '../store/open.ts'
import { type Copied, type CopyOptions, copyDatabase } from './copy.ts'

const LOG = 'poincon.db'
const CATALOGUE = 'catalogue.db'
/** Parts that a copy of a large log holds at least: the chain of the newest 64 is followed when it is opened. */
const LEAST_PARTS = 200

export interface StoreCheckOptions {
  readonly config: Config
  /** An empty folder; what is left in it is the store as this release has it. */
  readonly scratch: string
  /** Newest parts that are to be judged again. */
  readonly parts: number
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly copying?: Pick<CopyOptions, 'wholeBytes' | 'freeBytes'>
}

export interface StoreFound {
  readonly detail: string
  readonly from: number
  readonly to: number
  /** The one in force, as this release reads it. */
  readonly recipe: Recipe
}

/**
 * Copies the store of a station that may run, brings the copy to this release's schema, and opens it as a station does.
 * @throws what is wrong with it, named
 */
export async function checkStore(options: StoreCheckOptions): Promise<StoreFound> {
  const { config, scratch, clock, signal, parts, copying } = options
  const copy: CopyOptions = { newest: Math.max(parts, LEAST_PARTS), signal, ...copying }
  const copied = await copyIfThere(config.data_dir, scratch, LOG, copy)
  const from = copied === undefined ? 0 : await schemaIn(join(scratch, LOG))
  // Its tables refer to each other: of some rows of each a migration would not do what it does of all.
  const catalogue = await copyIfThere(config.data_dir, scratch, CATALOGUE, {
    ...copy,
    wholeBytes: Number.MAX_SAFE_INTEGER,
  })
  signal.throwIfAborted()
  if (catalogue !== undefined) await (await openCatalogue(join(scratch, CATALOGUE), 'write')).close()
  const recipe = await opened(config, scratch, clock)
  const to = MIGRATIONS.length
  return { from, to, recipe, detail: `${scopeOf(copied)}; ${moveOf(from, to)}; recipe ${recipe.id} in force` }
}

async function copyIfThere(
  dataDir: string,
  scratch: string,
  name: string,
  copy: CopyOptions,
): Promise<Copied | undefined> {
  const source = join(dataDir, name)
  return existsSync(source) ? await copyDatabase(source, join(scratch, name), copy) : undefined
}

async function schemaIn(file: string): Promise<number> {
  const database = await openReader(file)
  try {
    return await schemaOf(database)
  } finally {
    await database.close()
  }
}

/** @returns the recipe in force @throws StoreError, RecipeError */
async function opened(config: Config, dir: string, clock: Clock): Promise<Recipe> {
  const store = await openStore({
    ...{ dir, deviceId: identityOf(config).deviceId, clock, log: silentLog },
    migrationBackup: false,
  })
  try {
    const setup = await Setup.load(store, {
      recipeId: config.recipe,
      wallMs: clock.wall(),
      wall: () => clock.wall(),
    })
    return setup.recipe.recipe
  } finally {
    await store.close()
  }
}

function scopeOf(copied: Copied | undefined): string {
  if (copied === undefined) return 'there is no store yet'
  const size = `${(copied.sourceBytes / 1e6).toFixed(1)} MB`
  return copied.whole ? `a copy of ${size}` : `a copy of the newest rows of ${size}`
}

function moveOf(from: number, to: number): string {
  if (from === 0) return `a new one has schema ${to}`
  return from === to ? `schema ${to}, as it is` : `schema ${from} → ${to}`
}
