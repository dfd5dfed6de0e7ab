import { z } from 'zod'
import type { OutboxEntry } from './outbox.ts'

/** `aside`: waits for somebody; `wanted`: is to be sent again; the others are ends. */
const STATES = ['aside', 'wanted', 'sent', 'dropped'] as const

/** An inspection that a sink's far end refused for good: `poincon.quarantine/1`. */
export const quarantineRecord = z.strictObject({
  schema: z.literal('poincon.quarantine/1').describe('Name and version of this form.'),
  sink: z.string().min(1).max(64).describe('Which receiver refused it.'),
  epoch: z.string().describe('The log it stands in.'),
  sequence: z.int().min(1).describe('Its place there.'),
  id: z.string().min(1).max(64).describe('Id of the inspection: sending it again does no harm.'),
  reason: z.string().describe('What the receiver said last.'),
  at: z.iso.datetime().describe('When it was set aside.'),
  attempts: z.int().min(1).describe('How often it was refused.'),
  state: z.enum(STATES).describe('What becomes of it.'),
  payload: z
    .string()
    .optional()
    .describe('The message, kept here until the end: retention may take it from the log.'),
  closed_at: z.iso.datetime().optional().describe('When it was sent or dropped.'),
  closed_by: z.string().optional().describe('By whom.'),
})
export type QuarantineRecord = Readonly<z.infer<typeof quarantineRecord>>

/** What is told of one: all but the message itself. */
export type QuarantineSummary = Omit<QuarantineRecord, 'payload'>

/** Where records are kept; the registry's documents of the kind `quarantine`. */
export interface QuarantineShelf {
  /** As it was saved; undefined when there is none. */
  get(key: string): Promise<unknown>
  /** All that are neither sent nor dropped, oldest first. */
  open(): Promise<readonly unknown[]>
  /** Resolves when it is on disk, in place of what had its key. */
  save(key: string, record: QuarantineRecord): Promise<void>
}

/** The key of a record: an inspection may be refused by several receivers. */
export function quarantineKey({ sink, id }: Pick<QuarantineRecord, 'sink' | 'id'>): string {
  return `${sink}/${id}`
}

/** Whether it still waits for something. */
export function isOpen({ state }: Pick<QuarantineRecord, 'state'>): boolean {
  return state === 'aside' || state === 'wanted'
}

/** The entry as it goes to the sink again. @throws Error where its message is not kept any more */
export function entryOf({ epoch, sequence, id, payload }: QuarantineRecord): OutboxEntry {
  if (payload === undefined) throw new Error(`inspection ${sequence}: its message is not kept any more`)
  return { epoch, sequence, id, payload }
}

export function summaryOf({ payload: _, ...summary }: QuarantineRecord): QuarantineSummary {
  return summary
}

/** The same without its message, which nobody will send any more. */
export function closed(
  record: QuarantineRecord,
  state: 'sent' | 'dropped',
  { at, by }: { readonly at: string; readonly by: string },
): QuarantineRecord {
  return { ...summaryOf(record), state, closed_at: at, closed_by: by }
}
