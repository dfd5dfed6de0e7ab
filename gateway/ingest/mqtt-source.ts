import { readFile } from 'node:fs/promises'
import mqtt, { type IClientOptions, type MqttClient, type Packet } from 'mqtt'
import type { Log } from '../log.ts'
import type { Arrival, Source } from './arrival.ts'
import type { MqttSourceOptions } from './options.ts'

export interface MqttSourceParts {
  readonly mqtt: MqttSourceOptions
  /** Names the session: what this worker had not acknowledged comes again to a worker of the same name. */
  readonly name: string
  /** Messages that may be unacknowledged. */
  readonly ahead: number
  readonly log: Log
}

/** Inspections from a broker, by a shared subscription: each message goes to one worker of the group. */
export class MqttSource implements Source {
  readonly #parts: MqttSourceParts
  #client: MqttClient | undefined
  #trouble: string | undefined = 'not connected yet'

  constructor(parts: MqttSourceParts) {
    this.#parts = parts
  }

  get trouble(): string | undefined {
    return this.#trouble
  }

  async start(take: (arrival: Arrival) => void): Promise<void> {
    const { mqtt: options, log } = this.#parts
    const filter = `$share/${options.group}/poincon/+/+/+/inspection`
    const client = mqtt.connect(options.url, await this.#clientOptions())
    this.#client = client
    client.on('packetreceive', (packet) => takeOver(client, packet, take))
    client.on('connect', () => {
      client.subscribe(filter, { qos: 1 }, (error) => {
        this.#trouble = error instanceof Error ? `not subscribed: ${error.message}` : undefined
        if (error instanceof Error) log.warn({ err: error }, 'not subscribed')
        else log.info({ broker: options.url, filter }, 'subscribed')
      })
    })
    // Node's AggregateError (a host with several addresses) has no message of its own.
    client.on('error', (error) => this.#away(error.message || String(error)))
    client.on('close', () => this.#away(this.#trouble ?? 'the connection is gone'))
  }

  async pause(): Promise<void> {
    const { group } = this.#parts.mqtt
    const client = this.#client
    if (client?.connected === true)
      await client.unsubscribeAsync(`$share/${group}/poincon/+/+/+/inspection`).catch(() => {})
  }

  async close(): Promise<void> {
    await this.#client?.endAsync().catch(() => {})
  }

  #away(why: string): void {
    if (this.#trouble !== why) this.#parts.log.warn({ why }, 'broker away')
    this.#trouble = why
  }

  async #clientOptions(): Promise<IClientOptions> {
    const { mqtt: options, name, ahead } = this.#parts
    const { username, password_file, ca_file, cert_file, key_file, protocol_version, session_hours } = options
    const password = password_file === undefined ? undefined : await readFile(password_file, 'utf8')
    const files = Object.entries({ ca: ca_file, cert: cert_file, key: key_file })
    const contents = await Promise.all(
      files.map(async ([key, file]) => (file === undefined ? [] : [[key, await readFile(file)] as const])),
    )
    const version5 = protocol_version === '5'
    return {
      ...Object.fromEntries(contents.flat()),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password: password.replace(/\r?\n$/, '') }),
      clientId: `poincon-ingest-${name}`,
      protocolVersion: version5 ? 5 : 4,
      clean: false,
      resubscribe: false,
      reconnectPeriod: 1000,
      // A password that is refused may be put right at the broker.
      ...{ reconnectOnConnackError: true },
      keepalive: 15,
      ...(version5
        ? {
            properties: {
              sessionExpiryInterval: session_hours * 3600,
              receiveMaximum: Math.min(ahead, 65_535),
            },
          }
        : {}),
    }
  }
}

/**
 * The client acknowledges a message by itself and lets the next one in only then: one at a time, before it is stored.
 * So it is shown as one that needs no acknowledgement (the event comes before the client looks at it), and the PUBACK is
 * written here, behind COMMIT (MQTT 3.1.1 §3.4, MQTT 5 §3.4: remaining length 2 means success).
 */
function takeOver(client: MqttClient, packet: Packet, take: (arrival: Arrival) => void): void {
  if (packet.cmd !== 'publish') return
  const { messageId, qos, topic, payload } = packet
  packet.qos = 0
  const { stream } = client
  take({
    topic,
    payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
    acknowledge: () => {
      if (qos === 0 || messageId === undefined) return
      // Only where it came: another connection has message ids of its own, and the broker brings it again there.
      if (client.stream === stream && client.connected)
        stream.write(Buffer.from([0x40, 2, messageId >> 8, messageId & 0xff]))
    },
    working: () => {},
    // A session that ends unacknowledged gives it back, to this worker when it comes again.
    release: () => {},
  })
}
