import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { CheckpointPage, CheckpointQuery } from '../proof/checkpoint-page.ts'
import { wholeNumber, type ZodDoor } from './door.ts'
import { documentedProblem } from './problem.ts'

/** Signed places of the chain. */
export type AskCheckpoints = (query: CheckpointQuery) => Promise<CheckpointPage>

const MAX_PAGE = 200
const DEFAULT_PAGE = 50

const pageQuery = z.strictObject({
  limit: wholeNumber(1, MAX_PAGE).optional().describe(`Checkpoints on a page, ${DEFAULT_PAGE} if not said.`),
  before: wholeNumber(1, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('Cursor: only those with a smaller number; `next_before` of the page before.'),
})

/** `GET /api/v1/checkpoints`: what the station signed, and the key to check it with. */
export function checkpointRoutes(plain: FastifyInstance, ask: AskCheckpoints): void {
  const app = plain.withTypeProvider<ZodDoor>()
  app.get(
    '/api/v1/checkpoints',
    {
      schema: {
        summary: 'The signed places of the chain, newest first',
        description:
          'Keep the key where the station cannot change it: whoever takes it from here each time is told by the ' +
          'station itself whom to believe.',
        tags: ['proof'],
        querystring: pageQuery,
        response: {
          200: { description: 'a page; `next_before` is absent on the last one', $ref: 'CheckpointPage#' },
          400: documentedProblem('a parameter is wrong'),
        },
      },
    },
    async (request, reply) => {
      const { limit = DEFAULT_PAGE, before } = request.query
      return reply.header('cache-control', 'no-store').send(await ask({ limit, before }))
    },
  )
}
