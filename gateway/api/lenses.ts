import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { LENS_LIMITS, MATERIALS, TREATMENTS } from '../lens.ts'
import { wholeNumber, type ZodDoor } from './door.ts'
import { oneAtATime } from './in-turn.ts'
import { ApiProblem, documentedProblem } from './problem.ts'
import { listOf, textOf } from './query.ts'

const MAX_PAGE = 200
const DEFAULT_PAGE = 50
const MOST_WORDS = 16

/** A lens of the catalogue; what its source does not say is absent. */
export const lensRecord = z.object({
  id: z.int().min(1),
  supplier: z.string(),
  name: z.string(),
  index: z
    .number()
    .min(LENS_LIMITS.indexMin)
    .max(LENS_LIMITS.indexMax)
    .optional()
    .describe('Refractive index.'),
  material: z.enum(MATERIALS).optional(),
  material_trade: z.string().optional().describe('What the maker calls it: `MR8`, `CR39`.'),
  treatments: z.array(z.enum(TREATMENTS)),
  range: z.string().optional(),
  series: z.string().optional(),
  height_mm: z.object({ min: z.number(), max: z.number() }).optional().describe('Fitting heights.'),
  marks: z
    .array(
      z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('text'), text: z.string() }),
        z.object({ kind: z.literal('image'), url: z.string(), alt: z.string().optional() }),
      ]),
    )
    .describe('What the source says is engraved.'),
  symbols: z
    .array(
      z.object({
        symbol: z.string(),
        confidence: z.number().min(0).max(1),
        validated_by: z.string().optional().describe('Who has seen it on a lens; absent: nobody said so.'),
        validated_at: z.iso.datetime().optional(),
      }),
    )
    .describe('Enrolled symbols that are said to stand on it.'),
  source_url: z.string().optional(),
})
export type LensRecord = z.infer<typeof lensRecord>

export const lensPage = z.object({
  lenses: z.array(lensRecord),
  found: z.int().min(0).describe('On all pages.'),
  next_after: z.int().min(1).optional(),
})
export type LensPage = z.infer<typeof lensPage>

/** What is asked of the catalogue; whatever is absent is not asked. */
export interface LensQuery {
  readonly symbols: readonly string[]
  readonly tags: { readonly names: readonly string[]; readonly of: 'all' | 'any' }
  /** As it is engraved: case, accents and spaces do not count. */
  readonly text?: string | undefined
  readonly index?: { readonly min: number; readonly max: number }
  readonly supplier?: string | undefined
  /** As somebody remembers it. */
  readonly name?: string | undefined
  readonly limit: number
  /** The last lens of the page before. */
  readonly after?: number | undefined
}

/** A lens by its number, and a symbol by its name. */
export interface LensSymbol {
  readonly id: number
  readonly symbol: string
}

export interface Linking {
  /** 0 to 1. */
  readonly confidence?: number
  /** Who has seen it on a lens. */
  readonly validatedBy?: string
}

/** The lens as it is then, or what is not there. */
export type LinkAnswer = LensRecord | 'no-lens' | 'no-symbol'

/** What the API needs of the catalogue. */
export interface Lenses {
  /** @returns undefined where `after` is not among what is found (any more) */
  find(query: LensQuery): Promise<LensPage | undefined>
  get(id: number): Promise<LensRecord | undefined>
  /** Says that a symbol stands on a lens; what is absent stays, and is 1 and nobody for a new link. */
  link(which: LensSymbol, linking: Linking): Promise<LinkAnswer>
  unlink(which: LensSymbol): Promise<LinkAnswer>
}

const refractiveIndex = z
  .string('expected one number')
  .refine((text) => /^\d(\.\d{1,4})?$/.test(text) && Number(text) >= LENS_LIMITS.indexMin, {
    error: ({ input }) =>
      `${input}: expected a number from ${LENS_LIMITS.indexMin} to ${LENS_LIMITS.indexMax}`,
  })
  .transform(Number)
  .refine((value) => value <= LENS_LIMITS.indexMax, {
    error: ({ input }) =>
      `${input}: expected a number from ${LENS_LIMITS.indexMin} to ${LENS_LIMITS.indexMax}`,
  })
  .meta({ type: 'number', minimum: LENS_LIMITS.indexMin, maximum: LENS_LIMITS.indexMax })

