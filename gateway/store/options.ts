import { z } from 'zod'

/** The store's part of `poincon.yaml`. */
export const storeOptions = z.strictObject({
  group_commit_ms: z
    .int()
    .min(0)
    .max(1000)
    .default(10)
    .describe('While parts come faster than the disk syncs, commits begin at least this far apart, ms.'),
  cursor_commit_ms: z
    .int()
    .min(0)
    .max(60_000)
    .default(200)
    .describe(
      'A delivery is remembered on disk at the latest after this, ms; a crash repeats what came since.',
    ),
  quota_mb: z
    .int()
    .min(16)
    .optional()
    .describe('Size that the database may reach, MB; at it nothing is stored any more and parts are held.'),
})
