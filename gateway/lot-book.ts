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

export interface LotBookOptions {
  readonly documents: LotDocuments
  readonly clock: Clock
  /** Stored inspections that are not counted yet; absent: nobody says. */
  readonly behind?: () => number
  /** From its abort on nothing is put off: the station ends. */
  readonly ending?: AbortSignal
}

/** Totals are written at most this often, ms: each writing costs the flash two pages, and a sync. */
const PAUSE_MS = 5000
/** How long a person who closes a lot waits for its last parts to be counted, ms. */
const CATCH_UP_MS = 1000
const LOOK_MS = 10

/**
 * Keeps the totals of every lot, counted from the log as a sink reads it: each stored inspection once, whatever crashed,
 * because the totals say up to where they count, and the cursor moves behind them. An inspection of a lot that nobody
 * began, as the station's first, begins it.
 */
export class LotBook implements Sink {
  readonly name = 'lots'
  readonly window = 256
  readonly #documents: LotDocuments
  readonly #clock: Clock
  readonly #behind: () => number
  #turn: Promise<unknown> = Promise.resolve()
  #writtenAt = Number.NEGATIVE_INFINITY
  /** How many wait for the totals. */
  #asking = 0
  #ending = false
  /** Ends the pause that is on. */
  #hurry: (() => void) | undefined

  constructor({ documents, clock, behind, ending }: LotBookOptions) {
    this.#documents = documents
    this.#clock = clock
    this.#behind = behind ?? (() => 0)
    const end = (): void => {
      this.#ending = true
      this.#hurry?.()
    }
    ending?.addEventListener('abort', end, { once: true })
    if (ending?.aborted === true) end()
  }

  async send(batch: readonly OutboxEntry[], signal: AbortSignal): Promise<number | undefined> {
    // A full batch: it has fallen behind, and one writing for so many parts is not too often.
    if (batch.length < this.window) await this.#pause(signal)
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

  /** Ends a lot, what is stored counted in it; what is still on its way to the log is counted later all the same. */
  async close(id: string, recipe: LotRecord['recipe'], by: string): Promise<LotRecord> {
    await this.#caughtUp()
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

  /** @throws the signal's reason, when it aborts meanwhile */
  async #pause(signal: AbortSignal): Promise<void> {
    const pauseMs = this.#writtenAt + PAUSE_MS - this.#clock.now()
    if (pauseMs <= 0 || this.#ending || this.#asking > 0 || signal.aborted) return
    const over = new AbortController()
    const end = (): void => over.abort()
    signal.addEventListener('abort', end, { once: true })
    this.#hurry = end
    await this.#clock.sleep(pauseMs, over.signal).catch(() => {})
    this.#hurry = undefined
    signal.removeEventListener('abort', end)
    signal.throwIfAborted()
  }

  /** Resolves when what is stored is counted, or after `CATCH_UP_MS`. */
  async #caughtUp(): Promise<void> {
    const lateAt = this.#clock.now() + CATCH_UP_MS
    this.#asking += 1
    try {
      this.#hurry?.()
      while (this.#behind() > 0 && this.#clock.now() < lateAt) await this.#clock.sleep(LOOK_MS)
    } finally {
      this.#asking -= 1
    }
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
