import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { LENS_LIMITS } from '../lens.ts'
import { wholeNumber, type ZodDoor } from './door.ts'
import { DOUBTS, type Engravings } from './engraving-port.ts'
import { sameVersion } from './etag.ts'
import { oneAtATime } from './in-turn.ts'
import { type AskPermit, PERMIT_PROBLEMS, permitted } from './permit.ts'
import { PICTURE_CONSUMES, PICTURE_PROBLEMS, pictureOf, refusing, takePictures } from './picture-body.ts'
import { ApiProblem, documentedProblem } from './problem.ts'
import { listOf, textOf } from './query.ts'
import { sayer, whoAsks } from './sayer.ts'

const MOST_CANDIDATES = 20
const DEFAULT_CANDIDATES = 5
const MOST_TAGS = 16

const matchQuery = z.strictObject({
  top: wholeNumber(1, MOST_CANDIDATES)
    .optional()
    .describe(`How many candidates are told, ${DEFAULT_CANDIDATES} if not said.`),
})

const bySymbol = z.strictObject({ symbol: textOf('symbol', LENS_LIMITS.symbol) })

/** One that can be typed, told apart by eye and stand in an address. */
const newSymbol = z.strictObject({
  symbol: textOf('symbol', LENS_LIMITS.symbol).refine(
    (name) => name.trim() === name && !/\p{Cc}|^\.{1,2}$/u.test(name),
    'expected a name without blanks at its ends and without control characters',
  ),
})

const enrolQuery = z.strictObject({
  by: sayer,
  tag: listOf(textOf('tag', LENS_LIMITS.tag), MOST_TAGS)
    .optional()
    .describe('A tag of the symbol; may be repeated.'),
  sure: listOf(z.enum(DOUBTS, `expected ${DOUBTS.join(' or ')}`), DOUBTS.length)
    .optional()
    .describe('A kind of `conflicts` that does not matter; may be repeated.'),
})

/** In the OpenAPI document; what comes is checked by its first bytes. */
const pictureBody = z.any().meta({ type: 'string', format: 'binary' })

const NO_SYMBOL = documentedProblem('no such symbol')
const TAGS = ['engravings']

/** `/api/v1/engravings`: what a picture shows, what can be recognised, and how it comes to be. */
export function engravingRoutes(app: FastifyInstance, engravings: Engravings, permit: AskPermit): void {
  readingRoutes(app.withTypeProvider<ZodDoor>(), engravings)
  app.register((scope, _options, done) => {
    takePictures(scope)
    matchRoute(scope, engravings)
    enrolRoute(scope, engravings, permit)
    done()
  })
  forgetRoute(app, engravings, permit)
}

function readingRoutes(plain: FastifyInstance, engravings: Engravings): void {
  const app = plain.withTypeProvider<ZodDoor>()
  app.get(
    '/api/v1/engravings',
    {
      schema: {
        summary: 'The symbols that can be recognised',
        tags: TAGS,
        response: { 200: { description: 'all of them', $ref: 'SymbolList#' } },
      },
    },
    async (_request, reply) => reply.header('cache-control', 'no-store').send(await engravings.symbols()),
  )
  app.get(
    '/api/v1/engravings/:symbol/picture',
    {
      schema: {
        summary: 'The first picture that was enrolled of a symbol, small',
        tags: TAGS,
        params: bySymbol,
        response: {
          200: {
            description: 'PNG',
            content: { 'image/png': { schema: { type: 'string', format: 'binary' } } },
          },
          304: { description: 'the client has it already' },
          404: NO_SYMBOL,
        },
      },
    },
    async (request, reply) => {
      const { symbol } = request.params
      const found = await engravings.picture(symbol)
      if (found === undefined) throw noSymbol(symbol)
      const etag = `"${found.version}"`
      reply.header('etag', etag).header('cache-control', 'private, no-cache')
      if (sameVersion(request, etag)) return reply.code(304).send()
      return reply.type('image/png').send(Buffer.from(found.png))
    },
  )
}

