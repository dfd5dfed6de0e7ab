import type { Clock } from '../../../drivers/clock.ts'
import type { InspectionDraft } from '../../message.ts'
import type { OutboxEntry } from '../../outbox.ts'
import type { Ballast } from '../ballast.ts'
import { StoreError, storeError } from '../error.ts'
import type { Writer } from '../writer.ts'
import { CanonicalWriter } from './canonical.ts'
import { prepare, sha256 } from './chain.ts'
import type { CursorRow } from './delivery.ts'
import type { TriggerJournal } from './journal.ts'
import type { LogEnd, LogRows, Stretch, Unstored } from './rows.ts'
import type { LogEntry } from './tail.ts'

/** One append that waits for the disk. */
interface Waiting extends Unstored {
  readonly resolve: (entry: OutboxEntry) => void
  readonly reject: (error: StoreError) => void
}

export interface AppenderLimits {
  /** While appends come faster than one a commit, commits begin at least this far apart, ms. */
  readonly groupCommitMs: number
  /** A cursor that moved is on disk at the latest after this, ms. */
  readonly cursorCommitMs: number
  /** Inspections in one commit. */
  readonly maxBatch: number
  /** Appends that may wait; one more is refused. */
  readonly maxPending: number
}

/** The cursors, as far as the appender carries them to the disk. */
export interface Cursors {
  unsaved(): CursorRow[]
  saved(rows: readonly CursorRow[]): void
}

export interface AppenderOptions {
  readonly writer: Writer
  readonly rows: LogRows
  readonly stretch: Stretch
  readonly end: LogEnd
  readonly cursors: Cursors
  /** Called with what is on disk, before whoever waits for it goes on; never throws. */
  readonly committed: (entries: readonly LogEntry[]) => void
  readonly journal: TriggerJournal
  readonly ballast: Ballast
  readonly clock: Clock
  readonly limits: AppenderLimits
}

/** What the appender did since it was opened. */
export interface AppenderCounters {
  readonly appended: number
  readonly commits: number
  readonly failedCommits: number
  /** Appends that were refused because too many waited. */
  readonly overloaded: number
}

// A disk that refuses is not asked for the sake of a cursor alone more often than this.
const CURSOR_RETRY_MS = 1000

/**
 * Group commit: whatever is appended while the disk syncs goes into the next transaction, together with the cursors
 * that moved. One sync, many inspections.
 */
export class Appender {
  readonly #options: AppenderOptions
  readonly #canonical = new CanonicalWriter()
  #waiting: Waiting[] = []
  #committing = 0
  #driving: Promise<void> | undefined
  #cursorsDue = false
  #cancelCursorTimer: (() => void) | undefined
  /** More came while the last batch was on its way. */
  #crowded = false
  #closing = false
  /** Unknown after a failed commit: read again before the next one. */
  #end: LogEnd | undefined
  #trouble: StoreError | undefined
  readonly #counters = { appended: 0, commits: 0, failedCommits: 0, overloaded: 0 }

  constructor(options: AppenderOptions) {
    this.#options = options
    this.#end = options.end
  }

  /** Why the last commit failed; undefined as soon as one works. */
  get trouble(): StoreError | undefined {
    return this.#trouble
  }

  /** Appends that are not on disk yet. */
  get pending(): number {
    return this.#waiting.length + this.#committing
  }

