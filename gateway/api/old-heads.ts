import type { FastifyInstance } from 'fastify'
import { z } from 'zod'

const count = z.int().min(0)
const moment = z.iso.datetime()

/** Heads of the old system. */
export const oldHeadsReport = z.object({
  listening: z.boolean().describe('Whether the station takes their measurements now.'),
  turned_away: count.describe('Connections since start that were one too many.'),
  devices: z
    .array(
      z.object({
        device_id: z.string(),
        connected: z.boolean(),
        address: z.string().optional().describe('Where it was last; absent: not seen since start.'),
        mac_address: z.string().optional(),
        last_sample_at: moment.optional().describe('When its newest sample came.'),
        stored: count.describe('Samples since start.'),
        repeated: count.describe('Sent again, since start: acknowledged, and not stored twice.'),
        refused: count.describe('Messages since start that were not taken.'),
        last_refusal: z
          .object({ at: moment, code: z.string(), error: z.string() })
          .optional()
          .describe('The newest refusal, as the device was told.'),
        logged: count.describe('Samples that were in the log when the station was first asked.'),
      }),
    )
    .describe('Seen since start, or with samples in the log; by name.'),
})
export type OldHeadsReport = z.infer<typeof oldHeadsReport>

export type AskOldHeads = () => Promise<OldHeadsReport>

/** `GET /api/v1/old-heads`: which devices send, since when they are silent, what was refused. */
export function oldHeadRoutes(app: FastifyInstance, oldHeads: AskOldHeads): void {
  app.get(
    '/api/v1/old-heads',
    {
      schema: {
        summary: 'Heads of the old system: last sample, what was stored and refused',
        tags: ['station'],
        response: { 200: { description: 'as it is now', $ref: 'OldHeadsReport#' } },
      },
    },
    async (_request, reply) => reply.header('cache-control', 'no-store').send(await oldHeads()),
  )
}
