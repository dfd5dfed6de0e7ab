import { BUILT_IN_RECIPES } from '../recipes/built-in.ts'
import type { Archive } from './archive.ts'
import type { RecipeState } from './rejudge.ts'

/** A recipe by its name: one revision, or the newest. */
export type FindRecipe = (id: string, revision?: number) => Promise<RecipeState | undefined>

/** The recipes of a store; without one, those that a new station starts with, which are their first revision. */
export function recipesOf(archive: Archive | undefined): FindRecipe {
  // The same recipe is the same object each time: plans are kept by it.
  const known = new Map<string, RecipeState | undefined>()
  return async (id, revision) => {
    const key = `${id}/${revision ?? ''}`
    if (!known.has(key)) {
      known.set(key, archive === undefined ? builtIn(id, revision) : await archive.recipe(id, revision))
    }
    return known.get(key)
  }
}

function builtIn(id: string, revision = 1): RecipeState | undefined {
  const recipe = BUILT_IN_RECIPES.find((one) => one.id === id)
  return recipe === undefined || revision !== 1 ? undefined : { recipe, revision }
}
