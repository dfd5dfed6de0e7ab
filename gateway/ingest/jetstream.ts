import { readFile } from 'node:fs/promises'
import {
  AckPolicy,
  type ConnectionOptions,
  credsAuthenticator,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamManager,
  type NatsConnection,
  NatsError,
  nanos,
  RetentionPolicy,
  StorageType,
} from 'nats'
import type { NatsSourceOptions } from './options.ts'

/** What the MQTT topics of all stations' inspections are as a NATS subject. */
export const INSPECTION_SUBJECT = 'poincon.*.*.*.inspection'

const DAY_MS = 86_400_000
const GB = 1_000_000_000

/**
 * How a connection to the cluster is made; it then lasts over a short break, with the acknowledgements that are under way.
 * What lasts longer is made anew, so that the reason is known and renewed files are read.
 */
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
    maxReconnectAttempts: 5,
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
export async function ensureStream(manager: JetStreamManager, nats: NatsSourceOptions): Promise<boolean> {
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

/** Makes the consumer that all workers share, or brings its limits up to date. */
export async function ensureConsumer(manager: JetStreamManager, nats: NatsSourceOptions): Promise<void> {
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

/** The client wraps what TLS says. */
export function describe(error: unknown, { servers }: NatsSourceOptions): string {
  const text = error instanceof Error ? error.message : String(error)
  const inner = error instanceof NatsError ? error.chainedError?.message : undefined
  return `${servers.join(', ')}: ${inner === undefined || text.includes(inner) ? text : `${text}: ${inner}`}`
}

/** On a connection that was closed meanwhile the message comes again. */
export function quietly(act: () => void): void {
  try {
    act()
  } catch (error) {
    if (!(error instanceof NatsError)) throw error
  }
}
