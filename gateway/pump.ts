import type { Clock } from '../drivers/clock.ts'
import { type Backoff, backoffMs } from './backoff.ts'
import type { Log } from './log.ts'
import {
  type Aside,
  drain,
  type Outbox,
  type OutboxEntry,
  RefusedError,
  RetryLaterError,
  type Sink,
} from './outbox.ts'
import type { Unit, UnitStatus } from './station.ts'

export interface PumpOptions {
  readonly outbox: Outbox
  readonly sink: Sink
  /** How many entries lie behind the sink's cursor, from memory: it is asked after every batch. */
  readonly backlog: () => number
  readonly clock: Clock
  readonly log: Log
  /** How long `stop` goes on delivering what is stored while the far end still takes it; default 5000 ms. */
  readonly graceMs?: number
  /** Default: 0.5 s, doubled up to 30 s. */
  readonly backoff?: Backoff
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number
  /** Absent: an entry that is refused for good stops the sink. */
  readonly aside?: Aside
}

const DEFAULT_GRACE_MS = 5000
const DEFAULT_BACKOFF: Backoff = { firstMs: 500, longestMs: 30_000 }

/** The trouble a sink is in: since when, how often, and what it said last. */
interface Trouble {
  readonly since: number
  readonly failures: number
  readonly error: Error
}

/** Drives one sink: sends what is stored, waits when it fails, goes on where the acknowledgements ended. */
export class Pump implements Unit {
  readonly name: string
  readonly #options: PumpOptions
  readonly #ended = new AbortController()
  #running: Promise<void> | undefined
  #trouble: Trouble | undefined
  #delivered = 0
  #lastSequence = 0
  #failures = 0
  /** The entry that was refused last, and how often in a row. */
  #refused: { readonly id: string; readonly times: number } | undefined
  /** One call of the sink at a time, whoever wants one. */
  #turn: Promise<unknown> = Promise.resolve()
  /** Set while `stop` waits for the backlog: called after every batch and every failure. */
  #moved: (() => void) | undefined

  constructor(options: PumpOptions) {
    this.#options = options
    this.name = `pump-${options.sink.name}`
  }

  /** Begins to deliver; resolves at once, whether or not the far end is there. */
  start(): Promise<void> {
    this.#running = this.#run(this.#ended.signal)
    return Promise.resolve()
  }

