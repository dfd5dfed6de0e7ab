import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { ZodDoor } from './door.ts'
import { ApiProblem, documentedProblem } from './problem.ts'
import { UPDATER_HEADER, UPDATER_PROBLEMS, type UpdaterSecret, updaterOnly } from './updater.ts'

const recipeId = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'expected a recipe’s id')

const recipeOrder = z.strictObject({
  name: recipeId.describe('Id of the recipe.'),
  version: z.string().min(1).max(128).describe('Of the update.'),
  text: z.string().min(1).max(200_000).describe('The recipe, as YAML or JSON.'),
  take: z
    .boolean()
    .default(false)
    .describe('Save it; else it is only looked at. The line must be the update’s.'),
})
export type RecipeOrder = Readonly<z.infer<typeof recipeOrder>>

const recipeReport = z.object({
  id: recipeId,
  revision: z.int().min(0).describe('The newest there is; 0: there is no such recipe yet.'),
  in_force: z.boolean().describe('Parts are judged by this recipe: a new revision holds at once.'),
  revised_by: z.string().optional().describe('A person who saved the newest revision at this station.'),
  changes: z.array(
    z.object({ key: z.string(), before: z.string().optional(), after: z.string().optional() }),
  ),
})
export type RecipeReport = Readonly<z.infer<typeof recipeReport>>

const backOrder = z.strictObject({
  name: recipeId,
  revision: z.int().min(0).describe('What it said is to be the newest again.'),
})

/** What the API asks of recipes that come as updates. */
export interface Recipes {
  check(order: RecipeOrder): Promise<RecipeReport>
  take(order: RecipeOrder): Promise<RecipeReport>
  takeBack(id: string, revision: number): Promise<void>
}

export interface RecipeUpdates extends UpdaterSecret {
  /** Whether an update has the line. */
  readonly locked: boolean
  readonly recipes: Recipes
}

/** The largest recipe, escaped. */
const MAX_BODY_BYTES = 1024 * 1024
const MANNER = `Only for the updater of the station’s own machine, by \`${UPDATER_HEADER}\`.`
const NOT_LOCKED = 'the line is not the update’s: expected POST /api/v1/update/lock first'

/** `/api/v1/update/recipe`: a recipe that came as an update is looked at, taken, and taken back. */
export function updateRecipeRoutes(plain: FastifyInstance, updates: RecipeUpdates): void {
  const app = plain.withTypeProvider<ZodDoor>()
  app.post(
    '/api/v1/update/recipe',
    {
      bodyLimit: MAX_BODY_BYTES,
      schema: {
        summary: 'Looks at a recipe that came as an update, or takes it as the next revision',
        description: MANNER,
        tags: ['update'],
        body: recipeOrder,
        response: {
          200: { description: 'what there is, and what it changes' },
          400: documentedProblem('the body is wrong'),
          409: documentedProblem('the recipe is wrong, or not for this station: `detail` says why'),
          ...UPDATER_PROBLEMS,
        },
      },
    },
    async (request, reply) => {
      await updaterOnly(request, reply, { secret: updates, command: 'update/recipe' })
      const { body } = request
      if (body.take && !updates.locked) throw new ApiProblem(409, NOT_LOCKED)
      const { recipes } = updates
      const report = await (body.take ? recipes.take(body) : recipes.check(body)).catch(refuse)
      return reply.header('cache-control', 'no-store').send(report)
    },
  )
  backRoute(plain, updates)
}

function backRoute(plain: FastifyInstance, updates: RecipeUpdates): void {
  const app = plain.withTypeProvider<ZodDoor>()
  app.delete(
    '/api/v1/update/recipe',
    {
      schema: {
        summary: 'Takes a recipe back to what an earlier revision said',
        description: MANNER,
        tags: ['update'],
        body: backOrder,
        response: {
          204: { description: 'it is so' },
          400: documentedProblem('the body is wrong'),
          409: documentedProblem('the store did not take it: `detail` says why'),
          ...UPDATER_PROBLEMS,
        },
      },
    },
    async (request, reply) => {
      await updaterOnly(request, reply, { secret: updates, command: 'update/recipe' })
      const { name, revision } = request.body
      await updates.recipes.takeBack(name, revision).catch(refuse)
      return reply.code(204).header('cache-control', 'no-store').send()
    },
  )
}

function refuse(error: unknown): never {
  throw new ApiProblem(409, error instanceof Error ? error.message : String(error))
}
