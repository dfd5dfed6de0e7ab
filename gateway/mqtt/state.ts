import { z } from 'zod'

const name = z.string().regex(/^[a-z0-9-]{1,64}$/)

/** The retained `state` of a station: `poincon.state/1` (CONTRACTS). */
export const stateMessage = z.object({
  schema: z.literal('poincon.state/1'),
  device_id: name,
  site: name,
  line: name,
  station: name,
  state: z.enum(['online', 'draining', 'offline']),
  /** Why it is offline: it said so itself, or its connection broke (last will). */
  reason: z.enum(['stopped', 'connection-lost']).optional(),
  /** When this was written, UTC; a last will is written when its connection begins. */
  timestamp: z.iso.datetime({ precision: 3 }),
  software: z.string(),
  recipe: z.object({ id: z.string(), revision: z.int().min(1) }).optional(),
  lot_id: z.string().optional(),
  /** The stretch of the log that is written: two stations of one name have two of them. */
  epoch: z.uuid().optional(),
})
export type StateMessage = z.infer<typeof stateMessage>

/** What a station says about itself besides `state`, at the moment of asking. */
export type StationFacts = Pick<
  StateMessage,
  'device_id' | 'site' | 'line' | 'station' | 'software' | 'recipe' | 'lot_id' | 'epoch'
>

/** @param wallMs ms since 1970 */
export function describeState(
  facts: StationFacts,
  state: StateMessage['state'],
  wallMs: number,
  reason?: StateMessage['reason'],
): string {
  const message: StateMessage = {
    schema: 'poincon.state/1',
    ...facts,
    state,
    ...(reason === undefined ? {} : { reason }),
    timestamp: new Date(wallMs).toISOString(),
  }
  return JSON.stringify(message)
}
