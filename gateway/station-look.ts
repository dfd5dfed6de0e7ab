import { z } from 'zod'
import { isExpired } from './calibration/newest.ts'
import { parseCalibration } from './calibration.ts'
import type { Config } from './config.ts'
import type { Recipe } from './recipe.ts'
import { storedRecipe } from './recipe-revisions.ts'
import { readRegistry } from './recipe-shelf.ts'
import { References, type ReferencesInForce } from './references.ts'
import { scanProblem } from './scan-problem.ts'

/** The recipe in force and the calibrations of a station, as its store has them. */
export interface StationLook {
  readonly recipe: Recipe
  /** Why this station cannot measure as the recipe asks. */
  readonly refused?: string
  readonly standings: ReferencesInForce['standings']
  /** When the empty tray ran out, if it did. */
  readonly trayEndedAt?: string
}

/**
 * Looks into the store of a station, also while it runs. Calibrations are those of the chips that were measured last.
 * @param decideWithinMs of the gate, where one is moved
 * @returns undefined where the recipe is not in the store
 * @throws StoreError, RecipeError, ZodError
 */
export async function lookAtStation(
  config: Config,
  { atMs, decideWithinMs }: { readonly atMs: number; readonly decideWithinMs?: number | undefined },
): Promise<StationLook | undefined> {
  return await readRegistry(config.data_dir, async ({ recipes, calibrations, state }) => {
    const selected = z
      .string()
      .catch(config.recipe)
      .parse(await state.get('recipe'))
    const stored = await recipes.get(selected)
    if (stored === undefined) return undefined
    const recipe = storedRecipe(stored)
    const newest = await calibrations.newest('empty-tray')
    const tray = newest === undefined ? undefined : parseCalibration(newest.calibration)
    const refused = scanProblem(recipe, { heads: config.heads, tray, decideWithinMs })
    const references = new References()
    await references.load(calibrations)
    const { standings } = references.inForce({ recipe, chips: newest?.subject, atMs })
    const until = tray?.validUntil
    const ended = until !== undefined && isExpired({ valid_until: until }, atMs)
    return {
      recipe,
      standings,
      ...(ended ? { trayEndedAt: until } : {}),
      ...(refused === undefined ? {} : { refused }),
    }
  })
}
