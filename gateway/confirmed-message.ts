import { z } from 'zod'

const name = z.string().regex(/^[a-z0-9-]{1,64}$/)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

/** Earlier epochs, and other devices of the same station, that one message may name. */
export const MAX_OTHERS = 16

const place = z.object({
  device_id: name.describe('Whose inspections.'),
  epoch: z.uuid().describe('Which log of that device.'),
  from: z
    .int()
    .min(1)
    .describe('The first sequence that the store has to have: 1, unless a person said otherwise.'),
  up_to: z.int().min(0).describe('It has every sequence from `from` up to this one; `from - 1` for none.'),
  count: z
    .int()
    .min(0)
    .describe('Inspections it has up to there, counted: another number than `up_to - from + 1` is a hole.'),
  beyond: z.int().min(0).describe('Inspections it has behind the first one that it misses.'),
  hash: sha256.describe(
    'Chain `hash` of the inspection `up_to`; for none, what the first one must go on from.',
  ),
  conflict: z
    .object({
      sequence: z.int().min(1).describe('Where two histories part.'),
      held: sha256.describe('The hash that the store goes by.'),
      came: sha256.describe('The other one, which it did not take.'),
      at: z.iso.datetime({ offset: true }).describe('When it came last.'),
    })
    .optional()
    .describe('Somebody else says to be this device, or its log was put back: never mixed, always said.'),
})
/** How far the store has one log of one device. */
export type ConfirmedPlace = z.infer<typeof place>

/** The retained `…/confirmed` of a station: what the final store has, as its own database says. */
export const confirmedMessage = place.extend({
  schema: z.literal('poincon.confirmed/1'),
  at: z.iso.datetime({ offset: true }).describe('When the database was asked.'),
  others: z
    .array(place)
    .max(MAX_OTHERS)
    .describe('Earlier epochs, and other devices that spoke for this station; heard last, first.'),
})
export type ConfirmedMessage = z.infer<typeof confirmedMessage>

/** Its topic, beside the station's others. */
export function confirmedTopic(station: {
  readonly site: string
  readonly line: string
  readonly station: string
}): string {
  return `poincon/${station.site}/${station.line}/${station.station}/confirmed`
}
