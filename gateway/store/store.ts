import type { InspectionDraft } from '../message.ts'
import type { Outbox, OutboxEntry } from '../outbox.ts'
import type { UnitStatus } from '../station.ts'
import type { Database } from './database.ts'
import type { Appender } from './log/appender.ts'
import type { Delivery, SinkCounts } from './log/delivery.ts'
import type { Epoch } from './log/epochs.ts'
import type { History } from './log/history.ts'
import type { TriggerJournal } from './log/journal.ts'
import { type LoggedDevice, loggedDevices } from './log/old-devices.ts'
import type { Unrecorded } from './log/unrecorded.ts'
import type { AggregateTable } from './registry/aggregates.ts'
import type { Calibrations } from './registry/calibrations.ts'
import type { Documents } from './registry/documents.ts'
import type { Recipes } from './registry/recipes.ts'
import type { StationState } from './registry/station-state.ts'
import type { Anchor } from './retention/anchors.ts'
import { Retention, type RetentionOptions, type RetentionParts } from './retention/retention.ts'
import type { Sweeper } from './retention/sweeper.ts'
import type { WitnessKeeper } from './witness.ts'
import type { Writer } from './writer.ts'

/** The open parts that a store is made of; it closes them. */
export interface StoreParts {
  readonly lock: Database
  readonly writer: Writer
  readonly history: History
  readonly appender: Appender
  readonly delivery: Delivery
  readonly journal: TriggerJournal
  readonly witness: WitnessKeeper
  /** Oldest first, at least one. */
  readonly epochs: readonly Epoch[]
  readonly epoch: Epoch
  readonly unrecorded: Unrecorded
  readonly recipes: Recipes
  readonly calibrations: Calibrations
  readonly state: StationState
  readonly documents: Documents
  readonly aggregates: AggregateTable
  readonly sweeper: Sweeper
  readonly retaining: Pick<RetentionParts, 'wear' | 'backup'>
}

/** The station's memory: the log of inspections with a cursor per sink, and what the station works with. */
export class Store implements Outbox {
  readonly #parts: StoreParts

  constructor(parts: StoreParts) {
    this.#parts = parts
  }

  /** The stretch of the log that is written now. */
  get epoch(): Epoch {
    return this.#parts.epoch
  }

  /** Every epoch in the log, oldest first. */
  get epochs(): readonly Epoch[] {
    return this.#parts.epochs
  }

  /** Parts that were seen and never recorded, as far as earlier runs of this store left a trace. */
  get unrecorded(): Unrecorded {
    return this.#parts.unrecorded
  }

  get recipes(): Recipes {
    return this.#parts.recipes
  }

  get calibrations(): Calibrations {
    return this.#parts.calibrations
  }

  /** What the station remembers over a restart. */
  get state(): StationState {
    return this.#parts.state
  }

  /** Lots, alerts, overrides. */
  get documents(): Documents {
    return this.#parts.documents
  }

  /** Sums by hour and day. */
  get aggregates(): AggregateTable {
    return this.#parts.aggregates
  }

  /** The last inspection of each epoch that retention removed. */
  get anchors(): readonly Anchor[] {
    return this.#parts.sweeper.anchors
  }

  /** False while the disk refuses: from a failed commit until one works. */
  get storable(): boolean {
    return this.#parts.appender.trouble === undefined
  }

  /**
   * Resolves when the inspection and its raw record are on disk, in the place that the entry says.
   * @param raw the raw record; must not change until then
   * @param trigger number of the trigger that this answers, counted from 1 in this run of the process
   * @throws StoreError `full`, `io`, `locked`: nothing of it is stored, the same draft may be appended again;
   *   `duplicate`: its id is stored; `overloaded`, `invalid`, `closed`
   */
  append(draft: InspectionDraft, raw: Uint8Array, trigger?: number): Promise<OutboxEntry> {
    return this.#parts.appender.append(draft, raw, trigger)
  }

  /**
   * A part has come, and will be decided: said before the gate moves, so that a crash in between is counted.
   * Takes microseconds. @param trigger counts from 1 in this run of the process
   */
  noteTrigger(trigger: number): void {
    this.#parts.journal.note(trigger)
  }

  /** Before a sink's first `next`. A new sink begins with the oldest inspection stored. @throws StoreError */
  registerSink(name: string): Promise<void> {
    return this.#parts.delivery.registerSink(name)
  }

  /** @throws StoreError, or the signal's reason */
  next(sink: string, limit: number, signal: AbortSignal): Promise<readonly OutboxEntry[]> {
    return this.#parts.delivery.next(sink, limit, signal)
  }

  /**
   * Takes effect at once, and is on disk with the next commit: a crash before that delivers again what was
   * acknowledged since.
   * @throws StoreError `invalid` for a sequence that is not stored
   */
  advance(sink: string, sequence: number): Promise<void> {
    return this.#parts.delivery.advance(sink, sequence)
  }

  /**
   * Puts a sink's cursor back to a position (rows counted over all epochs), so that what lies behind it goes out again.
   * @returns where it stands: never before the oldest inspection stored @throws StoreError
   */
  rewind(sink: string, position: number): Promise<number> {
    return this.#parts.delivery.rewind(sink, position)
  }

