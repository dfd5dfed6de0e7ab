import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { alertView } from '../alert-view.ts'
import { kpiReport } from '../kpi-report.ts'

const index = z.object({
  value: z.number(),
  low: z.number().describe('Of its confidence interval.'),
  high: z.number().describe('Of its confidence interval.'),
})

/** What is watched over the parts. */
export const qualityReport = z.object({
  alerts: z.array(alertView).describe('Open alerts, newest first.'),
  kpi: z
    .object({
      lot: kpiReport,
      shift: kpiReport.exactOptional(),
      ended_shifts: z
        .array(kpiReport.extend({ began_at: z.iso.datetime().describe('When the shift began.') }))
        .describe('Shifts that ended, newest first; at most 21.'),
    })
    .describe(
      'Key figures of the running lot, of the running shift where there is one, and of shifts before.',
    ),
  charts: z
    .array(
      z.object({
        name: z.string(),
        recipe: z.string(),
        revision: z.int(),
        lot: z.string(),
        phase: z.literal([1, 2]).describe('1: limits are being learnt; 2: points are judged.'),
        points: z.int(),
        capability: z
          .object({
            count: z.int(),
            mean: z.number(),
            cp: index.exactOptional(),
            cpk: index,
            pp: index.exactOptional(),
            ppk: index,
            confidence: z.number().describe('Of the intervals.'),
            not_normal: z
              .boolean()
              .exactOptional()
              .describe('The values are no normal distribution: the indices say less than they seem to.'),
          })
          .exactOptional()
          .describe('Against the specification of the chart, where it has one.'),
      }),
    )
    .describe('Control charts, one each for every recipe and lot.'),
})
export type QualityReport = z.infer<typeof qualityReport>

/** The watch over the parts as it is now. */
export type AskQuality = () => QualityReport

/** `GET /api/v1/quality`: open alerts, key figures, control charts. */
export function qualityRoutes(app: FastifyInstance, quality: AskQuality): void {
  app.get(
    '/api/v1/quality',
    {
      schema: {
        summary: 'Open alerts, key figures of lot and shifts, control charts',
        tags: ['quality'],
        response: { 200: { description: 'as it is now', $ref: 'QualityReport#' } },
      },
    },
    (_request, reply) => reply.header('cache-control', 'no-store').send(quality()),
  )
}
