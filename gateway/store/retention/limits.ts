import type { z } from 'zod'
import type { storeOptions } from '../options.ts'
import type { RoomLimits } from './space.ts'

/** What may stay, and when somebody is told. */
export interface RetentionLimits extends RoomLimits {
  readonly age: { readonly rawMs?: number; readonly inspectionMs?: number; readonly hourlyMs?: number }
  readonly most: { readonly raw?: number; readonly inspections?: number }
  /** Rows that go in one transaction. */
  readonly rowsAtOnce: number
  /** Room for less than this with everything away is told. */
  readonly alertHours: number
  readonly flashBytesPerYear: number
}

// 32 rows are some 260 kB: milliseconds of work, one sync.
const ROWS_AT_ONCE = 32
const DAY_MS = 24 * 3_600_000

/** The limits that the configuration sets. */
export function retentionLimits(options: z.output<typeof storeOptions>): RetentionLimits {
  const { retention, quota_mb: quotaMb } = options
  const { raw_days, inspection_days, raw_parts, inspection_parts } = retention
  return {
    age: {
      hourlyMs: retention.hourly_days * DAY_MS,
      ...(raw_days === undefined ? {} : { rawMs: raw_days * DAY_MS }),
      ...(inspection_days === undefined ? {} : { inspectionMs: inspection_days * DAY_MS }),
    },
    most: {
      ...(raw_parts === undefined ? {} : { raw: raw_parts }),
      ...(inspection_parts === undefined ? {} : { inspections: inspection_parts }),
    },
    ...(quotaMb === undefined ? {} : { maxBytes: quotaMb * 1_000_000 }),
    beginShare: retention.begin_percent / 100,
    leastFreeBytes: retention.keep_free_mb * 1_000_000,
    alertHours: retention.alert_hours,
    rowsAtOnce: ROWS_AT_ONCE,
    flashBytesPerYear: options.flash_gb_per_year * 1e9,
  }
}
