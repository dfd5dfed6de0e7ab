import type { MqttClient } from 'mqtt'
import type { Clock } from '../../drivers/clock.ts'
import type { Backoff } from '../backoff.ts'
import type { Log } from '../log.ts'
import type { OutboxEntry, Sink } from '../outbox.ts'
import type { Unit, UnitStatus } from '../station.ts'
import type { CommandChannel, CommandRequest, TellOptions } from './commands.ts'
import { leanInspection } from './lean.ts'
import { type Endpoint, MqttLink } from './link.ts'
import { Publisher } from './publish.ts'
import { type OwnName, Rivals, type RivalsOptions } from './rivals.ts'
import { describeState, type StateMessage, type StationFacts } from './state.ts'
import type { StationTopics } from './topics.ts'

export interface MqttSinkOptions {
  /** Names the cursor, for ever: `broker` for the embedded one, `upstream` for the plant's. */
  readonly name: string
  readonly endpoint: Endpoint
  readonly topics: StationTopics
  readonly clock: Clock
  readonly log: Log
  /** What the retained `state` says, asked at every connection and at `announce`. */
  readonly facts: () => StationFacts
  /** What the retained `health` says, asked every 10 s; absent: no `health`. */
  readonly health?: () => unknown
  /** What the retained `checkpoint` says, asked at every connection and at `signed`; undefined: nothing is signed yet. */
  readonly checkpoint?: () => unknown
  /**
   * What the retained `update` says, asked at every connection and at `updated`; null: nothing, and nothing stays, not even
   * what a run before this one said; undefined: nobody knows yet.
   */
  readonly update?: () => unknown
  /** Default `full`. */
  readonly inspection?: 'full' | 'lean'
  /** Entries in one batch. Default 500. */
  readonly window?: number
  /** Publishes under way at once; a broker's receive maximum may lower it. Default 200. */
  readonly inFlight?: number
  /** The longest wait for a connection, and for the next acknowledgement, ms. Default 10 s. */
  readonly deadlineMs?: number
  /** Default 10 s. */
  readonly healthPeriodMs?: number
  /** Who we are, to notice who else says that they are. Absent: nobody looks. */
  readonly own?: () => OwnName
  /** Whether to listen on our own topics for it. Default true. */
  readonly watch?: boolean
  /** What our log has under a sequence, to tell a copy of this station from an echo. */
  readonly known?: RivalsOptions['known']
  /** Between attempts to connect; default 0.25 s, doubled up to 15 s. */
  readonly backoff?: Backoff
  /** How often to look whether the certificate's files were replaced, ms. Default 5 s. */
  readonly watchMs?: number
}

/** Who is told of what comes. */
interface Listener {
  readonly filters: string[]
  readonly receive: (request: CommandRequest) => void
}

const DEADLINE_MS = 10_000

/** How long the last words may take at `stop`, ms. */
const FAREWELL_MS = 1000

/**
 * A station on one broker: delivers its inspections (QoS 1, from the cursor), keeps its `state`, `health`, `checkpoint`
 * and `update` retained and carries its commands. It connects by itself and again after every break.
 */
export class MqttSink implements Sink, Unit, CommandChannel {
  readonly name: string
  readonly window: number
  readonly #options: MqttSinkOptions
  readonly #link: MqttLink
  #state: StateMessage['state'] = 'online'
  readonly #listeners: Listener[] = []
  #commandError: string | undefined
  readonly #rivals: Rivals | undefined
  #publisher: Publisher | undefined
  #healthTimer: NodeJS.Timeout | undefined

  constructor(options: MqttSinkOptions) {
    this.name = options.name
    this.window = options.window ?? 500
    this.#options = options
    const { own, known, clock, log, endpoint } = options
    this.#rivals =
      own === undefined
        ? undefined
        : new Rivals({
            get where() {
              return endpoint.url
            },
            ...{ own, log, now: () => clock.now() },
            ...(known === undefined ? {} : { known }),
          })
    this.#link = new MqttLink({
      endpoint: options.endpoint,
      clock: options.clock,
      log: options.log,
      will: () => ({ topic: options.topics.state, payload: this.#describe('offline', 'connection-lost') }),
      opened: (client) => this.#opened(client),
      takenOver: () => this.#rivals?.takenOver(options.endpoint.clientId),
      closed: () => this.#rivals?.closed(options.endpoint.clientId),
      ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
      ...(options.watchMs === undefined ? {} : { watchMs: options.watchMs }),
    })
  }

