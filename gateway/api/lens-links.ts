import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { LENS_LIMITS } from '../lens.ts'
import { wholeNumber, type ZodDoor } from './door.ts'
import { oneAtATime } from './in-turn.ts'
import type { Lenses, LinkAnswer } from './lenses.ts'
import { type AskPermit, PERMIT_PROBLEMS, permitted } from './permit.ts'
import { ApiProblem, documentedProblem } from './problem.ts'
import { textOf } from './query.ts'
import { sayer, whoAsks } from './sayer.ts'

const which = z.strictObject({
  id: wholeNumber(1, Number.MAX_SAFE_INTEGER),
  symbol: textOf('symbol', LENS_LIMITS.symbol),
})

const linkQuery = z.strictObject({
  by: sayer,
  confidence: z
    .string('expected one number from 0 to 1')
    .refine((text) => /^(0(\.\d{1,6})?|1(\.0{1,6})?)$/.test(text), {
      error: ({ input }) => `${input}: expected a number from 0 to 1`,
    })
    .transform(Number)
    .meta({ type: 'number', minimum: 0, maximum: 1 })
    .optional()
    .describe('How sure it is that the symbol stands on the lens; absent: as it was, 1 for a new link.'),
  seen: z
    .literal('true', 'expected true')
    .optional()
    .describe('Whoever says so has seen it on a lens; absent: as it was.'),
})

const PROBLEMS = {
  400: documentedProblem('a parameter is wrong'),
  404: documentedProblem('no such lens, or no such symbol'),
  503: documentedProblem('too many ask at once, or an update has the line'),
  ...PERMIT_PROBLEMS,
}
const TAGS = ['lenses']

/** `/api/v1/lenses/:id/symbols/:symbol`: which symbols stand on a lens, how surely, and who has seen them. */
export function lensLinkRoutes(plain: FastifyInstance, lenses: Lenses, permit: AskPermit): void {
  const app = plain.withTypeProvider<ZodDoor>()
  const inTurn = oneAtATime()
  app.put(
    '/api/v1/lenses/:id/symbols/:symbol',
    {
      schema: {
        summary: 'Says that a symbol stands on a lens, how surely, or that somebody has seen it',
        description: 'Who may call the command `catalogue/link` by MQTT may do this.',
        tags: TAGS,
        params: which,
        querystring: linkQuery,
        response: { 200: { description: 'the lens', $ref: 'Lens#' }, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const user = await permitted(request, reply, { permit, command: 'catalogue/link' })
      const { confidence, seen } = request.query
      const by = user ?? request.query.by
      if (seen !== undefined && by === undefined) throw whoAsks()
      const linking = {
        ...(confidence === undefined ? {} : { confidence }),
        ...(seen === undefined || by === undefined ? {} : { validatedBy: by }),
      }
      const answer = await inTurn(() => lenses.link(request.params, linking), reply)
      return reply.header('cache-control', 'no-store').send(lensOf(answer, request.params))
    },
  )
  app.delete(
    '/api/v1/lenses/:id/symbols/:symbol',
    {
      schema: {
        summary: 'Says that a symbol does not stand on a lens; nothing changes where nobody said it does',
        description: 'Who may call the command `catalogue/unlink` by MQTT may do this.',
        tags: TAGS,
        params: which,
        response: { 200: { description: 'the lens', $ref: 'Lens#' }, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      await permitted(request, reply, { permit, command: 'catalogue/unlink' })
      const answer = await inTurn(() => lenses.unlink(request.params), reply)
      return reply.header('cache-control', 'no-store').send(lensOf(answer, request.params))
    },
  )
}

/** @throws ApiProblem 404 */
function lensOf(answer: LinkAnswer, { id, symbol }: z.output<typeof which>) {
  if (answer === 'no-lens') throw new ApiProblem(404, `no lens has the number ${id}`)
  if (answer === 'no-symbol') throw new ApiProblem(404, `no symbol is called ${symbol}`)
  return answer
}
