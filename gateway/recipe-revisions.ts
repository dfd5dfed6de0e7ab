import { parseRecipe, type Recipe, type RecipeJson, recipeJson } from './recipe.ts'
import { compareRecipes } from './recipe-compare.ts'
import { BUILT_IN_RECIPES } from './recipes/built-in.ts'

/** One revision of a recipe, as the store has it. */
export interface StoredRevision {
  readonly id: string
  /** From 1. */
  readonly revision: number
  readonly sha256: string
  readonly savedBy: string
  /** As JSON gave it. */
  readonly recipe: unknown
}

/** Where revisions are kept. They are added, never changed. */
export interface RecipeRevisions<Stored extends StoredRevision = StoredRevision> {
  save(id: string, recipe: RecipeJson, by: string): Promise<Stored>
  get(id: string, revision?: number): Promise<Stored | undefined>
}

/** Who saves what comes with a release. */
export const BUILT_IN_BY = 'poincon'

/** Somebody else has changed the recipe since this one was read from the store. */
export class RevisionError extends Error {
  override readonly name = 'RevisionError'
}

/**
 * The recipe that a stored revision holds; the store's count is its revision, whatever the row says of itself.
 * @throws RecipeError
 */
export function storedRecipe({ recipe, revision }: StoredRevision): Recipe {
  return { ...parseRecipe(recipe), revision }
}

/**
 * Saves a recipe as the next revision of its id, the first where there is none; nothing where the newest says the same.
 * @param recipe its `revision` says which one was changed
 * @param by who changed it
 * @throws RevisionError where that is not the newest any more
 */
export async function revise<Stored extends StoredRevision>(
  revisions: RecipeRevisions<Stored>,
  recipe: Recipe,
  by: string,
): Promise<{ readonly stored: Stored; readonly changed: boolean }> {
  const { id } = recipe
  const newest = await revisions.get(id)
  if (newest === undefined) {
    return { stored: await revisions.save(id, { ...recipeJson(recipe), revision: 1 }, by), changed: true }
  }
  if (compareRecipes(storedRecipe(newest), recipe).length === 0) return { stored: newest, changed: false }
  if (recipe.revision !== newest.revision) {
    throw new RevisionError(
      `${id}: made from revision ${recipe.revision}, but the newest is ${newest.revision} (by ${newest.savedBy}): ` +
        'compare the two, then set revision to the newest',
    )
  }
  const next = { ...recipeJson(recipe), revision: newest.revision + 1 }
  return { stored: await revisions.save(id, next, by), changed: true }
}

/**
 * Brings the recipes of this release into the store: those that are missing, and a new revision of those that a release
 * before this one brought and nobody has revised since. A recipe that a person revised stays as it is.
 */
export async function installBuiltIns(
  revisions: RecipeRevisions,
  recipes: readonly Recipe[] = BUILT_IN_RECIPES,
): Promise<void> {
  for (const recipe of recipes) {
    const newest = await revisions.get(recipe.id)
    if (newest !== undefined && newest.savedBy !== BUILT_IN_BY) continue
    await revise(revisions, { ...recipe, revision: newest?.revision ?? 1 }, BUILT_IN_BY)
  }
}
