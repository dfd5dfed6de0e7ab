import type { Clock } from '../../drivers/clock.ts'
import type { OutboxEntry, Sink } from '../outbox.ts'
import { type CountedPart, partOf } from './part.ts'
import type { FoundSums } from './read.ts'
import { Sums, storedSums } from './sums.ts'

export type Period = 'hour' | 'day'

/** What a set of sums is about: one station, recipe and lot, in one hour or day of UTC. */
export interface SumsKey {
  readonly period: Period
  /** RFC 3339: its beginning. */
  readonly startsAt: string
  readonly station: string
  readonly recipe: string
  readonly revision: number
  readonly lot: string
}

interface SumsRow extends SumsKey {
  readonly parts: number
  readonly value: unknown
}

export interface SumsQuery {
  readonly period: Period
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly station?: string | undefined
  readonly recipe?: string | undefined
  readonly lot?: string | undefined
  /** Only what stands behind it, in the order of all. */
  readonly after?: SumsKey | undefined
  readonly limit: number
}

type Room = 'aggregates' | 'aggregate_scratch'
interface Counted {
  readonly epoch: string
  readonly sequence: number
}

/** Where sums are kept: rows and cursor in one transaction. */
export interface SumsTable {
  counted(epoch: string): Promise<number>
  get(key: SumsKey, room?: Room): Promise<SumsRow | undefined>
  find(query: SumsQuery): Promise<SumsRow[]>
  save(rows: readonly SumsRow[], counted: Counted | undefined, room?: Room): Promise<void>
  clearScratch(): Promise<void>
  adoptScratch(): Promise<{ readonly replaced: number; readonly kept: number }>
}

/** The log, for counting it anew. */
export interface CountedLog<E extends { readonly epoch: string }> {
  readonly epochs: readonly E[]
  from(sequence: number, limit: number, epoch: NoInfer<E>): Promise<readonly OutboxEntry[]>
}

/** Each writing costs the flash the rows of the hour and the day anew. */
const PAUSE_MS = 30_000
const WINDOW = 256

/**
 * Keeps sums by hour and day, counted from the log as a sink reads it: each inspection once, whatever crashed or comes
 * again, because what is counted and up to where are written together.
 */
export class AggregateBook implements Sink {
  readonly name = 'aggregates'
  readonly window = WINDOW
  /** Inspections that this release could not read: in no sum. */
  unreadable = 0
  readonly #table: SumsTable
  readonly #clock: Clock
  #turn: Promise<unknown> = Promise.resolve()
  #writtenAt = Number.NEGATIVE_INFINITY

  constructor(table: SumsTable, clock: Clock) {
    this.#table = table
    this.#clock = clock
  }

  /** The entries of one epoch, in order. @throws the signal's reason, when it aborts before they are counted */
  async send(batch: readonly OutboxEntry[], signal: AbortSignal): Promise<number | undefined> {
    // A full batch: it has fallen behind, and one writing for so many parts is not too often.
    const pauseMs = batch.length < WINDOW ? this.#writtenAt + PAUSE_MS - this.#clock.now() : 0
    await this.#clock.sleep(Math.max(0, pauseMs), signal)
    await this.#inTurn(() => this.#count(batch))
    this.#writtenAt = this.#clock.now()
    return batch.at(-1)?.sequence
  }

  /**
   * Counts anew what is still in the log. Sums of inspections that are gone, wholly or in part, stay as they are.
   * @returns rows that were replaced, and kept
   */
  rebuild<E extends { readonly epoch: string }>(
    log: CountedLog<E>,
    signal?: AbortSignal,
  ): Promise<{ readonly replaced: number; readonly kept: number }> {
    return this.#inTurn(async () => {
      await this.#table.clearScratch()
      for (const epoch of log.epochs) {
        // What comes behind it is not counted yet, and will be.
        const last = await this.#table.counted(epoch.epoch)
        for (let next = 1; next <= last; ) {
          signal?.throwIfAborted()
          const page = (await log.from(next, WINDOW, epoch)).filter(({ sequence }) => sequence <= last)
          await this.#write(page, undefined, 'aggregate_scratch')
          next = (page.at(-1)?.sequence ?? last) + 1
        }
      }
      return await this.#table.adoptScratch()
    })
  }

  async #count(batch: readonly OutboxEntry[]): Promise<void> {
    const [first] = batch
    if (first === undefined) return
    const counted = await this.#table.counted(first.epoch)
    const fresh = batch.filter(({ sequence }) => sequence > counted)
    const last = fresh.at(-1)
    if (last === undefined) return
    await this.#write(fresh, { epoch: last.epoch, sequence: last.sequence }, 'aggregates')
  }

  async #write(entries: readonly OutboxEntry[], counted: Counted | undefined, room: Room): Promise<void> {
    const open = new Map<string, FoundSums>()
    let unreadable = 0
    for (const entry of entries) {
      const part = partOf(entry)
      if (part === undefined) {
        unreadable += 1
        continue
      }
      for (const key of keysOf(part)) (await this.#open(open, key, room)).sums.add(part)
    }
    const rows = [...open.values()].map(({ key, sums }) => ({
      ...key,
      parts: sums.parts,
      value: sums.toStore(),
    }))
    await this.#table.save(rows, counted, room)
    if (room === 'aggregates') this.unreadable += unreadable
  }

  async #open(open: Map<string, FoundSums>, key: SumsKey, room: Room): Promise<FoundSums> {
    const name = JSON.stringify(Object.values(key))
    const known = open.get(name)
    if (known !== undefined) return known
    const row = await this.#table.get(key, room)
    const sums = row === undefined ? new Sums() : Sums.from(storedSums.parse(row.value))
    const opened = { key, sums }
    open.set(name, opened)
    return opened
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }
}

/** The hour and the day of UTC that a part came in; a time stamp of the contract says both by its first characters. */
function keysOf({ timestamp, station, recipe, revision, lot }: CountedPart): SumsKey[] {
  const of = { station, recipe, revision, lot }
  return [
    { period: 'hour', startsAt: `${timestamp.slice(0, 13)}:00:00.000Z`, ...of },
    { period: 'day', startsAt: `${timestamp.slice(0, 10)}T00:00:00.000Z`, ...of },
  ]
}