  /** Begins to connect; resolves at once. From the moment `signal` aborts the state is `draining`. */
  start(signal: AbortSignal): Promise<void> {
    this.#link.start()
    signal.addEventListener('abort', () => this.#enter('draining'), { once: true })
    if (this.#options.health !== undefined) {
      this.#healthTimer = setInterval(() => this.#publishHealth(), this.#options.healthPeriodMs ?? 10_000)
    }
    return Promise.resolve()
  }

  /** Says `offline`, so that nobody takes the silence for a fault, and disconnects. */
  async stop(): Promise<void> {
    clearInterval(this.#healthTimer)
    this.#enter('offline')
    await this.#link.stop(FAREWELL_MS)
  }

  /** Publishes the retained state anew: the recipe or the lot has changed. */
  announce(): void {
    this.#enter(this.#state)
  }

  /** Publishes the retained checkpoint anew: the chain was signed. */
  signed(client = this.#link.client): void {
    const { checkpoint, topics } = this.#options
    const last = checkpoint?.()
    if (last === undefined) return
    this.#publish(topics.checkpoint, JSON.stringify(last), { qos: 1, retain: true }, client)
  }

  /** Publishes the retained update anew: it is at another point. What is no more is taken back. */
  updated(client = this.#link.client): void {
    const { update, topics } = this.#options
    const said = update?.()
    if (said === undefined) return
    const payload = said === null ? '' : JSON.stringify(said)
    this.#publish(topics.update, payload, { qos: 1, retain: true }, client)
  }

  status(): UnitStatus {
    const { client, connections, resumed, error } = this.#link
    const facts = { connected: client !== undefined, connections, resumed, rivals: this.#rivals?.count ?? 0 }
    // Two stations of one name throw each other out: that is the trouble, not that the line is down.
    const detail = this.#rivals?.detail() ?? error?.message ?? this.#commandError
    if (detail !== undefined) return { state: 'degraded', detail, facts }
    return facts.connected
      ? { state: 'ok', facts }
      : { state: 'degraded', detail: 'not connected yet', facts }
  }

  async send(batch: readonly OutboxEntry[], signal: AbortSignal): Promise<number | undefined> {
    const client = await this.#link.connected(this.#options.deadlineMs ?? DEADLINE_MS, signal)
    if (this.#publisher?.client !== client) this.#publisher = this.#publisherOn(client)
    const outcome = await this.#publisher.send(batch, signal)
    if (outcome.error !== undefined) {
      if (outcome.broken) this.#link.drop(client, outcome.error)
      if (outcome.acknowledged === 0) throw outcome.error
    }
    return batch[outcome.acknowledged - 1]?.sequence
  }

  #publisherOn(client: MqttClient): Publisher {
    const { topics, inspection, inFlight = 200, deadlineMs = DEADLINE_MS } = this.#options
    const encode = inspection === 'lean' ? lean : full
    return new Publisher({
      client,
      topic: topics.inspection,
      encode,
      inFlight,
      deadlineMs,
      window: this.window,
    })
  }

  listen(filters: readonly string[], receive: (request: CommandRequest) => void): void {
    const listener = { filters: [...filters], receive }
    this.#listeners.push(listener)
    const client = this.#link.client
    if (client !== undefined) this.#subscribe(client, listener.filters, () => {})
  }

  /**
   * Publishes an alert at QoS 1. @returns when the broker has it
   * @throws Error when there is no connection, or it breaks before; the broker may have it all the same
   */
  async alert(payload: string): Promise<void> {
    const { topics, deadlineMs = DEADLINE_MS } = this.#options
    const client = this.#link.client
    if (client?.connected !== true) throw new Error(`${this.name}: not connected`)
    const acknowledged = client.publishAsync(topics.alert, payload, {
      qos: 1,
      properties: { contentType: 'application/json' },
    })
    await untilClosed(client, acknowledged, deadlineMs)
  }

  reply(topic: string, payload: string, correlation?: Buffer): void {
    const properties = {
      contentType: 'application/json',
      ...(correlation === undefined ? {} : { correlationData: correlation }),
    }
    this.#publish(topic, payload, { qos: 1, properties })
  }

  /** @throws when the connection is gone, or the broker says that nobody listens (MQTT 5, reason 0x10) */
  async tell(
    topic: string,
    payload: string,
    { correlation, userProperties }: TellOptions = {},
  ): Promise<void> {
    const client = this.#link.client
    if (client?.connected !== true) throw new Error(`${this.name}: not connected`)
    const properties = {
      contentType: 'application/json',
      ...(correlation === undefined ? {} : { correlationData: correlation }),
      ...(userProperties === undefined ? {} : { userProperties }),
    }
    const taken = await untilClosed(client, client.publishAsync(topic, payload, { qos: 1, properties }))
    if (taken !== undefined && 'reasonCode' in taken && taken.reasonCode === NO_SUBSCRIBERS) {
      throw new Error(`nobody listens on ${topic}`)
    }
  }

  #opened(client: MqttClient): void {
    client.on('message', (topic, payload, packet) => {
      if (this.#isOwn(topic)) {
        // What is retained at the first connection may be what an earlier life of this station left; at later ones it
        // took the place of ours.
        if (!packet.retain || this.#link.connections > 1) this.#heard(payload)
        return
      }
      const { responseTopic, correlationData } = packet.properties ?? {}
      const request = {
        topic,
        payload,
        retain: packet.retain,
        ...(responseTopic === undefined ? {} : { responseTopic }),
        ...(correlationData === undefined ? {} : { correlation: correlationData }),
      }
      for (const { filters, receive } of this.#listeners) {
        if (filters.some((filter) => fits(filter, topic))) receive(request)
      }
    })
    this.#lookOut(client)
    // `online` comes after the subscription: who reads it may send a command at once.
    this.#subscribe(
      client,
      this.#listeners.flatMap(({ filters }) => filters),
      () => {
        this.#enter(this.#state, client)
        this.#publishHealth(client)
        this.signed(client)
        this.updated(client)
      },
    )
  }

  /**
   * Listens on our own topics. With MQTT 5 the broker sends us nothing of what we wrote (no local), so all that comes is
   * another's; with 3.1.1 every inspection would come back, so only `state` is listened to.
   */
  #lookOut(client: MqttClient): void {
    const { topics, endpoint, log, watch = true } = this.#options
    if (this.#rivals === undefined || !watch) return
    const version5 = endpoint.protocolVersion === '5'
    const filters = version5 ? [topics.inspection, topics.state] : [topics.state]
    client.subscribe(filters, version5 ? { qos: 0, nl: true } : { qos: 0 }, (err) => {
      if (err instanceof Error && client.connected)
        log.warn(
          { sink: this.name, err },
          'own topics cannot be watched: a second station of this name goes unseen',
        )
    })
  }

  #isOwn(topic: string): boolean {
    const { topics } = this.#options
    return topic === topics.inspection || topic === topics.state
  }

  #heard(payload: Buffer): void {
    this.#rivals
      ?.heard(payload)
      .catch((err: unknown) => this.#options.log.warn({ sink: this.name, err }, 'own topic not understood'))
  }

  #subscribe(client: MqttClient, filters: string[], then: () => void): void {
    if (filters.length === 0) {
      then()
      return
    }
    client.subscribe(filters, { qos: 1 }, (error) => {
      if (!client.connected) return
      this.#commandError = error instanceof Error ? `no commands: ${error.message}` : undefined
      if (error instanceof Error)
        this.#options.log.warn({ sink: this.name, err: error }, 'commands not subscribed')
      then()
    })
  }

