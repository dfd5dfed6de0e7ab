import { z } from 'zod'

const parts = z.int().min(0)
const name = z.string().max(128)
const facts = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
const state = z.enum(['ok', 'degraded', 'failed'])

/** How the parts divide; `triggers = accepted + rejected + held + in_flight`, `decided = stored + appending`. */
export const partCounters = z.object({
  triggers: parts,
  accepted: parts,
  rejected: parts,
  held: parts,
  in_flight: parts,
  decided: parts,
  stored: parts,
  appending: parts,
  late: parts,
  busy: parts,
  unrecorded: parts,
})

const equipment = z.object({
  name: name.describe(
    '`gate`, `trigger`, `encoder`, `environment`, `panel`, `camera`, `calibration`, `retention` (the store) or `esp32` (old heads)',
  ),
  state: state.describe('`ok`; `degraded`: works with something missing; `failed`: does not do its work'),
  detail: z.string().optional().describe('What is wrong, for a person; where the state is not `ok`'),
  facts: facts.optional().describe('What it counts and measures, by name; a unit of measure ends the name'),
})

/** The station for a person or a program that looks at it: `GET /api/v1/station` and the event `station`. */
export const stationState = z.object({
  device_id: name,
  site: name,
  line: name,
  station: name,
  version: name,
  timestamp: z.iso.datetime({ precision: 3 }),
  clock: z.enum(['synchronised', 'holdover']),
  phase: z.enum(['starting', 'running', 'draining']),
  dry_run: z.boolean(),
  /** A held part, a fault of the gate or a person stopped the line; it stands until a person resumes it. */
  line_stopped: z.boolean(),
  recipe: z.object({ id: name, revision: z.int().min(1) }),
  lot: z.object({ id: name, started_at: z.iso.datetime().optional() }),
  /** Time between two parts, ms, where the line has a fixed one. */
  period_ms: z.number().positive().optional(),
  heads: z.array(
    z.object({ id: name, kind: name, state, detail: z.string().optional(), facts: facts.optional() }),
  ),
  equipment: z
    .array(equipment)
    .optional()
    .describe('What works beside the heads, as far as the station has it; absent: an older gateway'),
  /** `stored = delivered + backlog + quarantined`, in log entries of the present epoch. */
  sinks: z.array(
    z.object({
      name,
      state,
      detail: z.string().optional(),
      stored: parts,
      delivered: parts,
      backlog: parts,
      quarantined: parts,
    }),
  ),
  counters: z.object({ since_start: partCounters, lot: partCounters }),
})
export type StationState = z.infer<typeof stationState>
