import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { Aedes, type AedesPublishPacket } from 'aedes'
import type { Log } from '../log.ts'
import type { Unit, UnitStatus } from '../station.ts'
import { Audience } from './audience.ts'
import type { CommandChannel, CommandRequest } from './commands.ts'
import { limitPackets } from './packet-limit.ts'

export interface BrokerOptions {
  readonly host: string
  /** 0 takes a free one: see `port` after `start`. */
  readonly port: number
  readonly log: Log
  /** Connections at once; one more is closed unanswered. Default 100. */
  readonly maxClients?: number
  /** Longest packet body a client may send, bytes. Default 1 MiB. */
  readonly maxPacketBytes?: number
  /** Topics that may hold a retained message. Default 1000. */
  readonly maxRetained?: number
}

type Deliver = (packet: AedesPublishPacket, done: () => void) => void

/**
 * The embedded broker: MQTT 3.1 and 3.1.1, anonymous, loopback. It acknowledges QoS 1 before it delivers and keeps
 * nothing for absent clients, so it promises QoS 1 to those who are connected; who was away asks the log.
 */
export class Broker implements Unit, CommandChannel {
  readonly name = 'embedded-broker'
  readonly #options: BrokerOptions
  readonly #sockets = new Set<Socket>()
  readonly #retained = new Set<string>()
  readonly #listeners: { readonly filter: string; readonly deliver: Deliver }[] = []
  readonly #audience = new Audience()
  #aedes: Aedes | undefined
  #server: Server | undefined
  #refused = 0

  constructor(options: BrokerOptions) {
    this.#options = options
  }

  /** The port it listens on; 0 before `start`. */
  get port(): number {
    const address = this.#server?.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Where clients on this machine find it; its port is right after `start`. */
  get url(): string {
    const { host } = this.#options
    return `mqtt://${host.includes(':') ? `[${host}]` : host}:${this.port}`
  }

  /** @throws when the port cannot be had; the message names the setting that changes it */
  async start(): Promise<void> {
    const { log, maxClients, maxPacketBytes } = this.#options
    const aedes = await Aedes.createBroker({
      // A subscriber that stops reading holds up the others for at most this long.
      drainTimeout: 2000,
      connectTimeout: 10_000,
      // Sessions of absent clients would queue in memory without end (aedes #1087): every session is a clean one.
      preConnect: (_client, packet, done) => {
        packet.clean = true
        done(null, true)
      },
      authorizePublish: (_client, packet, done) => {
        done(this.#refusal(packet.topic, packet.retain, packet.payload.length))
      },
    })
    this.#aedes = aedes
    for (const { filter, deliver } of this.#listeners) aedes.subscribe(filter, deliver, () => {})
    aedes.on('subscribe', (subscriptions, client) => {
      this.#audience.subscribed(
        client.id,
        subscriptions.map(({ topic }) => topic),
      )
    })
    aedes.on('unsubscribe', (filters, client) => this.#audience.unsubscribed(client.id, filters))
    aedes.on('clientDisconnect', (client) => this.#audience.left(client.id))
    aedes.on('clientError', (client, err) => log.debug({ client: client.id, err }, 'client error'))
    aedes.on('connectionError', (_client, err) => log.debug({ err }, 'connection error'))
    const server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      socket.setNoDelay(true)
      limitPackets(socket, maxPacketBytes ?? 1 << 20)
      aedes.handle(socket)
    })
    server.maxConnections = maxClients ?? 100
    server.on('drop', () => {
      this.#refused += 1
    })
    await this.#listen(server)
    this.#server = server
  }

  /** Closes every client, then the port. */
  async stop(): Promise<void> {
    const server = this.#server
    const aedes = this.#aedes
    if (aedes === undefined) return
    const closed = server === undefined ? undefined : once(server, 'close')
    server?.close()
    await new Promise<void>((resolve) => aedes.close(resolve))
    // Those that never sent a CONNECT are unknown to aedes.
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  status(): UnitStatus {
    const facts = {
      port: this.port,
      clients: this.#aedes?.connectedClients ?? 0,
      refused_connections: this.#refused,
      retained: this.#retained.size,
    }
    return this.#server?.listening === true
      ? { state: 'ok', facts }
      : { state: 'failed', detail: 'not listening', facts }
  }

  listen(filters: readonly string[], receive: (request: CommandRequest) => void): void {
    const deliver: Deliver = (packet, done) => {
      const { topic, payload, retain } = packet
      // aedes puts the publisher's id on what passes through it; its types do not say so.
      const sender: unknown = Reflect.get(packet, 'clientId')
      const client = typeof sender === 'string' ? { client: sender } : {}
      receive({ topic, payload: Buffer.from(payload), retain, ...client })
      done()
    }
    for (const filter of filters) {
      this.#listeners.push({ filter, deliver })
      this.#aedes?.subscribe(filter, deliver, () => {})
    }
  }

  /** Whether a client of this broker would get a message on this topic. */
  listensTo(topic: string): boolean {
    return this.#audience.listensTo(topic)
  }

  /** Tells those who are connected, once; who is away or slow misses it. */
  show(topic: string, payload: Uint8Array): void {
    const packet = {
      cmd: 'publish',
      topic,
      payload: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength),
      qos: 0,
      retain: false,
      dup: false,
    } as const
    this.#aedes?.publish(packet, () => {})
  }

  reply(topic: string, payload: string): void {
    const packet = { cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false } as const
    this.#aedes?.publish(packet, () => {})
  }

  #refusal(topic: string, retain: boolean, length: number): Error | null {
    if (topic.startsWith('$')) return new Error(`${topic} is reserved`)
    if (!retain) return null
    if (length === 0) this.#retained.delete(topic)
    else if (this.#retained.has(topic)) return null
    else if (this.#retained.size >= (this.#options.maxRetained ?? 1000))
      return new Error('too many retained topics')
    else this.#retained.add(topic)
    return null
  }

  async #listen(server: Server): Promise<void> {
    const { host, port } = this.#options
    server.listen(port, host)
    try {
      await once(server, 'listening')
    } catch (error) {
      await this.stop()
      throw new Error(explain(error, host, port), { cause: error })
    }
  }
}

function explain(error: unknown, host: string, port: number): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') {
    return `port ${port} on ${host} is taken: end what uses it, or set mqtt.port (POINCON_MQTT_PORT) to another one`
  }
  if (code === 'EACCES') return `port ${port} needs privileges: set mqtt.port (POINCON_MQTT_PORT) above 1023`
  if (code === 'EADDRNOTAVAIL')
    return `${host} is not an address of this machine: mend mqtt.host (POINCON_MQTT_HOST)`
  return `cannot listen on ${host}:${port}: ${error instanceof Error ? error.message : error}`
}
