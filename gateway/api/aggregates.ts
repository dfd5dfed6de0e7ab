import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { ReportQuery, SumsReport } from '../aggregates/report.ts'
import { moment, wholeNumber, type ZodDoor } from './door.ts'
import { oneAtATime } from './in-turn.ts'
import { documentedProblem } from './problem.ts'

/** Sums by hour and day; the station has them, whatever became of the inspections. */
export type AskAggregates = (query: ReportQuery) => Promise<SumsReport>

const MOST_PERIODS = 1000
const DEFAULT_PERIODS = 100

/** A word of a list in a query string; the error says what was sent. */
function word<const W extends readonly [string, ...string[]]>(words: W) {
  const error = ({ input }: { readonly input?: unknown }): string =>
    `${input === undefined ? 'missing' : String(input)}: expected ${words.join(' or ')}`
  return z.enum(words, { error })
}

const name = (what: string) =>
  z.string(`expected one ${what}`).min(1, `expected a ${what}`).max(128, 'expected at most 128 characters')

const sumsQuery = z
  .strictObject({
    by: word(['hour', 'day']).describe('Hours or days, of UTC.'),
    from: moment().optional().describe('Those that begin then or later: a day, or a time with its zone.'),
    to: moment().optional().describe('Those that begin before.'),
    recipe: name('recipe').optional().describe('Of this recipe, all its revisions.'),
    lot: name('lot').optional().describe('Of this lot.'),
    each: word(['lot', 'period'])
      .optional()
      .describe(
        'What has a row: each station, recipe revision and lot (`lot`, the default), or the whole `period`.',
      ),
    limit: wholeNumber(1, MOST_PERIODS)
      .optional()
      .describe(`Hours or days on a page, ${DEFAULT_PERIODS} if not said.`),
  })
  .superRefine(({ from, to }, context) => {
    if (from === undefined || to === undefined || from < to) return
    context.addIssue({ code: 'custom', path: ['to'], message: `${to}: expected a time after from (${from})` })
  })

/** `GET /api/v1/aggregates`: what the parts of an hour or a day came to. */
export function aggregateRoutes(plain: FastifyInstance, ask: AskAggregates): void {
  const app = plain.withTypeProvider<ZodDoor>()
  const inTurn = oneAtATime()
  app.get(
    '/api/v1/aggregates',
    {
      schema: {
        summary: 'Parts, grades and measures by hour or by day, oldest first',
        description:
          'Counted from the log, at most half a minute behind it, and kept when the inspections are gone.',
        tags: ['aggregates'],
        querystring: sumsQuery,
        response: {
          200: { description: 'a page; `next_from` is absent on the last one', $ref: 'SumsReport#' },
          400: documentedProblem('a parameter is wrong'),
          503: documentedProblem('too many ask at once'),
        },
      },
    },
    async (request, reply) => {
      const { by: period, each = 'lot', limit = DEFAULT_PERIODS, ...choice } = request.query
      const report = await inTurn(() => ask({ ...choice, period, each, limit }), reply)
      return reply.header('cache-control', 'no-store').send(report)
    },
  )
}
