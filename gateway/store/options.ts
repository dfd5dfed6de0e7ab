import { z } from 'zod'
import { evidenceOptions } from './evidence.ts'

const days = z.int().min(1).max(36_500)
const parts = z.int().min(1000).max(1_000_000_000)

const retentionOptions = z.strictObject({
  raw_days: days.optional().describe('Raw data older than this go, days; absent: whatever their age.'),
  inspection_days: days
    .optional()
    .describe('Inspections older than this go, days, and their raw data before them.'),
  raw_parts: parts.optional().describe('Raw data of so many of the newest parts stay.'),
  inspection_parts: parts.optional().describe('So many of the newest inspections stay.'),
  begin_percent: z
    .int()
    .min(10)
    .max(95)
    .default(80)
    .describe(
      'Share of `quota_mb` in use from which on what is delivered goes: raw data first, then inspections, oldest first, %.',
    ),
  keep_free_mb: z
    .int()
    .min(0)
    .default(512)
    .describe('What is delivered goes too when the disk has less left than this, MB; 0: never for the disk.'),
  hourly_days: days.default(730).describe('Sums by hour older than this go, days; those by day stay.'),
  alert_hours: z
    .number()
    .min(0)
    .default(72)
    .describe('Told when there is room for less than this with everything away, h.'),
  forget_sinks: z
    .array(z.string().min(1).max(64))
    .default([])
    .describe(
      'Sinks that are not configured any more: what they have not got holds nothing back, and is not kept for them.',
    ),
})

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
    .default(5000)
    .describe(
      'A delivery is remembered on disk at the latest after this, ms; a crash repeats what came since.',
    ),
  quota_mb: z
    .int()
    .min(16)
    .optional()
    .describe('Size that the database may reach, MB; at it nothing is stored any more and parts are held.'),
  retention: retentionOptions
    .prefault({})
    .describe('What goes when; never what a reader or a sink has not got, nor the newest 64 parts.'),
  evidence: evidenceOptions.prefault({}).describe('Pictures that verdicts were given by.'),
  flash_gb_per_year: z
    .number()
    .positive()
    .default(2000)
    .describe(
      'What may be written to the disk in a year, GB: health and doctor hold it against what is written. Default: a card of 32 GB and 1000 erase cycles, five years, three times amplified.',
    ),
  migration_backup: z
    .boolean()
    .default(true)
    .describe('A new release copies the database beside itself before it changes the schema.'),
  migration_backup_hours: z
    .number()
    .min(1)
    .default(72)
    .describe('How long the new release has to have run before that copy goes, h.'),
})