const lensQuery = z
  .strictObject({
    symbol: listOf(textOf('symbol', LENS_LIMITS.symbol), MOST_WORDS)
      .optional()
      .describe('Stands on it; may be repeated: all of them do.'),
    tag: listOf(textOf('tag', LENS_LIMITS.tag), MOST_WORDS)
      .optional()
      .describe('Of its symbols; may be repeated.'),
    tags: z
      .enum(['all', 'any'], 'expected all or any')
      .optional()
      .describe('All of the tags (default), or one.'),
    text: textOf('text', LENS_LIMITS.mark)
      .optional()
      .describe('Engraved on it: `MP 26` and `mp26` are the same.'),
    index_min: refractiveIndex.optional().describe('Least refractive index.'),
    index_max: refractiveIndex.optional().describe('Greatest refractive index.'),
    supplier: textOf('supplier', LENS_LIMITS.supplier).optional(),
    name: textOf('name', LENS_LIMITS.name)
      .optional()
      .describe('As somebody remembers it: the best named come first.'),
    limit: wholeNumber(1, MAX_PAGE).optional().describe(`Lenses on a page, ${DEFAULT_PAGE} if not said.`),
    after: wholeNumber(1, Number.MAX_SAFE_INTEGER)
      .optional()
      .describe('Cursor: `next_after` of the page before, with the same question.'),
  })
  .superRefine(({ index_min: min, index_max: max }, context) => {
    if (min === undefined || max === undefined || min <= max) return
    context.addIssue({
      code: 'custom',
      path: ['index_max'],
      message: `${max}: expected at least index_min (${min})`,
    })
  })

/** `/api/v1/lenses`: what an engraving can belong to. */
export function lensRoutes(plain: FastifyInstance, lenses: Lenses): void {
  const app = plain.withTypeProvider<ZodDoor>()
  const inTurn = oneAtATime()
  app.get(
    '/api/v1/lenses',
    {
      schema: {
        summary: 'Lenses of the catalogue, by supplier and name',
        tags: ['lenses'],
        querystring: lensQuery,
        response: {
          200: { description: 'a page; `next_after` is absent on the last one', $ref: 'LensPage#' },
          400: documentedProblem('a parameter is wrong'),
          503: documentedProblem('too many ask at once'),
        },
      },
    },
    async (request, reply) => {
      const query = queryOf(request.query)
      const page = await inTurn(() => lenses.find(query), reply)
      if (page === undefined) throw lostPlace(query.after)
      if (page.next_after !== undefined) {
        const next = new URLSearchParams(request.url.split('?', 2)[1])
        next.set('after', String(page.next_after))
        reply.header('link', `</api/v1/lenses?${next}>; rel="next"`)
      }
      return reply.header('cache-control', 'no-store').send(page)
    },
  )
  app.get(
    '/api/v1/lenses/:id',
    {
      schema: {
        summary: 'One lens of the catalogue',
        tags: ['lenses'],
        params: z.strictObject({ id: wholeNumber(1, Number.MAX_SAFE_INTEGER) }),
        response: {
          200: { description: 'the lens', $ref: 'Lens#' },
          400: documentedProblem('not a number'),
          404: documentedProblem('no such lens'),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const found = await lenses.get(id)
      if (found === undefined) throw new ApiProblem(404, `no lens has the number ${id}`)
      return reply.header('cache-control', 'no-store').send(found)
    },
  )
}

function queryOf(asked: z.output<typeof lensQuery>): LensQuery {
  const { symbol = [], tag = [], tags = 'all', index_min: min, index_max: max, limit = DEFAULT_PAGE } = asked
  const { text, supplier, name, after } = asked
  const index = { min: min ?? LENS_LIMITS.indexMin, max: max ?? LENS_LIMITS.indexMax }
  return {
    symbols: symbol,
    tags: { names: tag, of: tags },
    ...(min === undefined && max === undefined ? {} : { index }),
    ...{ text, supplier, name, limit, after },
  }
}

function lostPlace(after: number | undefined): ApiProblem {
  const detail = `${after}: this lens is not found any more: expected none, to begin anew`
  return new ApiProblem(400, `#/after: ${detail}`, [{ pointer: '#/after', in: 'query', detail }])
}
