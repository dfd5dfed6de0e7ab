import { z } from 'zod'

/** When rejects stop the line. */
export const rejectWatchOptions = z
  .strictObject({
    in_a_row: z
      .int()
      .min(1)
      .max(10_000)
      .optional()
      .describe('Stops after this many rejected parts in a row; absent: never for that.'),
    share: z
      .strictObject({
        percent: z.number().positive().max(100).describe('Stops when this many per cent were rejected …'),
        window: z.int().min(2).max(10_000).describe('… of this many last parts.'),
      })
      .optional()
      .describe('Absent: never for a share.'),
    count_held: z.boolean().default(false).describe('A held part counts as a rejected one.'),
  })
  .describe('Stops the line when too many parts are rejected.')
export type RejectWatchOptions = Readonly<z.infer<typeof rejectWatchOptions>>
