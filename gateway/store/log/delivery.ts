import type { Outbox, OutboxEntry } from '../../outbox.ts'
import type { Database } from '../database.ts'
import { StoreError } from '../error.ts'
import type { History } from './history.ts'
import { Pages } from './pages.ts'
import { type LogEntry, Tail } from './tail.ts'

/** How far one sink got, as it is kept on disk. */
export interface CursorRow {
  readonly sink: string
  /** The log before this position is not the sink's. */
  readonly origin: number
  /** The last position that the far end acknowledged. */
  readonly position: number
}

interface Cursor extends Omit<CursorRow, 'origin'> {
  origin: number
  position: number
  /** As on disk; -1 before the first time, and after it was put back. */
  saved: number
  /** Grows each time it is put back: what was handed out before moves it no more. */
  turn: number
  /** The turn in which the last batch was handed out. */
  handed: number
  /** What was read of the disk, while the memory has not what comes next. */
  readonly pages: Pages
}

/** How the stored inspections divide for one sink: `stored = delivered + backlog + quarantined`. */
export interface SinkCounts {
  readonly name: string
  readonly stored: number
  readonly delivered: number
  readonly backlog: number
  /** Set aside because the far end refuses them: nothing sets any aside yet, a refused entry stops its sink. */
  readonly quarantined: 0
}

export interface DeliveryOptions {
  readonly history: History
  /** Every cursor on disk. */
  readonly known: readonly CursorRow[]
  /** Last position of the log. */
  readonly end: number
  /** Newest entries that are kept in memory. */
  readonly keep: number
  /** Called when a cursor has something to be saved. */
  readonly moved: () => void
  /** Runs work while nothing is removed from the log. */
  readonly exclusively: <Result>(work: () => Promise<Result>) => Promise<Result>
}

const MAX_SINK_NAME = 64

/** One log, many sinks, each with its own cursor: the slowest holds up no other. */
export class Delivery implements Outbox {
  readonly #history: History
  readonly #tail: Tail
  readonly #moved: () => void
  readonly #exclusively: DeliveryOptions['exclusively']
  readonly #known: Map<string, CursorRow>
  readonly #cursors = new Map<string, Cursor>()
  readonly #arrivals = new Set<() => void>()
  #end: number
  #closed = false

  constructor({ history, known, end, keep, moved, exclusively }: DeliveryOptions) {
    this.#history = history
    this.#known = new Map(known.map((row) => [row.sink, row]))
    this.#end = end
    this.#tail = new Tail(keep)
    this.#moved = moved
    this.#exclusively = exclusively
  }

  /** Last position of the log. */
  get end(): number {
    return this.#end
  }

