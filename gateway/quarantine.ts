import type { Clock } from '../drivers/clock.ts'
import type { Log } from './log.ts'
import { type Aside, type OutboxEntry, RefusedError } from './outbox.ts'
import { QuarantineBook, type QuarantineChoice, type UnsortedCounts } from './quarantine-book.ts'
import type { QuarantineOptions } from './quarantine-options.ts'
import { type QuarantineShelf, type QuarantineSummary, quarantineKey } from './quarantine-record.ts'
import { Resending } from './quarantine-resend.ts'
import type { Unit, UnitStatus } from './station.ts'

export interface QuarantineParts {
  readonly options: QuarantineOptions
  readonly shelf: QuarantineShelf
  /** Sends one entry to a sink, in its turn; rejects as `Sink.send` does, or where there is no such sink. */
  readonly resend: (sink: string, entry: OutboxEntry) => Promise<void>
  readonly clock: Clock
  readonly log: Log
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number
}

/** What has become of those that were to be sent. */
export interface Resent {
  readonly sent: number
  readonly refused: number
  /** The receiver is away: they are sent when it is back, also after a restart. */
  readonly waiting: number
}

/** A command's own deadline is 30 s. */
const PATIENCE_MS = 10_000

/**
 * Keeps what receivers refuse for good: on disk with its message before the cursor passes it, counted, shown as a
 * state, and sent again or dropped when a person says so.
 */
export class Quarantine implements Unit {
  readonly name = 'quarantine'
  readonly #parts: QuarantineParts
  readonly #book: QuarantineBook
  readonly #resending: Resending
  /** Set aside by each sink since it last delivered one. */
  readonly #inARow = new Map<string, number>()

  constructor(parts: QuarantineParts) {
    this.#parts = parts
    this.#book = new QuarantineBook(parts)
    this.#resending = new Resending({
      wanted: () =>
        this.list()
          .filter(({ state }) => state === 'wanted')
          .map((one) => ({ key: quarantineKey(one), sink: one.sink })),
      attempt: (key) => this.#sendAgain(key),
      clock: parts.clock,
      random: parts.random ?? Math.random,
    })
  }

  /** Takes up what earlier runs set aside, and goes on sending what somebody wanted sent. */
  async start(): Promise<void> {
    await this.#book.load()
    this.#resending.start()
  }

  async stop(): Promise<void> {
    await this.#resending.stop()
    await this.#book.settled()
  }

  status(): UnitStatus {
    const waiting = this.list()
    const facts = {
      quarantined: waiting.length,
      wanted: waiting.filter(({ state }) => state === 'wanted').length,
    }
    const newest = waiting.at(-1)
    if (newest === undefined) return { state: 'ok', facts }
    const sinks = [...new Set(waiting.map(({ sink }) => sink))].join(', ')
    const detail = `${waiting.length} set aside for ${sinks}; last ${newest.sink}: ${newest.reason} (poincon quarantine list)`
    return { state: 'degraded', detail, facts }
  }

  /** All that are neither sent nor dropped, in the order in which they were set aside. */
  list(choice: QuarantineChoice = {}): readonly QuarantineSummary[] {
    return this.#book.list(choice)
  }

  /** The counters of a sink with what is set aside told from what is delivered. */
  counts<C extends UnsortedCounts>(sink: C): C & { readonly quarantined: number } {
    return this.#book.counts(sink)
  }

  /** What the pump of one sink sees. */
  of(sink: string): Aside {
    const book = this.#book
    return {
      attempts: this.#parts.options.attempts,
      get count() {
        return book.list({ sink }).length
      },
      holds: (id) => book.find(quarantineKey({ sink, id })) !== undefined,
      put: (entry, reason, attempts) => this.#put(sink, entry, { reason, attempts }),
      passed: (id) => book.mark({ sink, id }, true),
      returned: (entries) => {
        if (book.size > 0) for (const { id } of entries) book.mark({ sink, id }, false)
      },
      delivered: async (entries) => {
        if (entries.length > 0) this.#inARow.delete(sink)
        if (book.size === 0) return
        // One that lies here was taken after all: the receiver has been mended meanwhile.
        for (const { id } of entries) {
          if (book.find(quarantineKey({ sink, id })) !== undefined)
            await book.close({ sink, id }, 'sent', 'poincon')
        }
      },
    }
  }

  /**
   * Sends them again, in order; waits a while for the outcome. What is not sent by then is tried until it is, or is
   * refused again. Crashes do no harm: the receiver knows them by id.
   */
  async send(choice: QuarantineChoice): Promise<Resent> {
    const meant = this.list(choice)
    for (const one of meant) await this.#book.change(one, (record) => ({ ...record, state: 'wanted' }))
    this.#resending.wake()
    const keys = meant.map(quarantineKey)
    await this.#resending.outcome(new Set(keys), PATIENCE_MS)
    const states = keys.map((key) => this.#book.find(key)?.state)
    return {
      sent: states.filter((state) => state === undefined).length,
      refused: states.filter((state) => state === 'aside').length,
      waiting: states.filter((state) => state === 'wanted').length,
    }
  }

  /** Gives them up: they stay in the log, and go to this sink no more. @returns how many */
  async drop(choice: QuarantineChoice, by: string): Promise<number> {
    const meant = this.list(choice)
    for (const one of meant) await this.#book.close(one, 'dropped', by)
    return meant.length
  }

  async #put(
    sink: string,
    { epoch, sequence, id, payload }: OutboxEntry,
    told: { readonly reason: string; readonly attempts: number },
  ): Promise<boolean> {
    const { options, clock } = this.#parts
    if (this.#book.find(quarantineKey({ sink, id })) !== undefined) return true
    const row = this.#inARow.get(sink) ?? 0
    if (row >= options.in_a_row || this.list({ sink }).length >= options.most) return false
    const at = new Date(clock.wall()).toISOString()
    const of = { schema: 'poincon.quarantine/1', sink, epoch, sequence, id } as const
    await this.#book.add({ ...of, ...told, at, state: 'aside', payload })
    this.#inARow.set(sink, row + 1)
    return true
  }

  /** @returns whether there is an answer, of either kind */
  async #sendAgain(key: string): Promise<boolean> {
    const { resend, log } = this.#parts
    const one = this.#book.find(key)
    if (one === undefined) return true
    const { sink, sequence, id } = one
    try {
      const refused = await refusal(resend(sink, await this.#book.entry(key)))
      if (refused === undefined) {
        await this.#book.close(one, 'sent', 'poincon')
        log.info({ sink, sequence, id }, 'inspection sent after all')
      } else {
        const { message: reason } = refused
        await this.#book.change(one, (record) => ({
          ...record,
          ...{ state: 'aside', reason, attempts: record.attempts + 1 },
        }))
        log.warn({ sink, sequence, id, err: refused }, 'inspection refused again')
      }
      return true
    } catch (err) {
      log.warn({ sink, sequence, id, err }, 'inspection not sent again')
      return false
    }
  }
}

/** @returns what the receiver has against it; undefined: it has it. @throws when the receiver is away */
async function refusal(sending: Promise<void>): Promise<RefusedError | undefined> {
  try {
    await sending
    return undefined
  } catch (error) {
    if (error instanceof RefusedError) return error
    throw error
  }
}
