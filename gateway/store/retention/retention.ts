import type { Clock } from '../../../drivers/clock.ts'
import type { Log } from '../../log.ts'
import type { Unit, UnitStatus } from '../../station.ts'
import type { Database } from '../database.ts'
import { storeError } from '../error.ts'
import type { Epoch } from '../log/epochs.ts'
import { PartRate } from './budget.ts'
import { complaintOf } from './complaint.ts'
import { figuresOnWire, measureStore, type StoreFigures } from './figures.ts'
import type { KeptBackup } from './kept-backup.ts'
import type { RetentionLimits } from './limits.ts'
import { dueByCount, type Extent, holderOf, nextStep, removable, type Step } from './plan.ts'
import { pagesToGiveBack, readSpace, type Space, wantsRoom } from './space.ts'
import type { Sweeper } from './sweeper.ts'
import type { WearBook } from './wear.ts'

export interface RetentionOptions {
  readonly limits: RetentionLimits
  readonly clock: Clock
  readonly log: Log
  /** Whether the wall clock is disciplined: nothing goes by its age while nobody vouches for the time. */
  readonly clockTrusted: () => boolean
  /** Up to where the final store has confirmed, undefined for nothing yet; absent: the sinks' acknowledgements do. */
  readonly confirmed?: () => { readonly epoch: string; readonly sequence: number } | undefined
}

/** What of the store retention works on. */
export interface RetentionParts {
  readonly sweeper: Sweeper
  readonly database: Database
  readonly wear: WearBook
  readonly backup: KeptBackup
  readonly epochs: readonly Epoch[]
  /** Last position of the log. */
  readonly end: () => number
  readonly orphans: () => readonly CursorBacklog[]
  /** Every cursor, those of orphans too. */
  readonly cursors: () => readonly CursorBacklog[]
}

interface CursorBacklog {
  readonly name: string
  readonly backlog: number
}

const INTERVAL_MS = 60_000
const SAVE_EVERY_MS = 3_600_000
/** Between two steps: an append never waits for more than one of them, and retention has at most a fifth of the disk. */
const LEAST_PAUSE_MS = 20
const PAUSE_PER_WORK = 4
const BYTES_AT_ONCE = 256 * 1024

/** Lets old rows go, a few at a time, in the order of CONTRACTS; says how long what is left will last. */
export class Retention implements Unit {
  readonly name = 'retention'
  readonly #parts: RetentionParts
  readonly #options: RetentionOptions
  readonly #ended = new AbortController()
  readonly #rate = new PartRate()
  readonly #removed = { raw: 0, inspections: 0 }
  #running: Promise<void> | undefined
  #figures: StoreFigures | undefined
  #trouble: Error | undefined
  #savedAt = 0
  #givesBack = true

  constructor(parts: RetentionParts, options: RetentionOptions) {
    this.#parts = parts
    this.#options = options
  }

  /** How long what is stored will last; undefined before the first look. */
  get figures(): StoreFigures | undefined {
    return this.#figures
  }