  get counters(): AppenderCounters {
    return { ...this.#counters }
  }

  /**
   * Resolves when the inspection and its raw record are on disk.
   * @param raw must not change until then
   * @param trigger number of the trigger it answers, counted from 1 in this run
   * @throws StoreError `full`, `io`: nothing of it is stored; `duplicate`: its id is; `overloaded`, `invalid`, `closed`
   */
  append(draft: InspectionDraft, raw: Uint8Array, trigger?: number): Promise<OutboxEntry> {
    const { limits, journal } = this.#options
    return new Promise((resolve, reject) => {
      if (this.#closing) throw new StoreError('closed', 'the store is closed')
      if (this.pending >= limits.maxPending) {
        this.#counters.overloaded += 1
        throw new StoreError('overloaded', `store overloaded: ${this.pending} appends wait for the disk`)
      }
      const unsealed = this.#prepare(draft, raw)
      if (trigger !== undefined) journal.note(trigger)
      this.#waiting.push({ id: draft.id, unsealed, raw, trigger, resolve, reject })
      this.#wake()
    })
  }

  /** A cursor moved: it goes with the next commit, or with one of its own when none comes in time. */
  cursorMoved(): void {
    this.#armCursorTimer(this.#options.limits.cursorCommitMs)
  }

  /** Takes nothing more; waits until what was taken is on disk or refused. */
  async close(): Promise<void> {
    this.#closing = true
    this.#cancelCursorTimer?.()
    this.#cursorsDue = this.#options.cursors.unsaved().length > 0
    this.#wake()
    await this.#driving
  }

  #wake(): void {
    this.#driving ??= this.#drive()
  }

  async #drive(): Promise<void> {
    // Whatever is appended in the same turn joins the first batch.
    await Promise.resolve()
    const { clock, limits } = this.#options
    while (this.#waiting.length > 0 || this.#cursorsDue) {
      const beganAt = clock.now()
      const batch = this.#waiting.splice(0, limits.maxBatch)
      this.#committing = batch.length
      await this.#commit(batch)
      this.#committing = 0
      const restMs = beganAt + limits.groupCommitMs - clock.now()
      if (this.#crowded && restMs > 0 && !this.#closing) await clock.sleep(restMs)
    }
    this.#driving = undefined
  }

  /** Never rejects: whoever waits is told. */
  async #commit(batch: readonly Waiting[]): Promise<void> {
    const { writer, rows, cursors, committed, journal, limits, ballast } = this.#options
    this.#cursorsDue = false
    const moved = cursors.unsaved()
    try {
      // Cursors alone may have the last of a full disk.
      if (batch.length > 0) await ballast.expect()
      const { entries, end } = await writer.transaction(async () => {
        const inserted = await rows.insert(batch, this.#end ?? (await rows.readEnd()), journal.noted)
        await rows.saveCursors(moved)
        return inserted
      })
      this.#end = end
      if (!ballast.givenUp) this.#trouble = undefined
      this.#counters.commits += 1
      this.#counters.appended += entries.length
      // Those who wait only for these entries come back at once and together: there is nobody to wait for.
      this.#crowded = this.#waiting.length > 0 && this.#waiting.length < limits.maxBatch
      cursors.saved(moved)
      committed(entries)
      for (const [index, entry] of entries.entries()) batch[index]?.resolve(entry)
    } catch (error) {
      await this.#refuse(batch, storeError(error, writer.database.file))
    }
  }

  async #refuse(batch: readonly Waiting[], error: StoreError): Promise<void> {
    this.#end = undefined
    this.#crowded = false
    if (error.fault === 'duplicate') {
      await this.#refuseDuplicate(batch, error)
      return
    }
    this.#counters.failedCommits += 1
    this.#trouble = error
    if (error.fault === 'full') await this.#options.ballast.giveUp().catch(() => {})
    for (const { reject } of batch) reject(error)
    if (this.#options.cursors.unsaved().length > 0 && !this.#closing) this.#armCursorTimer(CURSOR_RETRY_MS)
  }

  /** One id that is stored already does not take its neighbours with it. */
  async #refuseDuplicate(batch: readonly Waiting[], cause: StoreError): Promise<void> {
    if (batch.length > 1) {
      for (const waiting of batch) await this.#commit([waiting])
      return
    }
    for (const { id, reject } of batch) {
      reject(new StoreError('duplicate', `inspection ${id} is stored already`, { cause }))
    }
  }

  #armCursorTimer(ms: number): void {
    if (this.#cancelCursorTimer !== undefined || this.#closing) return
    this.#cancelCursorTimer = this.#options.clock.after(ms, () => {
      this.#cancelCursorTimer = undefined
      this.#cursorsDue = this.#options.cursors.unsaved().length > 0
      if (this.#cursorsDue) this.#wake()
    })
  }

  #prepare(draft: InspectionDraft, raw: Uint8Array): Unstored['unsealed'] {
    try {
      return prepare(this.#canonical, draft, this.#options.stretch.epoch.epoch, sha256(raw))
    } catch (error) {
      throw new StoreError('invalid', `inspection ${draft.id} cannot be stored`, { cause: error })
    }
  }
}
