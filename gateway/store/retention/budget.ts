/** What one part takes in the database, bytes, pages and indexes included. */
export interface PartBytes {
  readonly inspection: number
  readonly raw: number
}

// Of few rows the empty tables weigh more than what stands in them: this is what is measured of many.
const OVERHEAD = 1.15
const ENOUGH_ROWS = 256

/**
 * Divides the room that is used between the two kinds of rows, by their lengths.
 * @param usedBytes pages in use
 * @param mean bytes of a payload and of a raw record, of the newest rows
 */
export function partBytes(
  usedBytes: number,
  rows: { readonly inspections: number; readonly raws: number },
  mean: { readonly payload: number; readonly raw: number },
): PartBytes {
  const content = rows.inspections * mean.payload + rows.raws * mean.raw
  const measured = content > 0 && rows.inspections >= ENOUGH_ROWS ? usedBytes / content : OVERHEAD
  // Less than the bytes themselves, or three times as much, says that the newest rows are unlike the others.
  const factor = Math.min(3, Math.max(1, measured))
  return { inspection: mean.payload * factor, raw: mean.raw * factor }
}

/** How long a station can go on. */
export interface Endurance {
  /** Parts that can still be stored when nothing is delivered any more. */
  readonly parts: number
  /** The same in hours of the present rate; absent while no parts come. */
  readonly hours?: number
}

/**
 * How long parts can be stored with everything away: into the room that is left, and into what may be removed because
 * everybody has got it.
 */
export function endurance(options: {
  readonly roomBytes: number
  /** Delivered rows that may go. */
  readonly removable: { readonly inspections: number; readonly raws: number }
  readonly part: PartBytes
  readonly partsPerHour: number
}): Endurance {
  const { roomBytes, removable, part, partsPerHour } = options
  const size = part.inspection + part.raw
  const bytes = Math.max(0, roomBytes) + removable.inspections * part.inspection + removable.raws * part.raw
  const parts = size > 0 ? Math.floor(bytes / size) : 0
  return partsPerHour > 0 ? { parts, hours: parts / partsPerHour } : { parts }
}

/** What was written to the flash, and over how many parts and how long. */
export interface Wear {
  readonly writtenBytes: number
  readonly parts: number
  /** Time that the process ran, ms. */
  readonly runMs: number
}

export interface FlashUse {
  /** Absent before the first part. */
  readonly bytesPerPart?: number
  /** At this rate, were the station to run all year. Absent for less than an hour. */
  readonly bytesPerYear?: number
  /** Of the yearly budget, 1 is all of it. */
  readonly share?: number
}

const YEAR_MS = 365.25 * 24 * 3_600_000
const LEAST_MS = 3_600_000

/** @param yearlyBytes what the flash shall bear in a year, at least 1 */
export function flashUse({ writtenBytes, parts, runMs }: Wear, yearlyBytes: number): FlashUse {
  const bytesPerYear = runMs >= LEAST_MS ? (writtenBytes / runMs) * YEAR_MS : undefined
  return {
    ...(parts > 0 ? { bytesPerPart: writtenBytes / parts } : {}),
    ...(bytesPerYear === undefined ? {} : { bytesPerYear, share: bytesPerYear / yearlyBytes }),
  }
}

interface Sample {
  readonly atMs: number
  readonly end: number
}

/** Parts an hour over the last hour, from the position of the newest part now and then. */
export class PartRate {
  #samples: Sample[] = []

  /** @param atMs monotonic */
  add(atMs: number, end: number): void {
    this.#samples.push({ atMs, end })
    // One from before the hour stays, so that the whole hour is covered.
    const from = this.#samples.findLastIndex((sample) => atMs - sample.atMs >= LEAST_MS)
    if (from > 0) this.#samples = this.#samples.slice(from)
  }

  /** 0 with fewer than two samples. */
  get perHour(): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)]
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0
    return ((last.end - first.end) * LEAST_MS) / (last.atMs - first.atMs)
  }
}
