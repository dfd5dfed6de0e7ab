import { z } from 'zod'
import type { Clock } from '../drivers/clock.ts'
import { type LotRecord, lotRecord, newLot } from './lot.ts'
import { withPart } from './lot-totals.ts'
import { inspectionMessage } from './message.ts'
import type { OutboxEntry, Sink } from './outbox.ts'

/** Where lots are kept. */
export interface LotDocuments {
  save(
    kind: 'lot',
    document: { readonly id: string; readonly at: string; readonly open: boolean; readonly value: unknown },
  ): Promise<void>
  get(kind: 'lot', id: string): Promise<{ readonly value: unknown } | undefined>
}

/** A lot's document: the record, and the inspection up to which it has counted. */
const bookedLot = lotRecord.extend({
  counted: z.object({ epoch: z.string(), sequence: z.int().min(0) }).optional(),
})
type BookedLot = z.infer<typeof bookedLot>

const booked = inspectionMessage.pick({
  lot_id: true,
  timestamp: true,
  recipe: true,
  verdict: true,
  mass_g: true,
})
type BookedPart = z.infer<typeof booked>

/** Totals are written at most this often, ms: each writing syncs the disk. */
const PAUSE_MS = 250

/**
 * Keeps the totals of every lot, counted from the log as a sink reads it: each stored inspection once, whatever crashed.
 * An inspection of a lot that nobody began, as the station's first, begins it.
 */
export class LotBook implements Sink {
  readonly name = 'lots'
  readonly window = 256
  readonly #documents: LotDocuments
  readonly #clock: Clock
  #turn: Promise<unknown> = Promise.resolve()
  #writtenAt = Number.NEGATIVE_INFINITY

  constructor(documents: LotDocuments, clock: Clock) {
    this.#documents = documents
    this.#clock = clock
  }

  async send(batch: readonly OutboxEntry[], signal: AbortSignal): Promise<number | undefined> {
    // A full batch: it has fallen behind, and one writing for so many parts is not too often.
    const pauseMs = batch.length < this.window ? this.#writtenAt + PAUSE_MS - this.#clock.now() : 0
    await this.#clock.sleep(Math.max(0, pauseMs), signal)
    await this.#inTurn(() => this.#count(batch))
    this.#writtenAt = this.#clock.now()
    return batch.at(-1)?.sequence
  }

  /** The lot, in what its inspections have made of it; undefined when there is none of this id. */
  async get(id: string): Promise<LotRecord | undefined> {
    const lot = await this.#read(id)
    return lot === undefined ? undefined : lotRecord.parse(lot)
  }

  /** Begins a lot, or takes up one that was closed. Resolves when it is on disk. */
  begin(id: string, recipe: LotRecord['recipe'], by: string): Promise<LotRecord> {
    return this.#inTurn(async () => {
      const before = await this.#read(id)
      const lot: BookedLot = before ?? newLot(id, recipe, { at: this.#now(), by })
      const { closed_at: _at, closed_by: _by, ...open } = lot
      await this.#write(open)
      return lotRecord.parse(open)
    })
  }

  /** Ends a lot; what is still on its way to the log is counted in it all the same. */
  close(id: string, recipe: LotRecord['recipe'], by: string): Promise<LotRecord> {
    return this.#inTurn(async () => {
      const lot = (await this.#read(id)) ?? newLot(id, recipe, { at: this.#now(), by })
      const closed = { ...lot, closed_at: this.#now(), closed_by: by }
      await this.#write(closed)
      return lotRecord.parse(closed)
    })
  }

  /** Two persons changed the verdict of one of its parts. */
  overridden(id: string): Promise<void> {
    return this.#inTurn(async () => {
      const lot = await this.#read(id)
      if (lot === undefined) return
      const { totals } = lot
      await this.#write({ ...lot, totals: { ...totals, overridden: totals.overridden + 1 } })
    })
  }

  async #count(batch: readonly OutboxEntry[]): Promise<void> {
    const lots = new Map<string, BookedLot>()
    for (const { epoch, sequence, payload, message } of batch) {
      const part = message ?? booked.parse(JSON.parse(payload))
      const lot = lots.get(part.lot_id) ?? (await this.#read(part.lot_id)) ?? begunBy(part)
      const { counted } = lot
      if (counted?.epoch === epoch && counted.sequence >= sequence) continue
      lots.set(part.lot_id, { ...lot, totals: withPart(lot.totals, part), counted: { epoch, sequence } })
    }
    for (const lot of lots.values()) await this.#write(lot)
  }

  async #read(id: string): Promise<BookedLot | undefined> {
    const document = await this.#documents.get('lot', id)
    return document === undefined ? undefined : bookedLot.parse(document.value)
  }

  #write(lot: BookedLot): Promise<void> {
    const open = lot.closed_at === undefined
    return this.#documents.save('lot', { id: lot.id, at: lot.started_at, open, value: lot })
  }

  #now(): string {
    return new Date(this.#clock.wall()).toISOString()
  }

  /** Commands and the log write the same documents. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }
}

function begunBy({ lot_id: id, recipe, timestamp }: BookedPart): BookedLot {
  return newLot(id, recipe, { at: timestamp, by: 'poincon' })
}
