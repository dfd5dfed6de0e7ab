import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Exposition, Health } from './ports.ts'
import { partCounters } from './station-state.ts'

const violation = z.object({
  scope: z.string(),
  equation: z.string(),
  numbers: z.record(z.string(), z.number()),
})

/** What `/healthz` answers, for the documentation; `gateway/health` makes it. */
export const healthReport = z.object({
  status: z.enum(['ok', 'degraded', 'failed']),
  reconciled: z.boolean(),
  violations: z.array(violation),
  phase: z.enum(['starting', 'running', 'draining']),
  version: z.string(),
  uptime_s: z.int().min(0),
  units: z.array(
    z.object({
      name: z.string(),
      state: z.enum(['ok', 'degraded', 'failed']),
      detail: z.string().optional(),
      facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
    }),
  ),
  counters: z.object({ since_start: partCounters, lot: partCounters }),
  sinks: z.array(
    z.object({
      name: z.string(),
      stored: z.int().min(0),
      delivered: z.int().min(0),
      backlog: z.int().min(0),
      quarantined: z.int().min(0),
    }),
  ),
})

/** What `/readyz` answers. */
export const readyReport = z.object({ ready: z.boolean(), waiting_for: z.array(z.string()) })

/** `/healthz`, `/readyz` and `/metrics`: for supervisors and monitoring, never cached. */
export function healthRoutes(app: FastifyInstance, health: Health, exposition: Exposition): void {
  app.get(
    '/healthz',
    {
      schema: {
        summary: 'Whether the process lives and its counters reconcile',
        tags: ['health'],
        response: {
          200: { description: 'alive; the counters reconcile', $ref: 'HealthReport#' },
          503: { description: 'parts are unaccounted for: `violations` says where', $ref: 'HealthReport#' },
        },
      },
    },
    (_request, reply) => {
      const report = health.report()
      return reply
        .code(report.reconciled ? 200 : 503)
        .header('cache-control', 'no-store')
        .send(report)
    },
  )

  app.get(
    '/readyz',
    {
      schema: {
        summary: 'Whether a part that comes now is inspected and stored',
        tags: ['health'],
        response: {
          200: { description: 'ready', $ref: 'ReadyReport#' },
          503: { description: '`waiting_for` says what is missing', $ref: 'ReadyReport#' },
        },
      },
    },
    (_request, reply) => {
      const report = health.ready()
      return reply
        .code(report.ready ? 200 : 503)
        .header('cache-control', 'no-store')
        .send(report)
    },
  )

  app.get(
    '/metrics',
    {
      schema: {
        summary: 'The numbers of the process, in OpenMetrics',
        tags: ['health'],
        response: {
          200: {
            description: 'OpenMetrics 1.0',
            content: { 'application/openmetrics-text': { schema: { type: 'string' } } },
          },
        },
      },
    },
    async (_request, reply) =>
      reply
        .type(exposition.contentType)
        .header('cache-control', 'no-store')
        .send(await exposition.text()),
  )
}
