import { readFile } from 'node:fs/promises'
import {
  AckPolicy,
  type ConnectionOptions,
  type ConsumerMessages,
  connect,
  credsAuthenticator,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamManager,
  type JsMsg,
  type NatsConnection,
  NatsError,
  nanos,
  RetentionPolicy,
  StorageType,
} from 'nats'
import type { Log } from '../log.ts'
import type { Arrival, Source } from './arrival.ts'
import type { NatsSourceOptions } from './options.ts'

/** What the MQTT topics of all stations' inspections are as a NATS subject. */
export const INSPECTION_SUBJECT = 'poincon.*.*.*.inspection'

const DAY_MS = 86_400_000
const GB = 1_000_000_000

export interface JetStreamSourceOptions {
  readonly nats: NatsSourceOptions
  /** Names the connection. */
  readonly name: string
  /** Messages that are fetched ahead. */
  readonly ahead: number
  readonly log: Log
}

/**
 * Inspections out of a JetStream stream, by a durable pull consumer that any number of workers share: each message goes
 * to one of them, and to another when it is not acknowledged in time.
 */
export class JetStreamSource implements Source {
  readonly #options: JetStreamSourceOptions
  #connection: NatsConnection | undefined
  #messages: ConsumerMessages | undefined
  #trouble: string | undefined = 'not connected yet'

  constructor(options: JetStreamSourceOptions) {
    this.#options = options
  }

  get trouble(): string | undefined {
    return this.#trouble
  }

  async start(take: (arrival: Arrival) => void): Promise<void> {
    const { nats, name, ahead, log } = this.#options
    const connection = await connect(await connectionOptions(nats, name))
    this.#connection = connection
    this.#trouble = undefined
    void this.#watch(connection)
    const manager = await connection.jetstreamManager()
    if (await ensureStream(manager, nats)) log.info({ stream: nats.stream }, 'stream made')
    await ensureConsumer(manager, nats)
    const consumer = await connection.jetstream().consumers.get(nats.stream, nats.consumer)
    this.#messages = await consumer.consume({
      max_messages: ahead,
      // After a change of leaders a request is lost without a word: two missing heartbeats, and it is made again.
      expires: 10_000,
      idle_heartbeat: 1000,
      callback: (message) => take(arrivalOf(message)),
    })
  }

  async pause(): Promise<void> {
    await this.#messages?.close()
  }

  async close(): Promise<void> {
    await this.#connection?.drain()
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const { type, data } of connection.status()) {
      if (type === 'disconnect') this.#trouble = `not connected to ${data}`
      if (type === 'reconnect') this.#trouble = undefined
    }
  }
}

function arrivalOf(message: JsMsg): Arrival {
  return {
    topic: message.subject.replaceAll('.', '/'),
    payload: message.data,
    acknowledge: () => quietly(() => message.ack()),
    working: () => quietly(() => message.working()),
    release: () => quietly(() => message.nak()),
  }
}

/** On a connection that was closed meanwhile the message comes again. */
function quietly(act: () => void): void {
  try {
    act()
  } catch (error) {
    if (!(error instanceof NatsError)) throw error
  }
}

/** How a connection to the cluster is made; it then lasts, over every break. */
export async function connectionOptions(nats: NatsSourceOptions, name: string): Promise<ConnectionOptions> {
  const { servers, username, password_file, credentials_file, ca_file, cert_file, key_file } = nats
  const password =
    password_file === undefined ? undefined : (await readFile(password_file, 'utf8')).replace(/\r?\n$/, '')
  const tls = {
    ...(ca_file === undefined ? {} : { caFile: ca_file }),
    ...(cert_file === undefined ? {} : { certFile: cert_file }),
    ...(key_file === undefined ? {} : { keyFile: key_file }),
  }
  return {
    servers: [...servers],
    name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 1000,
    timeout: 10_000,
    ...(username === undefined ? {} : { user: username }),
    ...(password === undefined ? {} : { pass: password }),
    ...(credentials_file === undefined
      ? {}
      : { authenticator: credsAuthenticator(await readFile(credentials_file)) }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
  }
}

/** Makes the stream where there is none; one that is there is its administrator's. @returns whether it was made */
async function ensureStream(manager: JetStreamManager, nats: NatsSourceOptions): Promise<boolean> {
  try {
    const { config } = await manager.streams.info(nats.stream)
    if (config.subjects.length > 0 || config.sources !== undefined || config.mirror !== undefined)
      return false
    throw new Error(`the stream ${nats.stream} takes no subject: expected ${INSPECTION_SUBJECT}`)
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
  await manager.streams.add({
    name: nats.stream,
    subjects: [INSPECTION_SUBJECT],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    num_replicas: nats.replicas,
    max_age: nanos(nats.max_age_days * DAY_MS),
    ...(nats.max_gb === undefined ? {} : { max_bytes: Math.round(nats.max_gb * GB) }),
  })
  return true
}

async function ensureConsumer(manager: JetStreamManager, nats: NatsSourceOptions): Promise<void> {
  const limits = { ack_wait: nanos(nats.ack_wait_s * 1000), max_ack_pending: nats.max_ack_pending }
  try {
    const { config } = await manager.consumers.info(nats.stream, nats.consumer)
    if (config.ack_wait !== limits.ack_wait || config.max_ack_pending !== limits.max_ack_pending)
      await manager.consumers.update(nats.stream, nats.consumer, limits)
  } catch (error) {
    if (!isNotFound(error)) throw error
    await manager.consumers.add(nats.stream, {
      durable_name: nats.consumer,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      max_deliver: -1,
      ...limits,
    })
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof NatsError && error.api_error?.code === 404
}

/** What waits before the workers: not delivered yet, and delivered without an acknowledgement. */
export async function waitingIn(
  connection: NatsConnection,
  { stream, consumer }: NatsSourceOptions,
): Promise<{ readonly pending: number; readonly unacknowledged: number; readonly redelivered: number }> {
  const manager = await connection.jetstreamManager()
  const info = await manager.consumers.info(stream, consumer)
  return {
    pending: info.num_pending,
    unacknowledged: info.num_ack_pending,
    redelivered: info.num_redelivered,
  }
}
