import type { FastifyInstance } from 'fastify'
import type { AskStation } from './ports.ts'

/** `GET /api/v1/station`: who this station is, how it is, and how its parts divide. */
export function stationRoutes(app: FastifyInstance, station: AskStation): void {
  app.get(
    '/api/v1/station',
    {
      schema: {
        summary: 'Identity, heads, sinks, recipe, lot and counters',
        tags: ['station'],
        response: { 200: { description: 'the station now', $ref: 'StationState#' } },
      },
    },
    (_request, reply) => reply.header('cache-control', 'no-store').send(station()),
  )
}
