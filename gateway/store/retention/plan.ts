/** What of the log is there, in positions. Both tables are gap-free from their oldest row to `end`. */
export interface Extent {
  /** Of the oldest inspection; `end` + 1 where there is none. */
  readonly oldest: number
  /** Of the oldest raw record; `end` + 1 where there is none. */
  readonly oldestRaw: number
  /** Of the newest inspection. */
  readonly end: number
  /** Every reader and every sink has got what stands up to here. */
  readonly delivered: number
}

/** Up to which positions something is due to go, 0 for nothing. */
export interface Due {
  readonly raw: number
  readonly inspections: number
}

/** Rows that go in one transaction. */
export interface Step {
  readonly from: 'raw' | 'inspections'
  readonly first: number
  readonly last: number
}

/**
 * Newest inspections that always stay, with their raw records: a start verifies their chain, and the newest row says
 * where the log goes on.
 */
export const NEWEST_KEPT = 64

/** The last position that may go, whatever is due. */
export function removable({ end, delivered }: Extent): number {
  return Math.max(0, Math.min(delivered, end - NEWEST_KEPT))
}

/** Who holds back the most: the cursor that is farthest behind. Undefined where it is only what stays anyway. */
export function holderOf<C extends { readonly backlog: number }>(cursors: readonly C[]): C | undefined {
  const [farthest] = [...cursors].sort((a, b) => b.backlog - a.backlog)
  return farthest !== undefined && farthest.backlog > NEWEST_KEPT ? farthest : undefined
}

/** Up to which positions more are stored than were allowed. */
export function dueByCount(
  { end }: Extent,
  most: { readonly raw?: number | undefined; readonly inspections?: number | undefined },
): Due {
  return {
    raw: most.raw === undefined ? 0 : Math.max(0, end - most.raw),
    inspections: most.inspections === undefined ? 0 : Math.max(0, end - most.inspections),
  }
}

/**
 * What goes next: raw records before inspections, the oldest first, nothing that somebody has not got, and an inspection
 * only when its raw record is gone.
 * @param room asked for: everything that may go is due, raw records first
 * @param rows that a step takes at most; fewer are not worth a sync of the disk, and wait
 */
export function nextStep(
  extent: Extent,
  due: Due,
  { room, rows }: { readonly room: boolean; readonly rows: number },
): Step | undefined {
  const limit = removable(extent)
  const inspections = Math.min(due.inspections, limit)
  const raw = room ? limit : Math.min(Math.max(due.raw, inspections), limit)
  const least = room ? 1 : rows
  if (raw - extent.oldestRaw + 1 >= least) return step('raw', extent.oldestRaw, raw, rows)
  const last = Math.min(room ? limit : inspections, extent.oldestRaw - 1)
  if (last - extent.oldest + 1 >= least) return step('inspections', extent.oldest, last, rows)
  return undefined
}

function step(from: Step['from'], first: number, last: number, rows: number): Step {
  return { from, first, last: Math.min(last, first + rows - 1) }
}