function matchRoute(plain: FastifyInstance, engravings: Engravings): void {
  const inTurn = oneAtATime()
  plain.withTypeProvider<ZodDoor>().post(
    '/api/v1/engravings/match',
    {
      schema: {
        summary: 'Which symbol a picture shows',
        description:
          'A drawing, a printed reference, or the crop of a camera picture: PNG or JPEG, at most 5 MiB.',
        tags: TAGS,
        consumes: PICTURE_CONSUMES,
        body: pictureBody,
        querystring: matchQuery,
        response: {
          200: { description: 'what it is said to show', $ref: 'EngravingMatch#' },
          400: documentedProblem('a parameter is wrong'),
          ...PICTURE_PROBLEMS,
        },
      },
    },
    async (request, reply) => {
      const picture = pictureOf(request.body)
      const { top = DEFAULT_CANDIDATES } = request.query
      const answer = await refusing(() => inTurn(() => engravings.match(picture, top), reply))
      return reply.header('cache-control', 'no-store').send(answer)
    },
  )
}

function enrolRoute(plain: FastifyInstance, engravings: Engravings, permit: AskPermit): void {
  const inTurn = oneAtATime()
  plain.withTypeProvider<ZodDoor>().post(
    '/api/v1/engravings/:symbol/examples',
    {
      schema: {
        summary: 'Enrols a picture of a symbol, which may be new',
        description:
          'One picture is enough, and nothing is trained. Who may call the command `engraving/enrol` by MQTT may do this.',
        tags: TAGS,
        consumes: PICTURE_CONSUMES,
        body: pictureBody,
        params: newSymbol,
        querystring: enrolQuery,
        response: {
          200: { description: 'this very picture was there already', $ref: 'Enrolled#' },
          201: { description: 'enrolled', $ref: 'Enrolled#' },
          400: documentedProblem('a parameter is wrong'),
          409: documentedProblem('`conflicts` says of what somebody has to be `sure`'),
          ...PERMIT_PROBLEMS,
          ...PICTURE_PROBLEMS,
        },
      },
    },
    async (request, reply) => {
      const user = await permitted(request, reply, { permit, command: 'engraving/enrol' })
      const { tag: tags = [], sure = [] } = request.query
      // Whoever has logged in is who says so.
      const by = user ?? request.query.by
      if (by === undefined) throw whoAsks()
      const picture = pictureOf(request.body)
      const { symbol } = request.params
      const wanted = { symbol, picture, by, tags, sure }
      const answer = await refusing(() => inTurn(() => engravings.enrol(wanted), reply))
      if (!('added' in answer)) {
        throw new ApiProblem(409, `symbol ${symbol}: expected somebody who is sure`, [], {
          conflicts: [...answer],
        })
      }
      return reply
        .code(answer.added ? 201 : 200)
        .header('cache-control', 'no-store')
        .send(answer)
    },
  )
}

function forgetRoute(plain: FastifyInstance, engravings: Engravings, permit: AskPermit): void {
  plain.withTypeProvider<ZodDoor>().delete(
    '/api/v1/engravings/:symbol',
    {
      schema: {
        summary: 'Forgets a symbol, its pictures, its tags and on which lenses it stands',
        description: 'Who may call the command `engraving/forget` by MQTT may do this.',
        tags: TAGS,
        params: bySymbol,
        response: {
          204: { description: 'forgotten' },
          404: NO_SYMBOL,
          503: documentedProblem('an update has the line (`fault`: `unavailable`)'),
          ...PERMIT_PROBLEMS,
        },
      },
    },
    async (request: FastifyRequest<{ Params: z.output<typeof bySymbol> }>, reply: FastifyReply) => {
      await permitted(request, reply, { permit, command: 'engraving/forget' })
      const { symbol } = request.params
      if (!(await engravings.forget(symbol))) throw noSymbol(symbol)
      return reply.code(204).header('cache-control', 'no-store').send()
    },
  )
}

function noSymbol(symbol: string): ApiProblem {
  return new ApiProblem(404, `no symbol is called ${symbol}`)
}
