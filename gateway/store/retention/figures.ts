import type { Database } from '../database.ts'
import {
  type Endurance,
  endurance,
  type FlashUse,
  flashUse,
  type PartBytes,
  partBytes,
  type Wear,
} from './budget.ts'
import { type Extent, removable } from './plan.ts'
import { type RoomLimits, roomOf, type Space } from './space.ts'

/** How long what is stored will last, and what it costs the flash. */
export interface StoreFigures {
  /** Stored now. */
  readonly inspections: number
  readonly rawRecords: number
  /** When the oldest of them came, RFC 3339; absent where there is none, or it does not say. */
  readonly oldestAt?: string
  readonly oldestRawAt?: string
  /** Inspections that somebody has not got, or not confirmed: they stay, whatever is due. */
  readonly undelivered: number
  /** Pages in use, bytes. */
  readonly usedBytes: number
  /** What can still be stored before the station refuses, bytes. */
  readonly roomBytes: number
  /** What one part takes. */
  readonly part: PartBytes
  readonly partsPerHour: number
  /** With everything away. */
  readonly endurance: Endurance
  readonly flash: FlashUse
}

export interface FigureSources {
  readonly database: Database
  readonly extent: Extent
  readonly space: Space
  readonly limits: RoomLimits
  readonly partsPerHour: number
  readonly wear: Wear
  /** What the flash shall bear in a year. */
  readonly flashBytesPerYear: number
}

const NEWEST = 64

/** @throws StoreError */
export async function measureStore(sources: FigureSources): Promise<StoreFigures> {
  const { database, extent, space, limits, partsPerHour } = sources
  const rows = {
    inspections: Math.max(0, extent.end - extent.oldest + 1),
    raws: Math.max(0, extent.end - extent.oldestRaw + 1),
  }
  const usedBytes = space.fileBytes - space.freeBytes
  const part = partBytes(usedBytes, rows, await meanLengths(database, extent.end))
  const roomBytes = roomOf(space, limits)
  const last = removable(extent)
  const oldestAt = await madeAt(database, extent.oldest)
  const oldestRawAt = await madeAt(database, extent.oldestRaw)
  return {
    inspections: rows.inspections,
    rawRecords: rows.raws,
    ...(oldestAt === undefined ? {} : { oldestAt }),
    ...(oldestRawAt === undefined ? {} : { oldestRawAt }),
    undelivered: Math.max(0, extent.end - extent.delivered),
    usedBytes,
    roomBytes,
    part,
    partsPerHour,
    endurance: endurance({
      roomBytes,
      removable: {
        inspections: Math.max(0, last - extent.oldest + 1),
        raws: Math.max(0, last - extent.oldestRaw + 1),
      },
      part,
      partsPerHour,
    }),
    flash: flashUse(sources.wear, sources.flashBytesPerYear),
  }
}

/** When the inspection at a position was made, by its own word. */
async function madeAt(database: Database, position: number): Promise<string | undefined> {
  const row = await database.get<{ at: string | null }>(
    "SELECT json_extract(payload, '$.timestamp') AS at FROM inspections WHERE position = ?",
    [position],
  )
  return row?.at ?? undefined
}

async function meanLengths(
  database: Database,
  end: number,
): Promise<{ readonly payload: number; readonly raw: number }> {
  const row = await database.get<{ payload: number | null; raw: number | null }>(
    `SELECT avg(length(CAST(payload AS BLOB))) AS payload,
       (SELECT avg(length(record)) FROM raw WHERE position > ?1) AS raw
     FROM inspections WHERE position > ?1`,
    [end - NEWEST],
  )
  return { payload: row?.payload ?? 0, raw: row?.raw ?? 0 }
}

/** The figures as health and the page show them; what is not known yet is left out. */
export function figuresOnWire(figures: StoreFigures): Record<string, number | string> {
  const { part, endurance: left, flash } = figures
  const mb = (bytes: number): number => Math.round(bytes / 1e4) / 100
  return {
    inspections: figures.inspections,
    raw_records: figures.rawRecords,
    ...(figures.oldestAt === undefined ? {} : { oldest_at: figures.oldestAt }),
    ...(figures.oldestRawAt === undefined ? {} : { oldest_raw_at: figures.oldestRawAt }),
    undelivered: figures.undelivered,
    used_mb: mb(figures.usedBytes),
    room_mb: mb(figures.roomBytes),
    part_bytes: Math.round(part.inspection + part.raw),
    parts_per_hour: Math.round(figures.partsPerHour),
    ...(part.inspection > 0 ? { parts_left: left.parts } : {}),
    ...(left.hours === undefined
      ? {}
      : { hours_left: round(left.hours, 10), days_left: round(left.hours / 24, 100) }),
    ...(flash.bytesPerPart === undefined ? {} : { flash_bytes_per_part: Math.round(flash.bytesPerPart) }),
    ...(flash.bytesPerYear === undefined ? {} : { flash_gb_per_year: round(flash.bytesPerYear / 1e9, 100) }),
    ...(flash.share === undefined ? {} : { flash_budget_share: round(flash.share, 1000) }),
  }
}

function round(value: number, to: number): number {
  return Math.round(value * to) / to
}
