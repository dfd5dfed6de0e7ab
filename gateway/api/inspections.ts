import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { wholeNumber, type ZodDoor } from './door.ts'
import { sameVersion } from './etag.ts'
import type { History } from './ports.ts'
import { ApiProblem, documentedProblem } from './problem.ts'

/** A page of 200 full messages is about 1 MB. */
const MAX_PAGE = 200
const DEFAULT_PAGE = 50

const pageQuery = z.strictObject({
  limit: wholeNumber(1, MAX_PAGE).optional().describe(`Inspections on a page, ${DEFAULT_PAGE} if not said.`),
  before: wholeNumber(1, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('Cursor: only inspections with a smaller sequence; `next_before` of the page before.'),
})

const byId = z.strictObject({ id: z.uuid('expected the UUID of an inspection') })

const JSON_TYPE = 'application/json; charset=utf-8'

/** `GET /api/v1/inspections` and `/api/v1/inspections/:id`: the stored messages, byte for byte as they were stored. */
export function inspectionRoutes(plain: FastifyInstance, history: History): void {
  const app = plain.withTypeProvider<ZodDoor>()

  app.get(
    '/api/v1/inspections',
    {
      schema: {
        summary: 'The stored inspections, newest first',
        tags: ['inspections'],
        querystring: pageQuery,
        response: {
          200: { description: 'a page; `next_before` is absent on the last one', $ref: 'InspectionPage#' },
          400: documentedProblem('a parameter is wrong'),
        },
      },
    },
    async (request, reply) => {
      const { limit = DEFAULT_PAGE, before } = request.query
      // One more than asked tells whether there is a next page.
      const found = await (before === undefined ? history.latest(limit + 1) : history.page(before, limit + 1))
      const page = found.slice(0, limit)
      const last = page.at(-1)
      const next = found.length > limit && last !== undefined ? last.sequence : undefined
      if (next !== undefined) {
        reply.header('link', `</api/v1/inspections?limit=${limit}&before=${next}>; rel="next"`)
      }
      const inspections = page.map(({ payload }) => payload).join(',')
      const cursor = next === undefined ? '' : `,"next_before":${next}`
      return reply
        .type(JSON_TYPE)
        .header('cache-control', 'no-store')
        .send(Buffer.from(`{"inspections":[${inspections}]${cursor}}`))
    },
  )

  app.get(
    '/api/v1/inspections/:id',
    {
      schema: {
        summary: 'One inspection',
        tags: ['inspections'],
        params: byId,
        response: {
          200: { description: 'the message `poincon.inspection/1`', $ref: 'Inspection#' },
          304: { description: 'the client has it already' },
          400: documentedProblem('not a UUID'),
          404: documentedProblem('no such inspection'),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const found = await history.get(id.toLowerCase())
      if (found === undefined) throw new ApiProblem(404, `no inspection has the id ${id}`)
      // A stored inspection never changes, so its id is its version.
      const etag = `"${found.id}"`
      reply.header('etag', etag).header('cache-control', 'private, max-age=31536000, immutable')
      if (sameVersion(request, etag)) return reply.code(304).send()
      return reply.type(JSON_TYPE).send(Buffer.from(found.payload))
    },
  )
}
