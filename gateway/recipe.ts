import type { z } from 'zod'
import { deepFreeze, type Problem, problemsOf } from './problems.ts'
import { type CamelKeys, camelKeys, isCamelCased, snakeKeys } from './recipe-keys.ts'
import { recipeSchema } from './recipe-schema.ts'

export { recipeSchema }

/** A recipe as JSON and YAML carry it, with its defaults. */
export type RecipeJson = z.infer<typeof recipeSchema>
/** The same before defaults: what a person writes. */
export type RecipeInput = z.input<typeof recipeSchema>
/** What is made, and when it is good. Data: revised, never edited in place. */
export type Recipe = CamelKeys<RecipeJson>
export type ShapeRecipe = NonNullable<Recipe['shape']>
export type MaterialRecipe = NonNullable<Recipe['material']>
export type CameraRecipe = NonNullable<Recipe['camera']>

/** One thing that is wrong with a recipe. */
export interface RecipeProblem {
  /** Keys from the root, e.g. `grading.thresholds.A+`. */
  readonly path: string
  readonly value: unknown
  readonly expectation: string
}

/** A recipe that cannot be used; what it says is for the person who wrote it. */
export class RecipeError extends Error {
  override readonly name = 'RecipeError'
  readonly problems: readonly RecipeProblem[]

  /** @param describe one line for a problem; default: path, value, expectation */
  constructor(problems: readonly RecipeProblem[], describe = describeProblem) {
    super(problems.map(describe).join(problems.length > 1 ? '\n' : ''))
    this.problems = problems
  }
}

/**
 * @param input a recipe as YAML or JSON gave it; one in camelCase throughout, as stores of old hold it, is understood
 * @returns the recipe with its defaults, frozen to the bottom
 * @throws RecipeError naming path, value and expectation of everything that is wrong
 */
export function parseRecipe(input: unknown): Recipe {
  const checked = checkRecipe(isCamelCased(input) ? snakeKeys(input) : input)
  if ('recipe' in checked) return checked.recipe
  throw new RecipeError(checked.problems.map((problem) => ({ ...problem, path: problem.path.join('.') })))
}

/** The recipe, or everything that is wrong with it, by place. */
export function checkRecipe(
  input: unknown,
): { readonly recipe: Recipe } | { readonly problems: readonly Problem[] } {
  const parsed = recipeSchema.safeParse(input, { reportInput: true })
  return parsed.success
    ? { recipe: deepFreeze(camelKeys(parsed.data)) }
    : { problems: problemsOf(parsed.error) }
}

/** The recipe as JSON and YAML carry it, and as the store keeps it. */
export function recipeJson(recipe: Recipe): RecipeJson {
  return recipeSchema.parse(snakeKeys(recipe))
}

export function describeProblem({ path, value, expectation }: RecipeProblem): string {
  return `${path === '' ? 'recipe' : path}: ${JSON.stringify(value) ?? 'missing'}: ${expectation}`
}
