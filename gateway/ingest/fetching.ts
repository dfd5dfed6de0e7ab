import { setTimeout as delay } from 'node:timers/promises'
import { type Consumer, type ConsumerMessages, ErrorCode, type JsMsg, NatsError } from 'nats'
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
}

/**
 * Asks a consumer for as many messages as there is room for, no more. The client's own `consume` asks for the next as soon
 * as one is handed over, until the worker holds all that waits; whatever lies there longer than `ack_wait` comes again,
 * and makes all else wait longer. What is held is claimed while it waits: a store slower than `ack_wait` would else get every
 * message again, and do nothing but repeats.
 */
export class Fetching {
  readonly #consumer: Consumer
  readonly #options: FetchingOptions
  readonly #take: (message: JsMsg, answered: () => void) => void
  readonly #running: Promise<Error | undefined>
  /** Handed out, and without an answer yet. */
  readonly #held = new Set<JsMsg>()
  #ended = false
  #answered: () => void = () => {}
  #messages: ConsumerMessages | undefined
  #cancel: () => void = () => {}

  /** @param take is told of each message, and says when it is answered */
  constructor(
    consumer: Consumer,
    options: FetchingOptions,
    take: (message: JsMsg, answered: () => void) => void,
  ) {
    this.#consumer = consumer
    this.#options = options
    this.#take = take
    this.#claim()
    this.#running = this.#run().finally(() => {
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
      try {
        await this.#fetch(room)
      } catch {
        if (this.#ended) break
        const gone = await this.#gone()
        if (gone !== undefined) return gone
        await delay(RETRY_MS)
      }
    }
    return undefined
  }

  async #fetch(room: number): Promise<void> {
    const request = { max_messages: room, expires: EXPIRES_MS, idle_heartbeat: HEARTBEAT_MS }
    const messages = await this.#consumer.fetch(request)
    this.#messages = messages
    if (this.#ended) await messages.close()
    for await (const message of messages) {
      this.#held.add(message)
      this.#take(message, () => {
        this.#held.delete(message)
        this.#answered()
      })
    }
  }

  /** Why no other request can do better; undefined where the next one may. */
  async #gone(): Promise<Error | undefined> {
    try {
      await this.#consumer.info()
      return undefined
    } catch (error) {
      if (!(error instanceof NatsError)) return error instanceof Error ? error : new Error(String(error))
      const isOver = error.api_error?.code === 404 || error.code === ErrorCode.ConnectionClosed
      return isOver ? error : undefined
    }
  }
}
