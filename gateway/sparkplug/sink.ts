import type { Clock } from '../../drivers/clock.ts'
import { type Backoff, backoffMs } from '../backoff.ts'
import type { Log } from '../log.ts'
import type { MqttEndpoint } from '../mqtt-endpoint.ts'
import type { OutboxEntry, Sink } from '../outbox.ts'
import type { Unit, UnitStatus } from '../station.ts'
import { BdSeq, type BdSeqMemory } from './bd-seq.ts'
import { Connection } from './connection.ts'
import { DeviceMetrics } from './device-metrics.ts'
import { PrimaryHost } from './host-state.ts'
import { FIRST_DEVICE_ALIAS, type NodeFacts, NodeMetrics } from './node-metrics.ts'
import { EdgeNodeSession } from './session.ts'
import { type EdgeNodeTopics, edgeNodeTopics, hostStateTopic, type SparkplugIds } from './topics.ts'
import { deathOf, Voice, type VoiceCounts } from './voice.ts'
import { Waiting } from './waiting.ts'

export interface SparkplugSinkOptions {
  readonly endpoint: MqttEndpoint
  readonly ids: SparkplugIds
  /** The host whose STATE decides whether anything is said; absent: the node speaks to whoever listens. */
  readonly primaryHost?: string | undefined
  readonly bdSeq: BdSeqMemory
  /** What the node says about itself, asked at every birth and at `announce`. */
  readonly facts: () => NodeFacts
  /** How many entries lie behind this sink's cursor: at a birth, they are history. */
  readonly backlog: () => number
  /** The newest stored inspection, asked before the first birth of a session, which tells its values. */
  readonly newest?: () => Promise<string | undefined>
  readonly clock: Clock
  readonly log: Log
  /** Entries in one batch. Default 100. */
  readonly window?: number
  /** The longest wait for a session, and for the broker's answer after a batch, ms. Default 10 s. */
  readonly deadlineMs?: number
  /** Between attempts to connect; default 0.25 s, doubled up to 15 s. */
  readonly backoff?: Backoff
}

const DEFAULT_BACKOFF: Backoff = { firstMs: 250, longestMs: 15_000 }
/** A session that lasted this long was a good one: the next attempt comes soon. */
const STEADY_MS = 5000

/**
 * A station as an edge node of Sparkplug B 3.0: the inspections as data of its one device. The cursor moves past what
 * the broker has read while the session stood and the primary host, where there is one, was online. Data are QoS 0: what
 * the broker loses on the way to a host is lost there, and the host knows by a gap in `seq` and in `sequence`.
 */
export class SparkplugSink implements Sink, Unit {
  readonly name = 'sparkplug'
  readonly window: number
  readonly #options: SparkplugSinkOptions
  readonly #topics: EdgeNodeTopics
  readonly #host: PrimaryHost | undefined
  readonly #bdSeq: BdSeq
  readonly #node: NodeMetrics
  readonly #device: DeviceMetrics
  readonly #ended = new AbortController()
  readonly #counts: VoiceCounts = { births: 0, historical: 0 }
  readonly #born: Waiting<EdgeNodeSession>
  #running: Promise<void> | undefined
  #session: EdgeNodeSession | undefined
  #error: Error | undefined
  #sessions = 0
  #refusedCommands = 0

  /** @throws RangeError when an id cannot stand in a topic */
  constructor(options: SparkplugSinkOptions) {
    const { ids, primaryHost, bdSeq, facts, clock } = options
    this.#options = options
    this.window = options.window ?? 100
    this.#topics = edgeNodeTopics(ids)
    if (primaryHost !== undefined) {
      hostStateTopic(primaryHost)
      this.#host = new PrimaryHost(primaryHost)
    }
    this.#bdSeq = new BdSeq(bdSeq)
    this.#born = new Waiting(clock)
    this.#node = new NodeMetrics(facts)
    this.#device = new DeviceMetrics(FIRST_DEVICE_ALIAS, clock.wall())
  }

  /** Begins to connect; resolves at once. */
  start(): Promise<void> {
    this.#running ??= this.#run(this.#ended.signal)
    return Promise.resolve()
  }

