import { setTimeout as delay } from 'node:timers/promises'
import { ErrorCode, type JsMsg, NatsError } from 'nats'
import type { Clock } from '../../drivers/clock.ts'
import { quietly } from './jetstream.ts'

/** How long a request for messages stands. */
const EXPIRES_MS = 10_000
/** After a change of leaders a request is lost without a word: two missing heartbeats, and it is made again. */
const HEARTBEAT_MS = 1000
const RETRY_MS = 250
/** Times within `ack_wait` that a claim is made again. */
const CLAIMS = 3

export interface FetchingOptions {
  /** Messages that may be unanswered. */
  readonly ahead: number
  /** When the server gives an unanswered message to another. */
  readonly ackWaitMs: number
  readonly clock: Clock
  /** Told why the server does not answer, at every attempt, and undefined when it does. */
  readonly trouble: (why: Error | undefined) => void
}

/** The answer to one request. */
interface Messages<Message> extends AsyncIterable<Message> {
  close(): Promise<unknown>
}

/** What is asked of a pull consumer of JetStream. */
export interface Asked<Message> {
  fetch(request: {
    readonly max_messages: number
    readonly expires: number
    readonly idle_heartbeat: number
  }): Promise<Messages<Message>>
  info(): Promise<unknown>
}

/**
 * Asks a consumer for as many messages as there is room for, no more. The client's own `consume` asks for the next as soon
 * as one is handed over, until the worker holds all that waits; whatever lies there longer than `ack_wait` comes again,
 * and makes all else wait longer. What is held is claimed while it waits: a store slower than `ack_wait` would else get every
 * message again, and do nothing but repeats.
 */
export class Fetching<Message extends Pick<JsMsg, 'working'>> {
  readonly #consumer: Asked<Message>
  readonly #options: FetchingOptions
  readonly #take: (message: Message, answered: () => void) => void
  readonly #running: Promise<Error | undefined>
  /** Handed out, and without an answer yet. */
  readonly #held = new Set<Message>()
  #ended = false
  #answered: () => void = () => {}
  #messages: Messages<Message> | undefined
  /** Why the last request failed. */
  #trouble: Error | undefined
  #cancel: () => void = () => {}

  /** @param take is told of each message, and says when it is answered; where it throws, it is over */
  constructor(
    consumer: Asked<Message>,
    options: FetchingOptions,
    take: (message: Message, answered: () => void) => void,
  ) {
    this.#consumer = consumer
    this.#options = options
    this.#take = take
    this.#claim()
    this.#running = this.#run()
      .catch(asError)
      .finally(() => {
        // What was handed out before `close` is still being stored, and claimed until it is.
        if (!this.#ended) this.forget()
      })
  }

  /** Resolves when nothing more comes: with the reason, where it was not closed. */
  closed(): Promise<Error | undefined> {
    return this.#running
  }

  async close(): Promise<void> {
    this.#ended = true
    this.#answered()
    await this.#messages?.close()
    await this.#running
  }

  /** The connection is gone: what is held comes again by another one. */
  forget(): void {
    this.#held.clear()
    this.#cancel()
  }

  #claim(): void {
    const { clock, ackWaitMs } = this.#options
    this.#cancel = clock.after(ackWaitMs / CLAIMS, () => {
      for (const message of this.#held) quietly(() => message.working())
      this.#claim()
    })
  }

  async #run(): Promise<Error | undefined> {
    while (!this.#ended) {
      const room = this.#options.ahead - this.#held.size
      if (room < this.#options.ahead / 2) {
        await new Promise<void>((resolve) => {
          this.#answered = resolve
        })
        continue
      }
      for await (const message of this.#fetched(room)) this.#hand(message)
      if (this.#trouble === undefined || this.#ended) continue
      const gone = await this.#gone()
      if (gone !== undefined) return gone
      await delay(RETRY_MS)
    }
    return undefined
  }

  /** What one request brings; ends, and says so, when it fails. */
  async *#fetched(room: number): AsyncGenerator<Message> {
    const request = { max_messages: room, expires: EXPIRES_MS, idle_heartbeat: HEARTBEAT_MS }
    let some = false
    try {
      const messages = await this.#consumer.fetch(request)
      this.#messages = messages
      if (this.#ended) await messages.close()
      for await (const message of messages) {
        if (!some) this.#say(undefined)
        some = true
        yield message
      }
      // The client ends a request that nobody answers as one for which there is nothing.
      if (!some && !this.#ended) await this.#consumer.info()
      this.#say(undefined)
    } catch (error) {
      if (!this.#ended) this.#say(asError(error))
    }
  }

  #say(why: Error | undefined): void {
    this.#trouble = why
    this.#options.trouble(why)
  }

  #hand(message: Message): void {
    this.#held.add(message)
    this.#take(message, () => {
      this.#held.delete(message)
      this.#answered()
    })
  }

  /** Why no other request can do better; undefined where the next one may. */
  async #gone(): Promise<Error | undefined> {
    try {
      await this.#consumer.info()
      return undefined
    } catch (error) {
      if (!(error instanceof NatsError)) return asError(error)
      const isOver = error.api_error?.code === 404 || error.code === ErrorCode.ConnectionClosed
      return isOver ? error : undefined
    }
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
