import * as z from 'zod/mini'

const kept = z.object({
  stored: z.optional(z.number()),
  oldest_at: z.optional(z.string()),
  keep_days: z.optional(z.number()),
  keep_parts: z.optional(z.number()),
  due_at: z.optional(z.string()),
})
export type Kept = z.infer<typeof kept>

const storage = z.object({
  state: z.enum(['ok', 'degraded', 'failed']),
  detail: z.optional(z.string()),
  room: z.object({
    hours_left: z.optional(z.number()),
    parts_left: z.optional(z.number()),
    alert_hours: z.number(),
    parts_per_hour: z.optional(z.number()),
    used_mb: z.optional(z.number()),
    room_mb: z.optional(z.number()),
  }),
  flash: z.object({
    bytes_per_part: z.optional(z.number()),
    gb_per_year: z.optional(z.number()),
    budget_gb_per_year: z.number(),
    share: z.optional(z.number()),
  }),
  inspections: kept,
  raw: kept,
  sums: z.object({ hourly_days: z.number() }),
  cursors: z.array(
    z.object({
      name: z.string(),
      role: z.enum(['sink', 'station', 'confirmation', 'gone']),
      backlog: z.number(),
      holds: z.boolean(),
    }),
  ),
  quarantine: z.array(z.object({ sink: z.string(), count: z.number(), wanted: z.number() })),
  set_aside: z.array(
    z.object({
      sink: z.string(),
      id: z.string(),
      sequence: z.number(),
      at: z.string(),
      attempts: z.number(),
      reason: z.string(),
      state: z.string(),
    }),
  ),
  checkpoint: z.optional(z.object({ number: z.number(), sequence: z.number(), at: z.string() })),
})
/** What the page reads of `/api/v1/storage`. */
export type Storage = z.infer<typeof storage>
export type Cursor = Storage['cursors'][number]

const oldHeads = z.object({
  listening: z.boolean(),
  turned_away: z.number(),
  devices: z.array(
    z.object({
      device_id: z.string(),
      connected: z.boolean(),
      address: z.optional(z.string()),
      last_sample_at: z.optional(z.string()),
      stored: z.number(),
      repeated: z.number(),
      refused: z.number(),
      last_refusal: z.optional(z.object({ at: z.string(), code: z.string(), error: z.string() })),
    }),
  ),
})
/** What the page reads of `/api/v1/old-heads`. */
export type OldHeads = z.infer<typeof oldHeads>
export type OldHead = OldHeads['devices'][number]

/** @throws ZodError naming what the page does not understand */
export function parseStorage(body: unknown): Storage {
  return storage.parse(body)
}

/** @throws ZodError naming what the page does not understand */
export function parseOldHeads(body: unknown): OldHeads {
  return oldHeads.parse(body)
}