  /** Publishes the death and disconnects. */
  async stop(): Promise<void> {
    this.#ended.abort()
    await this.#session?.leave(new Error('stopped'))
    await this.#running
  }

  /** Tells the hosts what the node says of itself, as far as it changed: another recipe, another lot. */
  announce(): void {
    this.#session?.announce()
  }

  status(): UnitStatus {
    const host = this.#host
    const facts = {
      alive: this.#session?.alive ?? false,
      sessions: this.#sessions,
      births: this.#counts.births,
      historical: this.#counts.historical,
      refused_commands: this.#refusedCommands,
      ...(host === undefined ? {} : { host_online: host.online ?? false }),
    }
    return facts.alive ? { state: 'ok', facts } : { state: 'degraded', detail: this.#why(), facts }
  }

  async send(batch: readonly OutboxEntry[], signal: AbortSignal): Promise<number | undefined> {
    const { deadlineMs = 10_000 } = this.#options
    const present = this.#session?.alive === true ? this.#session : undefined
    const session = present ?? (await this.#born.next(deadlineMs, signal))
    if (session === undefined) throw new Error(this.#why())
    return await session.deliver(batch, deadlineMs, signal)
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, backoff = DEFAULT_BACKOFF } = this.#options
    let failures = 0
    while (!signal.aborted) {
      const since = clock.now()
      const error = await this.#once(signal)
      this.#session = undefined
      if (signal.aborted) return
      failures = clock.now() - since > STEADY_MS ? 1 : failures + 1
      this.#broken(error)
      await clock.sleep(backoffMs(failures, backoff, Math.random), signal).catch(() => {})
    }
  }

  async #recall(): Promise<void> {
    try {
      const newest = await this.#options.newest?.()
      if (newest !== undefined) this.#device.recall(newest)
    } catch (err) {
      // Births say then that there is no value yet, which is no reason to say nothing.
      this.#options.log.warn({ sink: this.name, err }, 'newest inspection not recalled')
    }
  }

  /** One session from CONNECT to its end. @returns why it ended */
  async #once(signal: AbortSignal): Promise<Error> {
    try {
      const bdSeq = await this.#bdSeq.next()
      const session = await this.#open(bdSeq)
      this.#session = session
      // Stopped while the number was written or the files were read.
      if (signal.aborted) await session.leave(new Error('stopped'))
      return await session.run()
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
  }

  async #open(bdSeq: number): Promise<EdgeNodeSession> {
    const { endpoint, backlog, clock, log } = this.#options
    const topics = this.#topics
    const death = () => deathOf(topics, bdSeq, clock.wall())
    const connection = await Connection.open(endpoint, death(), () => this.#bdSeq.used())
    const { client } = connection
    const [node, device, counts] = [this.#node, this.#device, this.#counts]
    const session: EdgeNodeSession = new EdgeNodeSession({
      connection,
      voice: new Voice({ client, bdSeq, topics, node, device, clock, counts }),
      topics,
      host: this.#host,
      death,
      recall: () => this.#recall(),
      backlog,
      born: () => {
        this.#sessions += 1
        this.#error = undefined
        this.#born.tell(session)
      },
      refused: () => {
        this.#refusedCommands += 1
      },
      clock,
      log,
    })
    return session
  }

  #broken(cause: Error): void {
    const { endpoint, log } = this.#options
    const error = new Error(`${endpoint.url}: ${describe(cause)}`, { cause })
    if (this.#error?.message !== error.message)
      log.warn({ sink: this.name, err: error }, 'no sparkplug session')
    this.#error = error
  }

  /** Why nothing is said. */
  #why(): string {
    if (this.#host !== undefined && this.#session?.accepted === true)
      return `waits for the primary host ${this.#host.id} to be online`
    return this.#error?.message ?? 'no session yet'
  }
}

function describe(error: Error): string {
  // Node's AggregateError (a host with several addresses) has no message of its own.
  return error instanceof AggregateError ? error.errors.map(String).join(', ') : error.message
}
