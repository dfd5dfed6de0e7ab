import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { quarantineRecord } from '../quarantine-record.ts'

const count = z.int().min(0)
const moment = z.iso.datetime()

const kept = z.object({
  stored: count.optional().describe('Absent: nobody has looked yet.'),
  oldest_at: moment.optional().describe('When the oldest came; absent: there is none, or not known yet.'),
  keep_days: z.number().optional().describe('Older ones are due; absent: age does not count.'),
  keep_parts: z.int().optional().describe('All but so many are due; absent: their number does not count.'),
  due_at: moment.optional().describe('When the oldest is due by its age; it goes when everybody has got it.'),
  removed: count.describe('Gone since the station started.'),
})

/** What is stored, how long it will last, and what holds it back. */
export const storageReport = z.object({
  state: z.enum(['ok', 'degraded', 'failed']),
  detail: z.string().optional().describe('What a person should know; where the state is not `ok`.'),
  room: z
    .object({
      hours_left: z.number().optional().describe('With everything away, at the rate of the last hour.'),
      parts_left: count.optional().describe('The same in parts.'),
      alert_hours: z.number().describe('Less than this is told.'),
      parts_per_hour: count.optional(),
      part_bytes: count.optional().describe('What one part takes, raw data included.'),
      used_mb: z.number().optional(),
      room_mb: z.number().optional().describe('What can be stored before the station refuses.'),
    })
    .describe('How long the station can go on.'),
  flash: z
    .object({
      bytes_per_part: z.number().optional().describe('Written for one inspection, over all runs.'),
      gb_per_year: z.number().optional().describe('At this rate; absent before the first hour.'),
      budget_gb_per_year: z.number(),
      share: z.number().optional().describe('Of the budget; 1 is all of it.'),
    })
    .describe('What is written to the flash.'),
  inspections: kept,
  raw: kept,
  sums: z.object({ hourly_days: z.number() }).describe('Sums by hour go after this; those by day never.'),
  undelivered: count
    .optional()
    .describe('Inspections that stay because somebody has not got them; absent: nobody has looked yet.'),
  cursors: z
    .array(
      z.object({
        name: z.string(),
        role: z
          .enum(['sink', 'station', 'confirmation', 'gone'])
          .describe(
            'Who it is: a delivery, a reader of the station, what the final store confirmed, a sink that is not configured any more.',
          ),
        backlog: count,
        holds: z.boolean().describe('The oldest that stay do so for this one.'),
      }),
    )
    .describe('Who has not got what, the farthest behind first.'),
  quarantine: z
    .array(
      z.object({
        sink: z.string(),
        count,
        wanted: count.describe('Of them, to be sent again.'),
      }),
    )
    .describe('What receivers refused for good, by receiver.'),
  set_aside: z
    .array(quarantineRecord.omit({ payload: true, closed_at: true, closed_by: true, schema: true }))
    .describe('The newest of them, newest first.'),
  checkpoint: z
    .object({ number: z.int(), sequence: z.int(), at: moment, key_id: z.string() })
    .optional()
    .describe('The newest signed place of the chain; absent: none yet.'),
})
export type StorageReport = z.infer<typeof storageReport>

/** The store as it is now. */
export type AskStorage = () => StorageReport

/** `GET /api/v1/storage`: room, flash, what is kept and for whom, what was set aside. */
export function storageRoutes(app: FastifyInstance, storage: AskStorage): void {
  app.get(
    '/api/v1/storage',
    {
      schema: {
        summary: 'How long room and flash last, what is kept and what holds it back, what was set aside',
        tags: ['storage'],
        response: { 200: { description: 'as it is now', $ref: 'StorageReport#' } },
      },
    },
    (_request, reply) => reply.header('cache-control', 'no-store').send(storage()),
  )
}
