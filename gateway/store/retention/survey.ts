import { openReader } from '../connections.ts'
import type { Database } from '../database.ts'
import { StoreError } from '../error.ts'
import { readCursors } from '../log/delivery.ts'
import { type LoggedDevice, loggedDevices } from '../log/old-devices.ts'
import { MIGRATIONS, schemaOf } from '../migrations/migrate.ts'
import { type Anchor, readAnchors } from './anchors.ts'
import type { Wear } from './budget.ts'
import { measureStore, type StoreFigures } from './figures.ts'
import type { RetentionLimits } from './limits.ts'
import { readSpace } from './space.ts'
import { readWear } from './wear.ts'

/** A store, looked at from beside it. */
export interface StoreSurvey {
  readonly figures: StoreFigures
  /** Every cursor on disk, and how many inspections it has not got. */
  readonly sinks: readonly { readonly name: string; readonly backlog: number }[]
  readonly anchors: readonly Anchor[]
  /** Heads of the old system of which samples are stored. */
  readonly oldDevices: readonly LoggedDevice[]
}

/** How many of the newest parts the present rate is taken from. */
const RATE_PARTS = 256

/**
 * Looks at a store beside the station that writes it, or while none runs. Reads only.
 * @param file the database @throws StoreError, `newer` or `failed` for a schema of another release
 */
export async function surveyStore(file: string, limits: RetentionLimits): Promise<StoreSurvey> {
  const database = await openReader(file)
  try {
    const schema = await schemaOf(database)
    if (schema !== MIGRATIONS.length) {
      const fault = schema > MIGRATIONS.length ? 'newer' : 'failed'
      throw new StoreError(fault, `${file} has schema ${schema}, this release has ${MIGRATIONS.length}`)
    }
    const row = await database.get<{ oldest: number | null; raw: number | null; end: number | null }>(
      `SELECT (SELECT min(position) FROM inspections) AS oldest, (SELECT min(position) FROM raw) AS raw,
         (SELECT max(position) FROM inspections) AS end`,
    )
    const end = row?.end ?? 0
    const cursors = await readCursors(database)
    const extent = {
      oldest: row?.oldest ?? end + 1,
      oldestRaw: row?.raw ?? end + 1,
      end,
      delivered: Math.min(end, ...cursors.map(({ position }) => position)),
    }
    const figures = await measureStore({
      ...{ database, extent, limits },
      space: await readSpace(database),
      partsPerHour: await rateOf(database, end),
      wear: await wearOf(database),
      flashBytesPerYear: limits.flashBytesPerYear,
    })
    const sinks = cursors.map(({ sink, position }) => ({ name: sink, backlog: end - position }))
    const anchors = (await readAnchors(database)) ?? []
    return { figures, sinks, anchors, oldDevices: await loggedDevices(database) }
  } finally {
    await database.close()
  }
}

/** Parts an hour while the newest came, by their own time stamps. */
async function rateOf(database: Database, end: number): Promise<number> {
  const row = await database.get<{ first: string | null; last: string | null; parts: number }>(
    `SELECT min(at) AS first, max(at) AS last, count(*) AS parts FROM
       (SELECT json_extract(payload, '$.timestamp') AS at FROM inspections WHERE position > ?)`,
    [end - RATE_PARTS],
  )
  const spanMs = Date.parse(row?.last ?? '') - Date.parse(row?.first ?? '')
  return row !== undefined && spanMs > 0 ? ((row.parts - 1) * 3_600_000) / spanMs : 0
}

function wearOf(database: Database): Promise<Wear> {
  return readWear({
    get: async (key) => {
      const row = await database.get<{ value: string }>('SELECT value FROM state WHERE key = ?', [key])
      return row === undefined ? undefined : JSON.parse(row.value)
    },
  })
}
