import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { type Trace, traceRecord } from '../proof/trace-record.ts'
import { jsonSchema, type ZodDoor } from './door.ts'
import { oneAtATime } from './in-turn.ts'
import { preferred } from './preferred.ts'
import { ApiProblem, documentedProblem } from './problem.ts'
import { TRACE_POLICY, tracePage } from './trace-page.ts'

/** The history that a token leads to; undefined for one that leads nowhere. */
export type AskTrace = (token: string) => Promise<Trace | undefined>

/** As long as the longest token: a name of 64 characters, and what proves it. */
const LONGEST = 90

const byToken = z.object({ token: z.string().min(1).max(LONGEST, 'expected the code of a label') })

const [JSON_TYPE, HTML_TYPE] = ['application/json', 'text/html']

/** `GET /t/<token>`: what a label of this station leads to, as a page or as JSON. */
export function traceRoutes(plain: FastifyInstance, trace: AskTrace): void {
  const app = plain.withTypeProvider<ZodDoor>()
  const inTurn = oneAtATime()
  app.get(
    '/t/:token',
    {
      schema: {
        summary: 'The history of a lot or a part, by the code on its label',
        description: 'A page in French or English (`Accept-Language`), or JSON (`Accept: application/json`).',
        tags: ['trace'],
        params: byToken,
        response: {
          200: {
            description: 'the history `poincon.trace/1`',
            content: {
              [JSON_TYPE]: { schema: jsonSchema(traceRecord, 'output') },
              [HTML_TYPE]: { schema: { type: 'string' } },
            },
          },
          404: documentedProblem(
            'this station did not make the code, or does not know any more what it names',
          ),
          503: documentedProblem('too many ask at once'),
        },
      },
    },
    async (request, reply) => {
      reply.headers({
        'cache-control': 'no-store',
        vary: 'accept, accept-language',
        'x-robots-tag': 'noindex',
      })
      const told = await inTurn(() => trace(request.params.token), reply)
      // One answer for a forged code and for one whose lot is gone: nobody learns which names there are.
      if (told === undefined) throw new ApiProblem(404, 'this code leads to nothing that this station knows')
      const { accept, 'accept-language': languages } = request.headers
      if (preferred(accept, [JSON_TYPE, HTML_TYPE]) === JSON_TYPE) {
        return reply.type(`${JSON_TYPE}; charset=utf-8`).send(JSON.stringify(told))
      }
      const language = preferred(languages, ['fr', 'en']) === 'en' ? 'en' : 'fr'
      return reply
        .type(`${HTML_TYPE}; charset=utf-8`)
        .header('content-security-policy', TRACE_POLICY)
        .header('content-language', language)
        .send(tracePage(told, language))
    },
  )
}
