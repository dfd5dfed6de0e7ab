import type { IPublishPacket } from 'mqtt'
import type { Clock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'
import type { OutboxEntry } from '../outbox.ts'
import { wishOf } from './commands.ts'
import type { Connection, Death } from './connection.ts'
import type { PrimaryHost } from './host-state.ts'
import { type EdgeNodeTopics, hostStateTopic } from './topics.ts'
import type { Voice } from './voice.ts'

export interface SessionOptions {
  readonly connection: Connection
  readonly voice: Voice
  readonly topics: EdgeNodeTopics
  readonly host: PrimaryHost | undefined
  /** The certificate for an end on purpose. */
  readonly death: () => Death
  /** Inspections stored and not yet acknowledged, asked at the first birth: they are history. */
  readonly backlog: () => number
  /** Awaited before the first birth: what it tells are present values. Never rejects. */
  readonly recall: () => Promise<void>
  /** Called after the first birth: inspections may follow. */
  readonly born: () => void
  /** Called for every command that asks for nothing that there is. */
  readonly refused: () => void
  readonly clock: Clock
  readonly log: Log
}

/** How long a death of our own may take, ms. */
const FAREWELL_MS = 1000

/**
 * The life of an edge node on one connection: birth, data, death. With a primary host nothing is said before it is
 * online, and all ends when it goes.
 */
export class EdgeNodeSession {
  readonly #options: SessionOptions
  /** `due`: it may be born, and present values are fetched for that. */
  #state: 'unborn' | 'due' | 'alive' | 'dead' = 'unborn'
  /** Of the next inspections, those that were stored before this connection. */
  #historical = 0

  constructor(options: SessionOptions) {
    this.#options = options
  }

  /** It gave birth, and is not over. */
  get alive(): boolean {
    return this.#state === 'alive'
  }

  /** The broker took it in; with a primary host it may have to wait. */
  get accepted(): boolean {
    return this.#options.connection.client.connected
  }

  /**
   * Subscribes, gives birth as soon as it may, and goes on to the end of the connection.
   * @returns why it ended
   */
  async run(): Promise<Error> {
    const { connection, topics, host } = this.#options
    connection.client.on('message', (topic, payload, packet) => {
      this.#hear(topic, payload, packet).catch((error: unknown) => connection.drop(asError(error)))
    })
    host?.forget()
    try {
      await connection.accepted()
      const filters = [topics.nodeCommand, topics.deviceCommand]
      if (host !== undefined) filters.push(hostStateTopic(host.id))
      await connection.subscribe(filters)
      if (host === undefined) await this.#begin()
    } catch (error) {
      connection.drop(asError(error))
    }
    const why = await connection.ended
    this.#state = 'dead'
    return why
  }

  /**
   * Sends inspections as data, and waits until the broker has read them.
   * @returns the last sequence that it has, with all before it
   * @throws Error when the session ends before: whoever listens may have some of them
   * @throws RefusedError when the first can never be sent
   */
  async deliver(
    batch: readonly OutboxEntry[],
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { connection, voice } = this.#options
    if (!this.alive) throw new Error('the session is over')
    const told = voice.tell(batch, this.#historical)
    this.#historical = Math.max(0, this.#historical - told)
    try {
      await connection.flushed(deadlineMs, signal)
    } catch (error) {
      // A connection that does not answer is no use; what was sent on it is sent again on the next.
      if (!signal.aborted) connection.drop(asError(error))
      throw error
    }
    // A primary host that went meanwhile may not have got them.
    if (!this.alive) throw new Error('the session ended before the broker had everything')
    return batch[told - 1]?.sequence
  }

  /** Tells what the node says of itself, as far as it changed. */
  announce(): void {
    if (this.alive) this.#options.voice.announce()
  }

  /** Ends the session on purpose: a death first, where there was a birth. */
  async leave(error: Error): Promise<void> {
    const { connection, death } = this.#options
    const { alive } = this
    this.#state = 'dead'
    // A birth is the first thing that an edge node may publish (tck-id-principles-birth-certificates-order): without
    // one, the death is left to the broker.
    if (alive) await connection.leave(death(), FAREWELL_MS, error)
    else connection.drop(error)
    await connection.ended
  }

  async #hear(topic: string, payload: Buffer, { retain }: IPublishPacket): Promise<void> {
    const { topics, host } = this.#options
    if (host !== undefined && topic === hostStateTopic(host.id)) await this.#hearHost(host, payload)
    else if (topic === topics.nodeCommand) this.#obey('node', payload, retain)
    else if (topic === topics.deviceCommand) this.#obey('device', payload, retain)
  }

  async #hearHost(host: PrimaryHost, payload: Buffer): Promise<void> {
    const heard = host.hear(payload)
    if (heard === 'invalid' || heard === 'stale')
      this.#options.log.warn({ host: host.id, heard }, 'host state ignored')
    // After a death on this connection it is the next one that gives birth.
    if (heard === 'online' && this.#state === 'unborn') await this.#begin()
    if (heard === 'offline' && this.#state === 'due') this.#state = 'unborn'
    if (heard === 'offline' && this.alive)
      await this.leave(new Error(`the primary host ${host.id} went offline`))
  }

  #obey(to: 'node' | 'device', payload: Buffer, retain: boolean): void {
    const { log, voice } = this.#options
    // A retained command would be obeyed again at every connection, long after anybody asked for it.
    const { rebirth, refused } = retain ? { rebirth: false, refused: ['retained'] } : wishOf(to, payload)
    if (refused.length > 0) {
      this.#options.refused()
      log.warn({ to, refused }, 'sparkplug command refused')
    }
    if (rebirth && this.alive) voice.birth()
  }

  async #begin(): Promise<void> {
    const { recall, backlog, born, voice, log } = this.#options
    this.#state = 'due'
    await recall()
    // The host went, or the connection, or another message had it born already.
    if (this.#state !== 'due' || !this.accepted) return
    this.#historical = backlog()
    this.#state = 'alive'
    voice.birth()
    log.info({ historical: this.#historical }, 'sparkplug session began')
    born()
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
