import type { RecipeOrder, RecipeReport, Recipes } from './api/update-recipe.ts'
import type { Recipe } from './recipe.ts'
import { compareRecipes, type RecipeDifference } from './recipe-compare.ts'
import { BUILT_IN_BY, type RecipeRevisions, revise, storedRecipe } from './recipe-revisions.ts'
import { parseRecipeText } from './recipe-text.ts'
import { shownChanges } from './shown-changes.ts'

/** As revisions say who saved them. */
const UPDATE = 'update '

export interface DeliveredRecipesOptions {
  readonly recipes: RecipeRevisions
  /** Id of the recipe in force. */
  readonly inForce: () => string
  /** Why the station cannot measure as a recipe asks. */
  readonly refusal: (recipe: Recipe) => Promise<string | undefined>
  /** Puts the newest revision of a recipe in force. */
  readonly select: (id: string) => Promise<void>
}

/** Recipes that came as updates: revisions like all others, saved by an update. */
export class DeliveredRecipes implements Recipes {
  readonly #options: DeliveredRecipesOptions

  constructor(options: DeliveredRecipesOptions) {
    this.#options = options
  }

  /** @throws RecipeError with what is wrong with it, by line */
  async check({ text, name }: Pick<RecipeOrder, 'text' | 'name'>): Promise<RecipeReport> {
    const { recipes, inForce, refusal } = this.#options
    const recipe = parseRecipeText(text, name)
    if (recipe.id !== name) throw new Error(`id: ${recipe.id}: expected ${name}, as the update is called`)
    const refused = await refusal(recipe)
    if (refused !== undefined) throw new Error(refused)
    const newest = await recipes.get(name)
    const changes = newest === undefined ? [] : compareRecipes(storedRecipe(newest), recipe)
    return {
      ...{ id: name, revision: newest?.revision ?? 0, in_force: inForce() === name },
      ...(newest === undefined || isOurs(newest.savedBy) ? {} : { revised_by: newest.savedBy }),
      changes: shownChanges(changes.map(changeOf)),
    }
  }

  /** Saves it as the next revision, in force at once where its recipe is. */
  async take(order: RecipeOrder): Promise<RecipeReport> {
    await this.check(order)
    const { recipes } = this.#options
    const recipe = parseRecipeText(order.text, order.name)
    const newest = await recipes.get(order.name)
    await revise(recipes, { ...recipe, revision: newest?.revision ?? 1 }, `${UPDATE}${order.version}`)
    await this.#selectAgain(order.name)
    return await this.check(order)
  }

  /**
   * Makes what a revision said the newest again, as whoever had saved it; of a recipe that was not there before, nothing. What
   * somebody has revised since stays.
   */
  async takeBack(id: string, revision: number): Promise<void> {
    const { recipes } = this.#options
    const [before, newest] = [await recipes.get(id, revision), await recipes.get(id)]
    if (before === undefined || newest === undefined || !newest.savedBy.startsWith(UPDATE)) return
    const again = { ...storedRecipe(before), revision: newest.revision }
    const { changed } = await revise(recipes, again, before.savedBy)
    if (changed) await this.#selectAgain(id)
  }

  async #selectAgain(id: string): Promise<void> {
    if (this.#options.inForce() === id) await this.#options.select(id)
  }
}

/** Nobody's own work is lost with it. */
function isOurs(savedBy: string): boolean {
  return savedBy === BUILT_IN_BY || savedBy.startsWith(UPDATE)
}

function changeOf({ path, a, b }: RecipeDifference): RecipeReport['changes'][number] {
  return {
    key: path,
    ...(a === undefined ? {} : { before: String(a) }),
    ...(b === undefined ? {} : { after: String(b) }),
  }
}