  /** What went in this run. */
  get removed(): { readonly raw: number; readonly inspections: number } {
    return { ...this.#removed }
  }

  async start(): Promise<void> {
    await this.#parts.wear.open(this.#parts.end())
    this.#savedAt = this.#options.clock.now()
    this.#running = this.#run(this.#ended.signal)
  }

  async stop(): Promise<void> {
    if (this.#running === undefined) return
    this.#ended.abort()
    await this.#running
    await this.#parts.wear.note(this.#parts.end())
    await this.#parts.wear.save()
  }

  status(): UnitStatus {
    const { raw, inspections } = this.#removed
    const holder = holderOf(this.#parts.cursors())
    const facts = {
      ...(this.#figures === undefined ? {} : figuresOnWire(this.#figures)),
      ...(holder === undefined ? {} : { held_by: holder.name, held: holder.backlog }),
      removed_raw: raw,
      removed_inspections: inspections,
    }
    const { sweeper, orphans } = this.#parts
    const detail = complaintOf({
      trouble: this.#trouble,
      anchors: sweeper.anchors,
      figures: this.#figures,
      orphans: orphans(),
      alertHours: this.#options.limits.alertHours,
    })
    return detail === undefined ? { state: 'ok', facts } : { state: 'degraded', detail, facts }
  }

  /** Removes everything that is due now, step by step, then takes the figures anew. @throws StoreError, or the signal's reason */
  async sweep(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    for (;;) {
      signal.throwIfAborted()
      const beganAt = clock.now()
      if (!(await this.#step())) break
      const workedMs = clock.now() - beganAt
      await clock.sleep(Math.max(LEAST_PAUSE_MS, PAUSE_PER_WORK * workedMs), signal)
    }
    await this.#look()
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options
    while (!signal.aborted) {
      try {
        await this.sweep(signal)
        this.#trouble = undefined
      } catch (error) {
        if (signal.aborted) return
        const trouble = storeError(error, 'retention')
        if (trouble.message !== this.#trouble?.message) log.warn({ err: trouble }, 'retention failed')
        this.#trouble = trouble
      }
      await clock.sleep(INTERVAL_MS, signal).catch(() => {})
    }
  }

  /** @returns whether something was done */
  async #step(): Promise<boolean> {
    const { sweeper, database } = this.#parts
    const { limits, clock } = this.#options
    const space = await readSpace(database)
    const extent = await this.#extent()
    const room = wantsRoom(space, limits)
    const step = nextStep(extent, await this.#due(extent), { room, rows: limits.rowsAtOnce })
    if (step === undefined) return (await this.#dropHour()) || (await this.#giveBack(space))
    const last = await sweeper.take(step, new Date(clock.wall()).toISOString())
    if (last === undefined) return false
    this.#removed[step.from] += last - step.first + 1
    return true
  }

  async #extent(): Promise<Extent> {
    const { sweeper, end } = this.#parts
    const extent = await sweeper.extent(end())
    return { ...extent, delivered: Math.min(extent.delivered, this.#confirmed()) }
  }

  #confirmed(): number {
    const { confirmed } = this.#options
    if (confirmed === undefined) return Number.POSITIVE_INFINITY
    const upTo = confirmed()
    const epoch = this.#parts.epochs.find((known) => known.epoch === upTo?.epoch)
    return epoch === undefined || upTo === undefined ? 0 : epoch.base + upTo.sequence
  }

  async #due(extent: Extent): Promise<{ raw: number; inspections: number }> {
    const { limits } = this.#options
    const due = dueByCount(extent, limits.most)
    const { rawMs, inspectionMs } = limits.age
    return {
      raw: Math.max(due.raw, await this.#dueByAge('raw', extent, rawMs)),
      inspections: Math.max(due.inspections, await this.#dueByAge('inspections', extent, inspectionMs)),
    }
  }

  #dueByAge(from: Step['from'], extent: Extent, ageMs: number | undefined): Promise<number> {
    const { clock, clockTrusted, limits } = this.#options
    const first = from === 'raw' ? extent.oldestRaw : extent.oldest
    if (ageMs === undefined || !clockTrusted() || first > removable(extent)) return Promise.resolve(0)
    const last = first + limits.rowsAtOnce - 1
    return this.#parts.sweeper.olderThan({ from, first, last }, clock.wall() - ageMs)
  }

  #dropHour(): Promise<boolean> {
    const { clock, clockTrusted, limits } = this.#options
    if (limits.age.hourlyMs === undefined || !clockTrusted()) return Promise.resolve(false)
    return this.#parts.sweeper.dropHour(clock.wall() - limits.age.hourlyMs)
  }

  async #giveBack(space: Space): Promise<boolean> {
    const most = Math.ceil(BYTES_AT_ONCE / space.pageBytes)
    const pages = Math.min(most, pagesToGiveBack(space, this.#options.limits))
    if (pages === 0 || !this.#givesBack) return false
    await this.#parts.sweeper.giveBack(pages)
    // A database that was made without auto_vacuum gives nothing back, however often it is asked.
    this.#givesBack = (await readSpace(this.#parts.database)).fileBytes < space.fileBytes
    return this.#givesBack
  }

  async #look(): Promise<void> {
    const { database, wear, backup, end } = this.#parts
    const { limits, clock } = this.#options
    this.#rate.add(clock.now(), end())
    this.#figures = await measureStore({
      database,
      extent: await this.#extent(),
      space: await readSpace(database),
      limits,
      partsPerHour: this.#rate.perHour,
      wear: await wear.note(end()),
      flashBytesPerYear: limits.flashBytesPerYear,
    })
    if (clock.now() - this.#savedAt < SAVE_EVERY_MS) return
    this.#savedAt = clock.now()
    await wear.save()
    await backup.age(wear.total.runMs)
  }
}
