import type { Database } from '../database.ts'

/** A head of the old system, as far as the log knows it. */
export interface LoggedDevice {
  readonly deviceId: string
  /** Of its samples that are still stored. */
  readonly samples: number
  /** RFC 3339: when its newest one came; absent where that does not say. */
  readonly lastAt?: string
}

interface Row {
  readonly device: string
  readonly samples: number
  readonly at: string | null
}

// `origin` is `<device> <sample>`, and no character of a device's name comes before `!`: from one device the index leads
// to the next without a look at the samples between them.
const DEVICES = `
  WITH RECURSIVE devices (device) AS (
    SELECT substr(min(origin), 1, instr(min(origin), ' ') - 1) FROM inspections WHERE origin IS NOT NULL
    UNION ALL
    SELECT (SELECT substr(min(origin), 1, instr(min(origin), ' ') - 1) FROM inspections WHERE origin > device || '!')
    FROM devices WHERE device IS NOT NULL
  )
  SELECT device, (SELECT count(*) FROM inspections WHERE origin > device || ' ' AND origin < device || '!') AS samples,
    (SELECT json_extract(payload, '$.timestamp') FROM inspections WHERE position =
      (SELECT max(position) FROM inspections WHERE origin > device || ' ' AND origin < device || '!')) AS at
  FROM devices WHERE device IS NOT NULL`

/** Every device of which samples are stored, by name. Reads the index of all their samples. @throws StoreError */
export async function loggedDevices(database: Database): Promise<readonly LoggedDevice[]> {
  const rows = await database.all<Row>(DEVICES)
  return rows.map(({ device, samples, at }) => ({
    deviceId: device,
    samples,
    ...(at === null ? {} : { lastAt: at }),
  }))
}
