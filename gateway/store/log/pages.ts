import type { History } from './history.ts'
import type { LogEntry } from './tail.ts'

/** Where the entries come from. */
type Source = Pick<History, 'after'>

/** So many batches are kept at most, less one entry. */
const BATCHES = 3

/**
 * What one sink that lags reads of the log. Entries stay here until its cursor has passed them, and those behind them are
 * read while the far end takes these: a sink that asks again neither waits for the disk nor reads a row twice.
 */
export class Pages {
  readonly #source: Source
  /** Without a gap, up to `#reached`. */
  #kept: readonly LogEntry[] = []
  #reached = 0
  /** The page that is being read; never rejects. */
  #reading: Promise<void> | undefined

  constructor(source: Source) {
    this.#source = source
  }

  /**
   * Up to `limit` entries of one epoch behind `position`, in order, none beyond `end`. One call at a time.
   * @throws StoreError
   */
  async after(position: number, end: number, limit: number): Promise<readonly LogEntry[]> {
    this.#pass(position)
    while (this.#kept.length < limit && this.#reading !== undefined) await this.#reading
    if (this.#kept.length === 0) {
      const page = await this.#source.after(position, end, limit)
      if (!joins(page, position)) return page
      this.#keep(page)
    }
    this.#readOn(end, limit)
    const batch = this.#kept.slice(0, limit)
    const epoch = batch[0]?.epoch
    return batch.at(-1)?.epoch === epoch ? batch : batch.filter((entry) => entry.epoch === epoch)
  }

  /** Lets go of what is kept. */
  clear(): void {
    this.#kept = []
    this.#reading = undefined
  }

  /** Drops what stands at or before `position`; all of it when the cursor was put somewhere else. */
  #pass(position: number): void {
    const rest = this.#reached - position
    if (rest >= 0 && rest <= this.#kept.length) this.#kept = this.#kept.slice(this.#kept.length - rest)
    else this.clear()
    if (this.#kept.length === 0 && this.#reading === undefined) this.#reached = position
  }

  #keep(page: readonly LogEntry[]): void {
    this.#kept = [...this.#kept, ...page]
    this.#reached = page.at(-1)?.position ?? this.#reached
  }

  #readOn(end: number, limit: number): void {
    const from = this.#reached
    if (this.#reading !== undefined || from >= end || this.#kept.length > (BATCHES - 1) * limit) return
    // Whoever needs what cannot be read asks for it again, and is told why.
    const nothing = (): readonly LogEntry[] => []
    const reading = this.#source
      .after(from, end, limit)
      .catch(nothing)
      .then((page) => {
        if (this.#reading !== reading) return
        this.#reading = undefined
        if (!joins(page, from)) return
        this.#keep(page)
        this.#readOn(end, limit)
      })
    this.#reading = reading
  }
}

/** Whether the page holds what comes behind `position`, without a gap. */
function joins(page: readonly LogEntry[], position: number): boolean {
  return page.length > 0 && page.at(-1)?.position === position + page.length
}
