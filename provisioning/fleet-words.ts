import { createHash } from 'node:crypto'
import { z } from 'zod'

/*
 * What a device and the plant's fleet say to each other besides certificates: JSON over the same server and the same
 * mutual TLS as enrolment, under `/fleet/v1/`.
 */

/** Recipes and calibrations of a whole station come to a tenth of it. */
export const MOST_DEPOSIT_BYTES = 4 * 1024 * 1024

export const deviceId = z.string().regex(/^[a-z0-9-]{1,64}$/, 'expected up to 64 of a-z, 0-9 and -')
const time = z.iso.datetime()
const name = z.string().min(1).max(128)

/** What a device leaves with its fleet, for the one that follows it at the station. */
export const deposit = z.object({
  schema: z.literal('poincon.deposit/1'),
  device_id: deviceId,
  /** `site/line/station`, as it is configured. */
  station: z.string().min(1).max(400),
  version: z.string().min(1).max(128),
  /** The recipe that was selected. */
  selected: name.optional(),
  /** The newest revision of each that a person saved. */
  recipes: z
    .array(
      z.object({ id: name, revision: z.int().min(1), saved_at: time, saved_by: name, recipe: z.unknown() }),
    )
    .max(1000),
  /** The newest of each kind and subject. */
  calibrations: z
    .array(
      z.object({
        id: z.uuid(),
        kind: name,
        subject: z.string().max(1000),
        taken_at: time,
        taken_by: z.string().max(128),
        calibration: z.unknown(),
      }),
    )
    .max(1000),
})

/** What somebody else wrote, for a terminal: control characters would steer it. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ')
}

/** SHA-256 of a deposit's text, hexadecimal. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Where the fleet says that a device belongs, and what its predecessor left. */
export const place = z.object({
  schema: z.literal('poincon.place/1'),
  device_id: deviceId,
  station: z.string().nullable(),
  /** The device whose place it takes. */
  follows: deviceId.nullable(),
  offer: z.object({ made_at: time, digest: z.string(), deposit }).nullable(),
})
export type Place = Readonly<z.infer<typeof place>>

/** What a device is told to do with itself. */
export const orders = z.object({
  schema: z.literal('poincon.orders/1'),
  device_id: deviceId,
  /** Serial of the certificate that asked: of another one they say nothing. */
  certificate: z.string(),
  wipe: z
    .object({ id: z.uuid(), data: z.boolean().describe('Also what the station stored.'), ordered_at: time })
    .nullable(),
})
export type Orders = Readonly<z.infer<typeof orders>>
export type WipeOrder = NonNullable<Orders['wipe']>

/** What became of an order. */
export const outcome = z.strictObject({
  state: z.enum(['waits', 'done', 'failed']),
  detail: z.string().max(2000),
})
export type Outcome = Readonly<z.infer<typeof outcome>>