  /** A sink of this run: goes on where its cursor stands; a new one begins with the oldest inspection stored. */
  async registerSink(name: string): Promise<void> {
    if (name === '' || name.length > MAX_SINK_NAME) {
      throw new StoreError('invalid', `a sink's name has 1 to ${MAX_SINK_NAME} characters: '${name}'`)
    }
    if (this.#cursors.has(name)) throw new StoreError('invalid', `the sink ${name} is registered already`)
    const known = this.#known.get(name)
    if (known !== undefined) {
      this.#cursors.set(name, { ...known, saved: known.position, ...this.#begin() })
      return
    }
    // What is the oldest now must not be removed before the cursor stands there.
    await this.#exclusively(async () => {
      const row = await this.#history.database.get<{ oldest: number | null }>(
        'SELECT min(position) AS oldest FROM inspections',
      )
      const origin = row?.oldest == null ? this.#end : row.oldest - 1
      this.#cursors.set(name, { sink: name, origin, position: origin, saved: -1, ...this.#begin() })
    })
    this.#moved()
  }

  /** The smallest position of the cursors that are not on disk yet; undefined where all are. */
  get leastUnsaved(): number | undefined {
    const unsaved = [...this.#cursors.values()].filter(({ saved }) => saved === -1)
    return unsaved.length === 0 ? undefined : Math.min(...unsaved.map(({ position }) => position))
  }

  /** Cursors on disk that no sink of this run has, and how many inspections each holds back. */
  orphans(): readonly { readonly name: string; readonly backlog: number }[] {
    return [...this.#known.values()]
      .filter(({ sink }) => !this.#cursors.has(sink))
      .map(({ sink, position }) => ({ name: sink, backlog: this.#end - position }))
  }

  /** Drops what is remembered of a sink that is not registered; its row is the caller's to remove. @throws StoreError */
  forget(name: string): boolean {
    if (this.#cursors.has(name)) {
      throw new StoreError('invalid', `the sink ${name} is at work: take it out of the configuration first`)
    }
    return this.#known.delete(name)
  }

  async next(sink: string, limit: number, signal: AbortSignal): Promise<readonly OutboxEntry[]> {
    const cursor = this.#cursor(sink)
    if (!(limit >= 1)) throw new StoreError('invalid', `${sink} asks for ${limit} inspections`)
    for (;;) {
      signal.throwIfAborted()
      if (this.#closed) throw new StoreError('closed', 'the store is closed')
      const { position } = cursor
      cursor.handed = cursor.turn
      if (position < this.#end) {
        const recent = this.#tail.after(position, limit)
        if (recent.length > 0) {
          cursor.pages.clear()
          return recent
        }
        const entries = await cursor.pages.after(position, this.#end, limit)
        if (entries[0]?.position === position + 1) return entries
        throw new StoreError('corrupt', `${this.#history.database.file}: row ${position + 1} is missing`)
      }
      await this.#arrival(signal)
    }
  }

  /**
   * Takes effect at once; it is on disk with the next commit. A crash before that delivers again what was
   * acknowledged since: at least once.
   */
  advance(sink: string, sequence: number): Promise<void> {
    return new Promise((resolve) => {
      const cursor = this.#cursor(sink)
      if (cursor.handed === cursor.turn && cursor.position < this.#end) {
        // A batch never spans two epochs, so the sequence belongs to the epoch of the entry that comes next.
        const position = this.#history.epochAt(cursor.position + 1).base + sequence
        if (!Number.isSafeInteger(sequence) || position > this.#end) {
          throw new StoreError('invalid', `${sink} acknowledges sequence ${sequence}, which is not stored`)
        }
        if (position > cursor.position) {
          cursor.position = position
          this.#forgetDelivered()
          this.#moved()
        }
      }
      resolve()
    })
  }

  /**
   * Puts a cursor back, so that what lies behind `position` goes out again; a batch that is under way moves it no more. A
   * cursor that stands there or before stays.
   * @returns where it stands: never before the oldest inspection stored
   */
  rewind(sink: string, position: number): Promise<number> {
    const cursor = this.#cursor(sink)
    if (!Number.isSafeInteger(position) || position < 0)
      throw new StoreError('invalid', `${sink} cannot be put back to position ${position}`)
    // What is the oldest now must not be removed before the cursor stands there.
    return this.#exclusively(async () => {
      const row = await this.#history.database.get<{ oldest: number | null }>(
        'SELECT min(position) AS oldest FROM inspections',
      )
      const floor = row?.oldest == null ? this.#end : row.oldest - 1
      const to = Math.max(position, floor)
      if (to < cursor.position) {
        cursor.position = to
        cursor.origin = Math.min(cursor.origin, to)
        cursor.saved = -1
        cursor.turn += 1
        this.#moved()
        this.#wake()
      }
      return cursor.position
    })
  }

  /** Moves a cursor that nobody reads by forward to a position; never back. */
  advanceTo(sink: string, position: number): void {
    const cursor = this.#cursor(sink)
    if (!Number.isSafeInteger(position) || position > this.#end)
      throw new StoreError('invalid', `${sink} claims position ${position}, which is not stored`)
    if (position <= cursor.position) return
    cursor.position = position
    this.#forgetDelivered()
    this.#moved()
  }

  /** The last position that the sink's far end has. */
  position(sink: string): number {
    return this.#cursor(sink).position
  }

  /** Entries behind the sink's cursor. */
  backlog(sink: string): number {
    return this.#end - this.#cursor(sink).position
  }

  counts(): SinkCounts[] {
    return [...this.#cursors.values()].map(({ sink, origin, position }) => ({
      name: sink,
      stored: this.#end - origin,
      delivered: position - origin,
      backlog: this.#end - position,
      quarantined: 0,
    }))
  }

  /** These entries are on disk, in order, behind all others: whoever waits for them wakes. */
  committed(entries: readonly LogEntry[]): void {
    const last = entries.at(-1)
    if (last === undefined) return
    this.#end = last.position
    if (this.#cursors.size > 0) for (const entry of entries) this.#tail.push(entry)
    this.#wake()
  }

  /** What the next commit has to save. */
  unsaved(): CursorRow[] {
    return [...this.#cursors.values()]
      .filter(({ position, saved }) => position !== saved)
      .map(({ sink, origin, position }) => ({ sink, origin, position }))
  }

  /** These rows are on disk. */
  saved(rows: readonly CursorRow[]): void {
    for (const { sink, position } of rows) {
      const cursor = this.#cursor(sink)
      // Put back while the commit was under way: what is on disk now is ahead of it.
      if (position <= cursor.position) cursor.saved = position
    }
  }

  /** Whoever waits is told that nothing will come. */
  close(): void {
    this.#closed = true
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#arrivals) wake()
  }

  #forgetDelivered(): void {
    let delivered = this.#end
    for (const { position } of this.#cursors.values()) delivered = Math.min(delivered, position)
    this.#tail.forget(delivered)
  }

  /** A cursor that nobody has read by yet. */
  #begin(): Pick<Cursor, 'turn' | 'handed' | 'pages'> {
    return { turn: 0, handed: 0, pages: new Pages(this.#history) }
  }

  #arrival(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.#arrivals.delete(done)
        signal.removeEventListener('abort', abort)
        resolve()
      }
      const abort = (): void => {
        this.#arrivals.delete(done)
        reject(signal.reason)
      }
      this.#arrivals.add(done)
      signal.addEventListener('abort', abort, { once: true })
    })
  }

  #cursor(sink: string): Cursor {
    const cursor = this.#cursors.get(sink)
    if (cursor === undefined) throw new StoreError('invalid', `no sink is registered as ${sink}`)
    return cursor
  }
}

/** Every cursor on disk. @throws StoreError */
export function readCursors(database: Database): Promise<CursorRow[]> {
  return database.all<CursorRow>('SELECT sink, origin, position FROM cursors')
}
