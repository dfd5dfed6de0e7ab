import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ApiServerOptions } from './api/server.ts'
import { contentIn, STATION_FLOWS } from './content.ts'
import type { FirstPart } from './first-part.ts'
import type { Log } from './log.ts'
import type { QualityWatch } from './quality.ts'
import type { RecipeRevisions } from './recipe-revisions.ts'
import type { Setup } from './setup.ts'
import { DeliveredRecipes } from './update-recipe.ts'
import type { Updating } from './updating.ts'

export interface DeliveredParts {
  /** `update.dir`. */
  readonly dir: string
  readonly recipes: RecipeRevisions
  readonly setup: Setup
  readonly firstPart: Pick<FirstPart, 'changed'>
  readonly quality: () => Pick<QualityWatch, 'resumed'>
  readonly updates: () => Updating
  readonly restartFlows: () => boolean
  /** The recipe is another one now. */
  readonly changed: () => void
  readonly log: Log
}

/** What comes as updates besides releases, and is taken while the station runs: recipes and flows. */
export function deliveredUpdates(parts: DeliveredParts): NonNullable<ApiServerOptions['delivered']> {
  const { setup, recipes, firstPart, quality, updates, log } = parts
  return {
    isUpdater: (shown) => updates().desk.isUpdater(shown),
    get locked() {
      return updates().locked()
    },
    recipes: new DeliveredRecipes({
      recipes,
      inForce: () => setup.recipe.recipe.id,
      refusal: (recipe) => setup.refusalOf(recipe),
      select: async (id) => {
        const { recipe, revision } = await setup.selectRecipe(id)
        quality().resumed()
        await firstPart.changed(recipe.firstPart)
        log.info({ recipe: id, revision }, 'a recipe came as an update')
        parts.changed()
      },
    }),
    flows: () => flowsIn(parts.dir),
    restartFlows: parts.restartFlows,
  }
}

/** Looked up at each question: the updater changes them while the station runs. */
export async function flowsIn(dir: string): Promise<{ version: string; flows: string } | undefined> {
  const found = contentIn(dir).find(({ kind, name }) => kind === 'flow' && name === STATION_FLOWS)
  if (found === undefined) return undefined
  return { version: found.version, flows: await readFile(join(found.folder, 'flows.json'), 'utf8') }
}
