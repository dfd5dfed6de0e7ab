import * as z from 'zod/mini'
import { ACTIONS, GRADES } from '../inspection.ts'
import { cameraBlock } from './wire-camera.ts'

// Zod would try to compile its parsers with `Function`, which the page's policy forbids.
z.config({ jitless: true })

/** What the page reads of `poincon.inspection/1`; it asks for no more than it shows. */
const inspection = z.object({
  epoch: z.string(),
  sequence: z.int(),
  timestamp: z.string(),
  sample_id: z.string(),
  dry_run: z.optional(z.boolean()),
  vl53l8ch: z.optional(
    z.object({
      height_matrix: z.optional(z.array(z.array(z.nullable(z.number())))),
      distance_matrix: z.optional(z.array(z.array(z.number()))),
      volume_mm3: z.optional(z.number()),
    }),
  ),
  as7341: z.optional(
    z.object({
      channels: z.record(z.string(), z.number()),
      saturated: z.array(z.string()),
      integration_time: z.optional(z.number()),
      gain: z.optional(z.number()),
    }),
  ),
  camera: z.optional(cameraBlock),
  verdict: z.object({
    grade: z.optional(z.enum(GRADES)),
    score: z.optional(z.number()),
    action: z.enum(ACTIONS),
    reasons: z.array(z.string()),
    findings: z.optional(z.array(z.object({ code: z.string(), contribution: z.optional(z.number()) }))),
    latency_ms: z.number(),
  }),
})
export type Inspection = z.infer<typeof inspection>
export type RangingBlock = NonNullable<Inspection['vl53l8ch']>
export type SpectralBlock = NonNullable<Inspection['as7341']>

const condition = z.enum(['ok', 'degraded', 'failed'])
export type Condition = z.infer<typeof condition>

const partCounters = z.object({
  triggers: z.number(),
  accepted: z.number(),
  rejected: z.number(),
  held: z.number(),
  in_flight: z.number(),
  late: z.number(),
  busy: z.number(),
  unrecorded: z.number(),
})
export type PartCounters = z.infer<typeof partCounters>

const equipment = z.object({
  name: z.string(),
  state: condition,
  detail: z.optional(z.string()),
  facts: z.optional(z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))),
})
export type Equipment = z.infer<typeof equipment>

const station = z.object({
  site: z.string(),
  line: z.string(),
  station: z.string(),
  version: z.string(),
  clock: z.enum(['synchronised', 'holdover']),
  phase: z.enum(['starting', 'running', 'draining']),
  dry_run: z.boolean(),
  line_stopped: z.boolean(),
  recipe: z.object({ id: z.string(), revision: z.number() }),
  lot: z.object({ id: z.string() }),
  period_ms: z.optional(z.number()),
  heads: z.array(
    z.object({ id: z.string(), kind: z.string(), state: condition, detail: z.optional(z.string()) }),
  ),
  equipment: z.optional(z.array(equipment)),
  sinks: z.array(
    z.object({
      name: z.string(),
      state: condition,
      detail: z.optional(z.string()),
      delivered: z.number(),
      backlog: z.number(),
      quarantined: z.number(),
    }),
  ),
  counters: z.object({ since_start: partCounters, lot: partCounters }),
})
export type Station = z.infer<typeof station>
export type Head = Station['heads'][number]
export type Sink = Station['sinks'][number]

const serverEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('connection_established'), timestamp: z.string(), version: z.string() }),
  z.object({ type: z.literal('latest'), data: z.array(inspection) }),
  z.object({ type: z.literal('inspection'), skipped: z.optional(z.number()), data: inspection }),
  z.object({ type: z.literal('station'), data: station }),
])
export type ServerEvent = z.infer<typeof serverEvent>

/** @returns what the gateway said, undefined when this page does not understand it */
export function parseServerEvent(text: string): ServerEvent | undefined {
  try {
    return serverEvent.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