  #enter(state: StateMessage['state'], client = this.#link.client): void {
    this.#state = state
    const payload = this.#describe(state, state === 'offline' ? 'stopped' : undefined)
    this.#publish(this.#options.topics.state, payload, { qos: 1, retain: true }, client)
  }

  #describe(state: StateMessage['state'], reason?: StateMessage['reason']): string {
    return describeState(this.#options.facts(), state, this.#options.clock.wall(), reason)
  }

  #publishHealth(client = this.#link.client): void {
    const { health, topics } = this.#options
    if (health === undefined || client === undefined) return
    try {
      this.#publish(topics.health, JSON.stringify(health()), { qos: 0, retain: true }, client)
    } catch (err) {
      // Called by a timer, where nobody else would hear it.
      this.#options.log.error({ sink: this.name, err }, 'health cannot be told')
    }
  }

  /** Best effort: what is said here is said again at the next connection. */
  #publish(
    topic: string,
    payload: string,
    options: Parameters<MqttClient['publish']>[2] & object,
    client = this.#link.client,
  ): void {
    if (client?.connected) client.publish(topic, payload, options, () => {})
  }
}

/** MQTT 5 §3.4.2.1. */
const NO_SUBSCRIBERS = 0x10

/** What is not answered on this connection never is. @throws Error when it is lost, or after `limitMs` */
async function untilClosed<T>(client: MqttClient, answer: Promise<T>, limitMs?: number): Promise<T> {
  let closed: () => void = () => {}
  let timer: NodeJS.Timeout | undefined
  const gone = new Promise<never>((_, reject) => {
    closed = () => reject(new Error('the connection was lost'))
    if (limitMs === undefined) return
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs)
  })
  client.once('close', closed)
  try {
    return await Promise.race([answer, gone])
  } finally {
    clearTimeout(timer)
    client.removeListener('close', closed)
  }
}

/** Whether a topic is one of a filter's, `+` standing for any one level (MQTT 3.1.1 §4.7); `#` nobody asks for here. */
function fits(filter: string, topic: string): boolean {
  const [wanted, levels] = [filter.split('/'), topic.split('/')]
  return wanted.length === levels.length && wanted.every((level, at) => level === '+' || level === levels[at])
}

function full(entry: OutboxEntry): string {
  return entry.payload
}

function lean(entry: OutboxEntry): string {
  return leanInspection(entry.payload)
}
