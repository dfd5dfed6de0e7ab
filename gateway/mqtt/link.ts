import { Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import type { Clock } from '../../drivers/clock.ts'
import { type Backoff, backoffMs } from '../backoff.ts'
import type { Log } from '../log.ts'
import { credentialsOf, type MqttEndpoint } from '../mqtt-endpoint.ts'
import { FileWatch } from './file-watch.ts'

/** A broker, how to be let in, and how long it remembers. */
export interface Endpoint extends MqttEndpoint {
  /** Default 1.3. */
  readonly tlsMinVersion?: '1.3' | '1.2' | undefined
  /** How long the broker keeps the session of a broken connection, s. Default: 60 with MQTT 5, 0 with 3.1.1. */
  readonly sessionExpiryS?: number | undefined
}

export interface LinkOptions {
  readonly endpoint: Endpoint
  readonly clock: Clock
  readonly log: Log
  /** The last will, written anew for every connection. */
  readonly will: () => { readonly topic: string; readonly payload: string }
  /** Called with every new connection, before anything else is sent on it. */
  readonly opened: (client: MqttClient) => void
  /** Called when another client has come with our client id, and the broker says so (MQTT 5, reason 0x8E). */
  readonly takenOver?: () => void
  /** Called when the broker closed an open connection and gave no reason. */
  readonly closed?: () => void
  /** Default: 0.25 s, doubled up to 15 s. */
  readonly backoff?: Backoff
  /** In [0, 1); default `Math.random`. */
  readonly random?: () => number
  /** A connection that is not accepted by then is given up, ms. Default 10 s. */
  readonly connectMs?: number
  /** How often to look whether the certificate's files were replaced, ms. Default 5 s. */
  readonly watchMs?: number
}

const KEEPALIVE_S = 15
/** A connection that lasted this long was a good one: the next attempt comes soon. */
const STEADY_MS = 5000

/** How long a connection may take to have acknowledged what is under way, when another is to take its place, ms. */
const HANDOVER_MS = 5000

/** Session taken over (MQTT 5 §3.14.2.1). */
const TAKEN_OVER = 0x8e
const DEFAULT_EXPIRY_S = { '5': 60, '3.1.1': 0 } as const

/**
 * One connection to a broker, made again whenever it breaks, each on a client of its own: what `mqtt` would keep for a
 * later connection it can lose (its #2015), so nothing is left with it. The session that a broker keeps meanwhile holds
 * what was sent to us; what we had not had acknowledged we send again from the log, as new messages.
 */
export class MqttLink {
  readonly #options: LinkOptions
  readonly #ended = new AbortController()
  #running: Promise<void> | undefined
  #client: MqttClient | undefined
  #waiting = new Set<(client: MqttClient) => void>()
  #error: Error | undefined
  #dropped: Error | undefined
  #connections = 0
  #resumed = 0
  #taken = false
  #stopping = false
  /** The connection that makes room for one with a renewed certificate. */
  #leaving: MqttClient | undefined
  readonly #watch: FileWatch

  constructor(options: LinkOptions) {
    this.#options = options
    const { caFile, certFile, keyFile } = options.endpoint
    this.#watch = new FileWatch(
      [caFile, certFile, keyFile].filter((file) => file !== undefined),
      () => this.#renewed(),
      options.watchMs ?? 5000,
    )
  }

  /** The living connection, if there is one. */
  get client(): MqttClient | undefined {
    return this.#client
  }

  /** Why there is no connection. */
  get error(): Error | undefined {
    return this.#client === undefined ? this.#error : undefined
  }

  /** How many times it connected. */
  get connections(): number {
    return this.#connections
  }

  /** How many of those took up the session of the one before. */
  get resumed(): number {
    return this.#resumed
  }

  /** Begins to connect. */
  start(): void {
    this.#running ??= this.#watch.start().then(() => this.#run(this.#ended.signal))
  }

  /** Sends what is queued and a DISCONNECT (so no last will), waiting at most `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true
    await this.#watch.stop()
    const client = this.#client
    if (client !== undefined) {
      const over = new AbortController()
      // A station that was stopped wants no command that was meant for the one that ran.
      const { protocolVersion } = this.#options.endpoint
      const last = protocolVersion === '5' ? { properties: { sessionExpiryInterval: 0 } } : {}
      const ended = client.endAsync(false, last).catch(() => {})
      await Promise.race([ended, this.#options.clock.sleep(graceMs, over.signal).catch(() => {})])
      over.abort()
    }
    this.#ended.abort()
    await this.#running
    this.#client = undefined
  }

  /**
   * Waits for a connection.
   * @throws after `deadlineMs`, with the reason why there is none
   */
  async connected(deadlineMs: number, signal: AbortSignal): Promise<MqttClient> {
    if (this.#client !== undefined) return this.#client
    const over = new AbortController()
    let hear: (client: MqttClient) => void = () => {}
    const opened = new Promise<MqttClient>((resolve) => {
      hear = resolve
      this.#waiting.add(resolve)
    })
    try {
      const late = this.#options.clock.sleep(deadlineMs, AbortSignal.any([signal, over.signal]))
      const client = await Promise.race([opened, late])
      if (client !== undefined) return client
      throw this.#error ?? new Error(`no connection to ${this.#options.endpoint.url} yet`)
    } finally {
      this.#waiting.delete(hear)
      over.abort()
    }
  }

  /** Breaks a connection that is no use any more, without a DISCONNECT; a new one is made. */
  drop(client: MqttClient, error: Error): void {
    if (client === this.#client) this.#dropped = error
    breakOff(client)
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, backoff = { firstMs: 250, longestMs: 15_000 }, random = Math.random } = this.#options
    let failures = 0
    while (!signal.aborted) {
      const since = clock.now()
      const error = await this.#once(signal)
      if (signal.aborted || this.#stopping) return
      if (this.#leaving !== undefined) {
        this.#leaving = undefined
        failures = 0
        continue
      }
      failures = clock.now() - since > STEADY_MS ? 1 : failures + 1
      // Whoever comes back at once throws the other out, who does the same: two clients, and no work done.
      if (this.#taken) failures = Number.MAX_SAFE_INTEGER
      this.#taken = false
      this.#broken(error)
      await clock.sleep(backoffMs(failures, backoff, random), signal).catch(() => {})
    }
  }

  /**
   * The certificate's files were replaced: a new connection takes the place of this one, which first has acknowledged
   * what is under way and says goodbye, so that there is no last will. Files that are no good change nothing.
   */
  async #renewed(): Promise<void> {
    const { endpoint, log, clock } = this.#options
    try {
      const { ca, cert, key } = await credentialsOf(endpoint)
      createSecureContext({ ca, cert, key })
    } catch (err) {
      log.warn({ broker: endpoint.url, err }, 'renewed certificate not taken up')
      return
    }
    const client = this.#client
    if (client === undefined || this.#stopping) return
    log.info({ broker: endpoint.url }, 'certificate renewed, connecting anew')
    this.#leaving = client
    this.#client = undefined
    const cancel = clock.after(HANDOVER_MS, () => breakOff(client))
    client.once('close', cancel)
    client.end(false)
  }

  /** One connection from beginning to end. @returns why it ended */
  async #once(signal: AbortSignal): Promise<Error> {
    let client: MqttClient
    try {
      const options = await this.#clientOptions()
      signal.throwIfAborted()
      client = mqtt.connect(this.#options.endpoint.url, options)
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error))
    }
    let failure: Error | undefined
    const gone = new Promise<void>((resolve) => client.once('close', resolve))
    const abort = (): void => breakOff(client)
    client.on('error', (error) => {
      failure ??= error
    })
    client.on('disconnect', ({ reasonCode }) => {
      failure ??= new Error(`the broker ended the connection: ${reasonText(reasonCode ?? 0)}`)
      if (reasonCode !== TAKEN_OVER) return
      this.#taken = true
      this.#options.takenOver?.()
    })
    // A batch waits for its last acknowledgement: Nagle's algorithm would add the other side's delayed ACK to each.
    if (client.stream instanceof Socket) client.stream.setNoDelay(true)
    client.once('connect', ({ sessionPresent }) => this.#opened(client, sessionPresent))
    signal.addEventListener('abort', abort, { once: true })
    await gone
    signal.removeEventListener('abort', abort)
    // Lets the callbacks of what was in flight go: no acknowledgement can come any more.
    client.end(true)
    const dropped = this.#dropped
    this.#dropped = undefined
    const wordless = dropped === undefined && failure === undefined && this.#client === client
    if (wordless && !this.#stopping && !signal.aborted) this.#options.closed?.()
    return dropped ?? failure ?? new Error('the connection was closed')
  }

  #opened(client: MqttClient, resumed: boolean): void {
    this.#client = client
    this.#connections += 1
    if (resumed) this.#resumed += 1
    this.#options.log.info({ broker: this.#options.endpoint.url }, 'broker connected')
    this.#options.opened(client)
    for (const resolve of this.#waiting) resolve(client)
    this.#waiting.clear()
  }

  #broken(cause: Error): void {
    const { endpoint, log } = this.#options
    const dropped = this.#client !== undefined
    this.#client = undefined
    const error = new Error(`${endpoint.url}: ${describe(cause)}`, { cause })
    if (dropped || this.#error?.message !== error.message)
      log.warn({ broker: endpoint.url, err: error }, 'broker away')
    this.#error = error
  }

  async #clientOptions(): Promise<IClientOptions> {
    const { endpoint, will, connectMs } = this.#options
    const version5 = endpoint.protocolVersion === '5'
    const { sessionExpiryS = DEFAULT_EXPIRY_S[endpoint.protocolVersion] } = endpoint
    return {
      ...(await credentialsOf(endpoint)),
      protocolVersion: version5 ? 5 : 4,
      clean: sessionExpiryS === 0,
      // Goes to Node's `tls.connect`; the types of `mqtt` do not know it.
      ...{ minVersion: endpoint.tlsMinVersion === '1.2' ? 'TLSv1.2' : 'TLSv1.3' },
      reconnectPeriod: 0,
      // 65,536 buffers for the numbers that a packet may hold: 9 MB, for nothing that could be measured.
      writeCache: false,
      resubscribe: false,
      queueQoSZero: false,
      keepalive: KEEPALIVE_S,
      connectTimeout: connectMs ?? 10_000,
      will: { ...will(), qos: 1, retain: true },
      ...(version5
        ? {
            properties: {
              sessionExpiryInterval: sessionExpiryS,
              receiveMaximum: 32,
              maximumPacketSize: 1 << 20,
            },
          }
        : {}),
    }
  }
}

function breakOff(client: MqttClient): void {
  client.end(true)
  // A client that is ending already ignores the line above and waits for its acknowledgements.
  client.stream.destroy()
}

function reasonText(code: number): string {
  const texts: Readonly<Record<number, string>> = mqtt.ReasonCodes
  return texts[code] ?? `reason ${code}`
}

function describe(error: Error): string {
  // Node's AggregateError (a host with several addresses) has no message of its own.
  if (error instanceof AggregateError) return error.errors.map(String).join(', ')
  return error.message
}
