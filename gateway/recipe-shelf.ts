import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../drivers/clock.ts'
import { silentLog } from './log.ts'
import { recipeJson } from './recipe.ts'
import { BUILT_IN_BY, installBuiltIns } from './recipe-revisions.ts'
import { BUILT_IN_RECIPES } from './recipes/built-in.ts'
import { openReader, openWriter } from './store/connections.ts'
import type { Database } from './store/database.ts'
import { StoreError } from './store/error.ts'
import { lockDirectory } from './store/lock.ts'
import { backupBeforeMigration } from './store/migrations/backup.ts'
import { MIGRATIONS, migrate, schemaOf } from './store/migrations/migrate.ts'
import { Calibrations } from './store/registry/calibrations.ts'
import { Recipes, type StoredRecipe } from './store/registry/recipes.ts'
import { StationState } from './store/registry/station-state.ts'
import { Writer } from './store/writer.ts'

/** What a look at the recipes needs. */
export type RecipeShelf = Pick<Recipes, 'get' | 'newest' | 'revisions'>

const DATABASE = 'poincon.db'

/**
 * Reads recipes, also while the station runs. A station that never ran has those that it would start with.
 * @param dir the data directory
 * @throws StoreError
 */
export async function readRecipes<Result>(
  dir: string,
  read: (shelf: RecipeShelf) => Promise<Result>,
): Promise<Result> {
  const file = join(dir, DATABASE)
  if (!existsSync(file)) return await read(NEW_STATION)
  const reader = await openReader(file)
  try {
    // The connection is read-only: what would be saved through it is refused by SQLite.
    return await read(new Recipes(await Writer.over(reader), reader, systemClock))
  } finally {
    await reader.close()
  }
}

/** What a look at a station's registry needs. */
export interface RegistryShelf {
  readonly recipes: RecipeShelf
  readonly calibrations: Pick<Calibrations, 'newest' | 'all'>
  readonly state: Pick<StationState, 'get'>
}

/**
 * Reads recipes, calibrations and what the station remembers, also while it runs.
 * @param dir the data directory
 * @throws StoreError, `newer` or `failed` for a schema of another release
 */
export async function readRegistry<Result>(
  dir: string,
  read: (shelf: RegistryShelf) => Promise<Result>,
): Promise<Result> {
  const file = join(dir, DATABASE)
  if (!existsSync(file)) return await read({ recipes: NEW_STATION, ...NOTHING })
  const reader = await openReader(file)
  try {
    await ofThisRelease(reader)
    const writer = await Writer.over(reader)
    return await read({
      recipes: new Recipes(writer, reader, systemClock),
      calibrations: new Calibrations(writer, reader),
      state: new StationState(writer, reader),
    })
  } finally {
    await reader.close()
  }
}

/** A reader brings no schema up to date. */
async function ofThisRelease(reader: Database): Promise<void> {
  const [schema, own] = [await schemaOf(reader), MIGRATIONS.length]
  if (schema === own) return
  const says = `${reader.file} has schema ${schema}, this release has ${own}`
  if (schema > own) throw new StoreError('newer', says)
  throw new StoreError('failed', `${says}: start the station once`)
}

/**
 * Changes recipes while the station stands still: one process at a time writes its store.
 * @param dir the data directory, created when it is not there
 * @throws StoreError `locked` while the station runs
 */
export async function writeRecipes<Result>(
  dir: string,
  write: (recipes: Recipes) => Promise<Result>,
): Promise<Result> {
  const lock = await lockDirectory(dir).catch((error: unknown) => {
    throw running(error)
  })
  try {
    const database = await openWriter(join(dir, DATABASE))
    try {
      await migrate(database, {
        before: async (schema) => void (await backupBeforeMigration(database, schema, silentLog)),
      })
      const recipes = new Recipes(await Writer.over(database), database, systemClock)
      await installBuiltIns(recipes)
      return await write(recipes)
    } finally {
      await database.close()
    }
  } finally {
    await lock.close()
  }
}

function running(error: unknown): unknown {
  if (!(error instanceof StoreError) || error.fault !== 'locked') return error
  return new StoreError('locked', `${error.message}: stop the station to change its recipes`, {
    cause: error,
  })
}

/** The recipes of this release, as they will be saved. */
const NEW_STATION: RecipeShelf = {
  get: (id, revision = 1) =>
    Promise.resolve(revision === 1 ? builtIns().find((stored) => stored.id === id) : undefined),
  newest: () => Promise.resolve(builtIns().sort((a, b) => (a.id < b.id ? -1 : 1))),
  revisions: (id) => Promise.resolve(builtIns().filter((stored) => stored.id === id)),
}

const NOTHING: Omit<RegistryShelf, 'recipes'> = {
  calibrations: { newest: () => Promise.resolve(undefined), all: () => Promise.resolve([]) },
  state: { get: () => Promise.resolve(undefined) },
}

function builtIns(): StoredRecipe[] {
  return BUILT_IN_RECIPES.map((recipe) => ({
    id: recipe.id,
    revision: 1,
    sha256: '',
    savedAt: '',
    savedBy: BUILT_IN_BY,
    recipe: recipeJson(recipe),
  }))
}