  /** Moves a cursor that no sink reads by forward to a position; never back. @throws StoreError */
  advanceTo(sink: string, position: number): void {
    this.#parts.delivery.advanceTo(sink, position)
  }

  /** The last position that the sink's far end has. @throws StoreError */
  position(sink: string): number {
    return this.#parts.delivery.position(sink)
  }

  /** Last position of the log. */
  get end(): number {
    return this.#parts.delivery.end
  }

  /** Inspections behind the sink's cursor. */
  backlog(sink: string): number {
    return this.#parts.delivery.backlog(sink)
  }

  /** How the stored inspections, of all epochs, divide for each registered sink. */
  sinks(): readonly SinkCounts[] {
    return this.#parts.delivery.counts()
  }

  /** Cursors of sinks that are not registered, and how many inspections each holds back from retention. */
  orphans(): readonly { readonly name: string; readonly backlog: number }[] {
    return this.#parts.delivery.orphans()
  }

  /**
   * Drops the cursor of a sink that is not registered in this run: nothing is kept for it any more, and should it come
   * back it begins with the oldest inspection stored.
   * @returns false where there was none @throws StoreError `invalid` for one that is registered
   */
  async forgetSink(name: string): Promise<boolean> {
    const { delivery, writer } = this.#parts
    if (!delivery.forget(name)) return false
    await writer.transaction(() => writer.database.run('DELETE FROM cursors WHERE sink = ?', [name]))
    return true
  }

  /** What lets old rows go; at most one, started after the sinks are registered. */
  retention(options: RetentionOptions): Retention {
    const { sweeper, history, delivery, retaining, epochs } = this.#parts
    return new Retention(
      {
        ...retaining,
        sweeper,
        database: history.database,
        end: () => delivery.end,
        orphans: () => delivery.orphans(),
        cursors: () => [...delivery.counts(), ...delivery.orphans()],
        epochs,
      },
      options,
    )
  }

  /** The newest inspections of this epoch, newest first. @throws StoreError */
  latest(limit: number): Promise<readonly OutboxEntry[]> {
    const { delivery, epoch } = this.#parts
    return this.page(delivery.end - epoch.base + 1, limit)
  }

  /** Up to `limit` inspections of this epoch whose sequence is smaller than `before`, newest first. @throws StoreError */
  page(before: number, limit: number): Promise<readonly OutboxEntry[]> {
    return this.#parts.history.before(this.epoch, before, limit)
  }

  /** Up to `limit` inspections of an epoch from `sequence` on, in order. @throws StoreError */
  from(sequence: number, limit: number, epoch: Epoch = this.epoch): Promise<readonly OutboxEntry[]> {
    return this.#parts.history.from(epoch, sequence, limit)
  }

  /** The inspection with this id, of any epoch. @throws StoreError */
  get(id: string): Promise<OutboxEntry | undefined> {
    return this.#parts.history.byId(id)
  }

  /** The inspection that a sample of an old head became (`originOf`). @throws StoreError */
  sampled(origin: string): Promise<OutboxEntry | undefined> {
    return this.#parts.history.byOrigin(origin)
  }

  /** Heads of the old system of which samples are stored. Looks at all of them: not often. @throws StoreError */
  oldDevices(): Promise<readonly LoggedDevice[]> {
    return loggedDevices(this.#parts.history.database)
  }

  /** The raw record of an inspection; undefined when there is none (any more). @throws StoreError */
  raw(sequence: number, epoch: Epoch = this.epoch): Promise<Uint8Array | undefined> {
    return this.#parts.history.raw(epoch, sequence)
  }

  status(): UnitStatus {
    const { appender, delivery, epoch, journal, unrecorded } = this.#parts
    const { appended, commits, failedCommits, overloaded } = appender.counters
    const facts = {
      epoch: epoch.epoch,
      sequence: delivery.end - epoch.base,
      appended,
      pending: appender.pending,
      commits,
      failed_commits: failedCommits,
      overloaded,
      unrecorded: unrecorded.parts,
    }
    if (appender.trouble !== undefined) return { state: 'failed', detail: appender.trouble.message, facts }
    if (journal.fault !== undefined) {
      return { state: 'degraded', detail: `triggers are not noted: ${journal.fault.message}`, facts }
    }
    return { state: 'ok', facts }
  }

  /**
   * Takes nothing more, waits until what was taken is on disk or refused, folds the write-ahead log into the database
   * and lets go of the directory. Sinks that wait are told.
   * @throws StoreError, after everything is closed
   */
  async close(): Promise<void> {
    const { appender, delivery, history, writer, witness, journal, lock } = this.#parts
    let clean = false
    await closeAll([
      async () => {
        await closeAll([
          () => appender.close(),
          () => Promise.resolve(delivery.close()),
          () => history.database.close(),
          () => writer.close(),
        ])
        clean = true
      },
      () => witness.close(clean),
      () => Promise.resolve(journal.close()),
      () => lock.close(),
    ])
  }
}

/** One after the other, each whether or not the one before worked. @throws the first error, after the last */
export async function closeAll(closers: readonly (() => Promise<void>)[]): Promise<void> {
  const errors: unknown[] = []
  for (const close of closers) await close().catch((error: unknown) => errors.push(error))
  if (errors.length > 0) throw errors[0]
}
