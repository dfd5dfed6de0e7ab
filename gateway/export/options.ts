import { z } from 'zod'

/** `files` of `poincon.yaml`: inspections as files, one a day. */
export const filesOptions = z.strictObject({
  dir: z
    .string()
    .min(1)
    .optional()
    .describe('Where files go, best on another disk; default: `<data_dir>/export`.'),
  formats: z
    .array(z.enum(['ndjson', 'csv', 'parquet']))
    .min(1)
    .max(3)
    .refine((formats) => new Set(formats).size === formats.length, 'expected different formats')
    .default(['ndjson'])
    .describe(
      '`ndjson`: the whole message, one a line; `csv`: its scalars (RFC 4180); `parquet`: the same, with types, made when a file is closed.',
    ),
  gzip: z.boolean().default(false).describe('Whether closed files are compressed; Parquet always is.'),
  keep_days: z
    .int()
    .min(1)
    .max(36_500)
    .default(90)
    .describe('Days that have files, the newest of which keep them; those of older days are deleted.'),
  max_mb: z
    .number()
    .positive()
    .max(100_000)
    .default(256)
    .describe('A file that reaches this is closed, MB (before compression); the day goes on in another.'),
  flush_ms: z
    .int()
    .min(0)
    .max(60_000)
    .default(1000)
    .describe('While few parts come, the disk is synced at most this often, ms.'),
})
export type FilesOptions = Readonly<z.infer<typeof filesOptions>>