  /** Delivers what is stored for at most the grace time, then ends; what is left waits for the next start. */
  async stop(): Promise<void> {
    if (this.#running === undefined) return
    await this.#emptied()
    this.#ended.abort()
    await this.#running
  }

  /**
   * Sends one entry between two batches; the cursor stays where it is.
   * @throws what the sink throws
   */
  resend(entry: OutboxEntry): Promise<void> {
    const { sink } = this.#options
    const { signal } = this.#ended
    return this.#inTurn(async () => {
      signal.throwIfAborted()
      const acknowledged = await sink.send([entry], signal)
      if (acknowledged === undefined) throw new Error(`${sink.name} acknowledged nothing`)
    })
  }

  status(): UnitStatus {
    const { aside } = this.#options
    const facts = {
      backlog: this.#options.backlog(),
      delivered: this.#delivered,
      last_sequence: this.#lastSequence,
      failures: this.#failures,
      ...(aside === undefined ? {} : { quarantined: aside.count }),
    }
    if (this.#trouble === undefined) return { state: 'ok', facts }
    const { since, failures, error } = this.#trouble
    const seconds = Math.round((this.#options.clock.now() - since) / 1000)
    const detail = `${error.message} (${failures} ${failures === 1 ? 'attempt' : 'attempts'} in ${seconds} s)`
    return { state: 'degraded', detail, facts }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { outbox, sink, clock, aside } = this.#options
    let sent: readonly OutboxEntry[] = []
    const watchedSink: Sink = {
      name: sink.name,
      window: sink.window,
      send: (batch, abort) => {
        sent = batch
        aside?.returned(batch)
        return this.#inTurn(() => sink.send(batch, abort))
      },
    }
    const watchedOutbox: Outbox = {
      next: (name, limit, abort) => outbox.next(name, limit, abort),
      advance: async (name, sequence) => {
        await outbox.advance(name, sequence)
        const taken = sent.filter((entry) => entry.sequence <= sequence)
        this.#succeeded(taken, sequence)
        await aside?.delivered(taken)
      },
    }
    while (!signal.aborted) {
      try {
        await drain(watchedOutbox, watchedSink, signal)
      } catch (error) {
        if (signal.aborted) return
        if (await this.#setAside(sent[0], error)) continue
        // Rejects only when the pump stops meanwhile, which the loop's condition sees.
        await clock.sleep(this.#failed(error), signal).catch(() => {})
      }
    }
  }

  /** @returns whether the entry is set aside and the cursor behind it */
  async #setAside(entry: OutboxEntry | undefined, error: unknown): Promise<boolean> {
    const { aside, outbox, sink, log } = this.#options
    // Sequences repeat from epoch to epoch; that it is the first one sent is what a sink promises.
    if (aside === undefined || !(error instanceof RefusedError) || entry?.sequence !== error.sequence)
      return false
    const times = this.#refused?.id === entry.id ? this.#refused.times + 1 : 1
    this.#refused = { id: entry.id, times }
    if (times < aside.attempts && !aside.holds(entry.id)) return false
    try {
      if (!(await aside.put(entry, error.message, times))) return false
      await outbox.advance(sink.name, entry.sequence)
    } catch (err) {
      log.error({ sink: sink.name, sequence: entry.sequence, err }, 'inspection cannot be set aside')
      return false
    }
    aside.passed(entry.id)
    this.#refused = undefined
    log.error({ sink: sink.name, sequence: entry.sequence, id: entry.id, err: error }, 'inspection set aside')
    this.#passed(entry.sequence)
    return true
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }

  #succeeded(taken: readonly OutboxEntry[], sequence: number): void {
    this.#delivered += taken.length
    this.#passed(sequence)
  }

  /** The cursor has moved: whatever was wrong is over. */
  #passed(sequence: number): void {
    this.#lastSequence = sequence
    const { clock, log, sink } = this.#options
    if (this.#trouble !== undefined) {
      const { since, failures } = this.#trouble
      this.#trouble = undefined
      log.info({ sink: sink.name, failures, awayMs: Math.round(clock.now() - since) }, 'sink back')
    }
    this.#moved?.()
  }

  /** @returns ms to wait before the next attempt */
  #failed(cause: unknown): number {
    const { clock, log, sink, backoff, random } = this.#options
    const error = cause instanceof Error ? cause : new Error(String(cause))
    const before = this.#trouble
    const failures = (before?.failures ?? 0) + 1
    this.#failures += 1
    this.#trouble = { since: before?.since ?? clock.now(), failures, error }
    const pauseMs = backoffMs(failures, backoff ?? DEFAULT_BACKOFF, random ?? Math.random)
    const retryInMs = Math.round(
      error instanceof RetryLaterError ? Math.max(error.afterMs, pauseMs) : pauseMs,
    )
    if (before?.error.message !== error.message) {
      const fields = { sink: sink.name, err: error, retryInMs }
      if (error instanceof RefusedError) log.error(fields, 'inspection refused')
      else log.warn(fields, 'sink away')
    }
    this.#moved?.()
    return retryInMs
  }

  /** Resolves when nothing is left to deliver, the far end fails, or the grace time is over. */
  async #emptied(): Promise<void> {
    const { backlog, clock, graceMs } = this.#options
    const over = new AbortController()
    const done = new Promise<void>((resolve) => {
      this.#moved = () => {
        if (backlog() === 0 || this.#trouble !== undefined) resolve()
      }
      this.#moved()
    })
    const grace = clock.sleep(graceMs ?? DEFAULT_GRACE_MS, over.signal).catch(() => {})
    await Promise.race([done, grace])
    this.#moved = undefined
    over.abort()
  }
}
