import { Socket } from 'node:net'
import mqtt, { type IClientOptions, type MqttClient, type Packet } from 'mqtt'
import { credentialsOf, type MqttEndpoint } from '../mqtt-endpoint.ts'

export interface Death {
  readonly topic: string
  readonly payload: Buffer
}

const KEEPALIVE_S = 15
const CONNECT_MS = 10_000
/** MQTT 5: the broker publishes the will although the client says goodbye (§3.14.2.1). */
const DISCONNECT_WITH_WILL = 0x04

/** One session on a broker, from CONNECT to its end: a clean one, with the death as will. Never made again. */
export class Connection {
  readonly client: MqttClient
  /** Resolves with the reason when the connection is gone, also when it never came to be. */
  readonly ended: Promise<Error>
  readonly #endpoint: MqttEndpoint
  #pings = 0
  #answers = 0
  #failure: Error | undefined

  private constructor(client: MqttClient, endpoint: MqttEndpoint) {
    this.client = client
    this.#endpoint = endpoint
    client.on('error', (error) => this.#fail(error))
    client.on('disconnect', ({ reasonCode }) => {
      this.#fail(new Error(`the broker ended the connection with reason ${reasonCode ?? 0}`))
    })
    client.on('packetsend', ({ cmd }: Packet) => {
      if (cmd === 'pingreq') this.#pings += 1
    })
    client.on('packetreceive', ({ cmd }: Packet) => {
      if (cmd === 'pingresp') this.#answers += 1
    })
    this.ended = new Promise((resolve) => {
      client.once('close', () => {
        // Lets the callbacks of what was in flight go: no acknowledgement can come any more.
        client.end(true)
        resolve(this.#why())
      })
    })
  }

  /**
   * Begins to connect. @param reached called when the broker's port answered, and a CONNECT went out
   * @throws when the files of the endpoint cannot be read
   */
  static async open(endpoint: MqttEndpoint, death: Death, reached: () => void): Promise<Connection> {
    const client = mqtt.connect(endpoint.url, await clientOptions(endpoint, death))
    if (client.stream instanceof Socket) {
      client.stream.setNoDelay(true)
      client.stream.once(endpoint.url.startsWith('mqtts:') ? 'secureConnect' : 'connect', reached)
    }
    return new Connection(client, endpoint)
  }

  /** Resolves when the broker accepts. @throws Error why it does not */
  async accepted(): Promise<void> {
    const accepted = new Promise<undefined>((resolve) =>
      this.client.once('connect', () => resolve(undefined)),
    )
    const error = await Promise.race([accepted, this.ended])
    if (error !== undefined) throw error
  }

  /** Subscribes at QoS 1. @throws Error when the broker does not grant all of it, or the connection ends */
  async subscribe(filters: string[]): Promise<void> {
    const granted = this.client.subscribeAsync(filters, { qos: 1 }).then(
      () => undefined,
      (cause: unknown) => {
        const why = cause instanceof Error ? cause.message : String(cause)
        return new Error(`the broker refuses a subscription to ${filters.join(', ')}: ${why}`, { cause })
      },
    )
    const error = await Promise.race([granted, this.ended])
    if (error !== undefined) throw error
  }

  /**
   * Resolves when the broker has read all that was sent before: it takes the packets of a connection in order, so its
   * answer to a PINGREQ comes after them. QoS 0 has no acknowledgement of its own.
   * @throws Error when the connection ends, or nothing comes within `deadlineMs`; the signal's reason when it aborts
   */
  async flushed(deadlineMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { client } = this
    if (!client.connected) throw this.#why()
    client.sendPing()
    const awaited = this.#pings
    let release = (): void => {}
    const answered = new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no answer within ${deadlineMs} ms`)), deadlineMs)
      const look = ({ cmd }: Packet): void => {
        if (cmd === 'pingresp' && this.#answers >= awaited) resolve()
      }
      const close = (): void => reject(this.#why())
      const abort = (): void => reject(signal.reason)
      client.on('packetreceive', look)
      client.on('close', close)
      signal.addEventListener('abort', abort, { once: true })
      release = () => {
        clearTimeout(late)
        client.removeListener('packetreceive', look)
        client.removeListener('close', close)
        signal.removeEventListener('abort', abort)
      }
    })
    // No race with `ended`: it would keep every call in memory for as long as the connection lasts.
    await answered.finally(release)
  }

  /**
   * Ends the connection on purpose, within about `graceMs`: the death is published before the DISCONNECT.
   * @param error what `ended` says
   */
  async leave(death: Death, graceMs: number, error: Error): Promise<void> {
    this.#fail(error)
    const options = { qos: 1, retain: false } as const
    const said = this.client.publishAsync(death.topic, death.payload, options).then(() => {
      const reason = this.#endpoint.protocolVersion === '5' ? { reasonCode: DISCONNECT_WITH_WILL } : {}
      this.client.end(false, reason)
    })
    const late = setTimeout(() => this.drop(error), graceMs)
    await Promise.race([said.catch(() => this.drop(error)), this.ended])
    await this.ended
    clearTimeout(late)
  }

  /** Breaks the connection without a DISCONNECT: the broker publishes the death. */
  drop(error: Error): void {
    this.#fail(error)
    this.client.end(true)
    // A client that is ending already ignores the line above and waits for its acknowledgements.
    this.client.stream.destroy()
  }

  #fail(error: Error): void {
    this.#failure ??= error
  }

  #why(): Error {
    return this.#failure ?? new Error('the connection was closed')
  }
}

async function clientOptions(endpoint: MqttEndpoint, death: Death): Promise<IClientOptions> {
  const version5 = endpoint.protocolVersion === '5'
  return {
    ...(await credentialsOf(endpoint)),
    protocolVersion: version5 ? 5 : 4,
    clean: true,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    keepalive: KEEPALIVE_S,
    connectTimeout: CONNECT_MS,
    will: { ...death, qos: 1, retain: false },
    ...(version5 ? { properties: { sessionExpiryInterval: 0, maximumPacketSize: 1 << 18 } } : {}),
  }
}
