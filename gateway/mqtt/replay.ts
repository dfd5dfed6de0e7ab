import { z } from 'zod'
import type { Log } from '../log.ts'
import type { OutboxEntry } from '../outbox.ts'
import { CommandError, type Requester, type StreamingCommand } from './commands.ts'
import { leanInspection } from './lean.ts'

/** What `cmd/replay` takes. */
export const replayPayload = z.strictObject({
  from_sequence: z.int().min(1).describe('The first inspection wanted.'),
  to_sequence: z
    .int()
    .min(1)
    .optional()
    .describe('The last one; default: the newest that is stored when the command comes.'),
  epoch: z.uuid().optional().describe('Of which log; default: the one that is written now.'),
})

/** The log, as far as a replay reads it. */
export interface StoredInspections {
  /** The epoch that is written now. */
  readonly epoch: string
  /** The newest sequence of an epoch, 0 for an empty one; undefined: there is no such epoch. */
  last(epoch: string): Promise<number | undefined>
  /** Up to `limit` inspections from `sequence` on, in order; what is not kept any more is left out. */
  from(epoch: string, sequence: number, limit: number): Promise<readonly OutboxEntry[]>
}

export interface ReplayOptions {
  readonly stored: StoredInspections
  readonly log: Log
  /** As the station publishes them. Default `full`. */
  readonly inspection?: 'full' | 'lean'
  /** Messages that may wait to be taken, for each replay. Default 8: live ones then wait for no more. */
  readonly inFlight?: number
  /** Replays at once. Default 4. */
  readonly atOnce?: number
}

/** What a replay answers when it is done. */
export interface ReplaySummary {
  readonly epoch: string
  readonly from_sequence: number
  readonly to_sequence: number
  /** Inspections sent. */
  readonly count: number
  /** Of that range, how many the log does not keep any more. */
  readonly missing: number
}

/** Rows read at once: a page is a few hundred kilobytes. */
const PAGE = 64

type Range = Omit<ReplaySummary, 'count' | 'missing'>

/**
 * `cmd/replay`: stored inspections again, in order, on the requester's reply topic, then a summary as the reply. What is
 * sent waits for what was taken, so that a slow reader slows nobody but itself. One at a time for each client.
 */
export function replayCommand(options: ReplayOptions): StreamingCommand {
  const { stored, log, atOnce = 4 } = options
  const running = new Set<string>()
  return {
    stream: async (payload, requester) => {
      const asked = replayPayload.parse(payload)
      const { key, who } = requester
      if (running.has(key))
        throw new CommandError('a replay for this client is under way: wait for its summary')
      if (running.size >= atOnce) throw new CommandError(`${running.size} replays are under way: try again`)
      running.add(key)
      try {
        const range = await rangeOf(asked, stored)
        log.info({ ...who, ...range }, 'replay begins')
        const count = await send(range, requester, options)
        const missing = Math.max(0, range.to_sequence - range.from_sequence + 1) - count
        log.info({ ...who, ...range, count, missing }, 'replay ends')
        return { ...range, count, missing } satisfies ReplaySummary
      } finally {
        running.delete(key)
      }
    },
  }
}

/** @throws CommandError for a range that cannot be */
async function rangeOf(asked: z.infer<typeof replayPayload>, stored: StoredInspections): Promise<Range> {
  const { from_sequence, to_sequence, epoch = stored.epoch } = asked
  const last = await stored.last(epoch)
  if (last === undefined) throw new CommandError(`epoch: ${epoch}: there is none of that name in the log`)
  if (to_sequence !== undefined && to_sequence < from_sequence) {
    throw new CommandError(`to_sequence: ${to_sequence}: expected at least from_sequence, ${from_sequence}`)
  }
  return { epoch, from_sequence, to_sequence: Math.min(to_sequence ?? last, last) }
}

/** @returns how many were sent @throws what `tell` throws, when the reader is gone */
async function send(range: Range, requester: Requester, options: ReplayOptions): Promise<number> {
  const { stored, inspection, inFlight = 8 } = options
  const { epoch, to_sequence: last } = range
  const waiting: Promise<void>[] = []
  let count = 0
  for (let next = range.from_sequence; next <= last; ) {
    requester.signal.throwIfAborted()
    const page = await stored.from(epoch, next, Math.min(PAGE, last - next + 1))
    for (const entry of page) {
      if (entry.sequence > last) break
      requester.signal.throwIfAborted()
      const { id, sequence } = entry
      const payload = inspection === 'lean' ? leanInspection(entry.payload) : entry.payload
      const told = requester.tell(payload, { id, sequence: String(sequence), epoch })
      // Each is awaited below; an earlier one may fail first.
      told.catch(() => {})
      waiting.push(told)
      if (waiting.length >= inFlight) await waiting.shift()
      count += 1
    }
    const end = page.at(-1)
    if (end === undefined) break
    next = end.sequence + 1
  }
  await Promise.all(waiting)
  return count
}
