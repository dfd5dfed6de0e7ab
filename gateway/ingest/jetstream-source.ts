import { connect, type JsMsg, type NatsConnection } from 'nats'
import { type Clock, systemClock } from '../../drivers/clock.ts'
import { type Backoff, backoffMs } from '../backoff.ts'
import type { Log } from '../log.ts'
import type { Arrival, Source } from './arrival.ts'
import { Fetching } from './fetching.ts'
import { connectionOptions, describe, ensureConsumer, ensureStream, quietly } from './jetstream.ts'
import type { NatsSourceOptions } from './options.ts'

export interface JetStreamSourceOptions {
  readonly nats: NatsSourceOptions
  /** Names the connection. */
  readonly name: string
  /** Messages that may be here without an answer. */
  readonly ahead: number
  readonly log: Log
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Between attempts to connect; default 1 s, doubled up to 30 s. */
  readonly backoff?: Backoff
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number
}

/**
 * Inspections out of a JetStream stream, by a durable pull consumer that any number of workers share: each message goes
 * to one of them, and to another when it is not acknowledged in time.
 */
export class JetStreamSource implements Source {
  readonly #options: JetStreamSourceOptions
  readonly #ended = new AbortController()
  #connection: NatsConnection | undefined
  #messages: Fetching<JsMsg> | undefined
  #trouble: string | undefined = 'not connected yet'
  /** Why a server that is connected brings nothing. */
  #silence: string | undefined
  #running: Promise<void> | undefined

  constructor(options: JetStreamSourceOptions) {
    this.#options = options
  }

  get trouble(): string | undefined {
    return this.#trouble ?? this.#silence
  }

  /** Resolves when it is connected for the first time, or closed before. */
  start(take: (arrival: Arrival) => void): Promise<void> {
    return new Promise((connected) => {
      this.#running ??= this.#run(take, connected).finally(connected)
    })
  }

  async pause(): Promise<void> {
    this.#ended.abort()
    await this.#messages?.close()
  }

  async close(): Promise<void> {
    this.#ended.abort()
    // A connection that the server has ended for good cannot be drained, and need not be.
    await this.#connection?.drain().catch(() => {})
    this.#messages?.forget()
    await this.#running
  }

  /** Connects, and again when it is over: a long break, a stream that somebody removed, a password that is refused. */
  async #run(take: (arrival: Arrival) => void, connected: () => void): Promise<void> {
    const { clock = systemClock, log, backoff, random = Math.random } = this.#options
    const { signal } = this.#ended
    let failures = 0
    while (!signal.aborted) {
      try {
        const { over } = await this.#open(take)
        connected()
        failures = 0
        throw await over
      } catch (error) {
        if (signal.aborted) return
        await this.#connection?.close().catch(() => {})
        const why = describe(error, this.#options.nats)
        if (this.#trouble !== why) log.warn({ why }, 'NATS away')
        this.#trouble = why
      }
      failures += 1
      const pauseMs = backoffMs(failures, backoff ?? { firstMs: 1000, longestMs: 30_000 }, random)
      await clock.sleep(pauseMs, signal).catch(() => {})
    }
  }

  /** @returns why it is over, when it is */
  async #open(take: (arrival: Arrival) => void): Promise<{ readonly over: Promise<Error> }> {
    const { nats, name, ahead, log, clock = systemClock } = this.#options
    const connection = await connect(await connectionOptions(nats, name))
    this.#connection = connection
    if (this.#ended.signal.aborted) await connection.close()
    const manager = await connection.jetstreamManager()
    if (await ensureStream(manager, nats)) log.info({ stream: nats.stream }, 'stream made')
    await ensureConsumer(manager, nats)
    const consumer = await connection.jetstream().consumers.get(nats.stream, nats.consumer)
    const trouble = (why: Error | undefined): void => this.#answers(why)
    const options = { ahead, ackWaitMs: nats.ack_wait_s * 1000, clock, trouble }
    const messages = new Fetching(consumer, options, (message, answered) =>
      take(arrivalOf(message, answered)),
    )
    this.#messages = messages
    if (this.#ended.signal.aborted) await messages.close()
    if (this.#trouble !== undefined) log.info({ server: connection.getServer() }, 'NATS connected')
    this.#trouble = undefined
    this.#silence = undefined
    void this.#watch(connection)
    const gone = Promise.race([connection.closed(), messages.closed()])
    return { over: gone.then((error) => error ?? new Error('the server ended it')) }
  }

  /** @param why it does not answer; undefined: it does */
  #answers(why: Error | undefined): void {
    const { log, nats } = this.#options
    if (why !== undefined && this.#silence === undefined)
      log.warn({ why: describe(why, nats) }, 'JetStream does not answer')
    if (why === undefined && this.#silence !== undefined) log.info('JetStream answers')
    this.#silence = why === undefined ? undefined : describe(why, nats)
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const { type, data } of connection.status()) {
      if (type === 'disconnect') this.#trouble = `not connected to ${data}`
      if (type === 'reconnect') this.#trouble = undefined
    }
  }
}

/** @param answered called once, whatever the answer is */
function arrivalOf(message: JsMsg, answered: () => void): Arrival {
  const answer = (act: () => void) => (): void => {
    answered()
    quietly(act)
  }
  return {
    topic: message.subject.replaceAll('.', '/'),
    payload: message.data,
    acknowledge: answer(() => message.ack()),
    working: () => quietly(() => message.working()),
    release: answer(() => message.nak()),
  }
}
