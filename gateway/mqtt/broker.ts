import { Aedes, type AedesPublishPacket, type Client } from 'aedes'
import type { Clock } from '../../drivers/clock.ts'
import { systemClock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'
import type { Unit, UnitStatus } from '../station.ts'
import { Audience } from './audience.ts'
import type { CommandChannel, CommandRequest } from './commands.ts'
import type { Refusal } from './door.ts'
import { Entrance, type EntranceOptions, type Login } from './entrance.ts'
import { publishInside } from './inside.ts'

export interface BrokerOptions extends Omit<EntranceOptions, 'clock' | 'handle'> {
  readonly log: Log
  readonly clock?: Clock
  /** Topics that may hold a retained message. Default 1000. */
  readonly maxRetained?: number
}

type Deliver = (packet: AedesPublishPacket, done: () => void) => void

/**
 * The embedded broker: MQTT 3.1 and 3.1.1. Without users or client certificates everybody may come in, so it listens on
 * loopback only. It acknowledges QoS 1 before it delivers and keeps nothing for absent clients, so it promises QoS 1 to
 * those who are connected; who was away asks the log (`cmd/replay`).
 */
export class Broker implements Unit, CommandChannel {
  readonly name = 'embedded-broker'
  readonly #options: BrokerOptions
  readonly #entrance: Entrance
  readonly #retained = new Set<string>()
  readonly #listeners: { readonly filter: string; readonly deliver: Deliver }[] = []
  readonly #audience = new Audience()
  #aedes: Aedes | undefined

  constructor(options: BrokerOptions) {
    this.#options = options
    this.#entrance = new Entrance({
      ...options,
      clock: options.clock ?? systemClock,
      handle: (socket) => this.#aedes?.handle(socket),
    })
  }

  /** The port it listens on; 0 before `start`. */
  get port(): number {
    return this.#entrance.port
  }

  /** Where the clients of this station find it; its port is right after `start`. */
  get url(): string {
    return this.#entrance.url
  }

  /** What the station's own clients present; others do not need it, and shall not have it. */
  get credentials(): { readonly username: string; readonly password: string } {
    return this.#entrance.credentials
  }

  /** @throws when a port cannot be had or a file is no good; the message names the setting that changes it */
  async start(): Promise<void> {
    const { log } = this.#options
    const entrance = this.#entrance
    const aedes = await Aedes.createBroker({
      // A subscriber that stops reading holds up the others for at most this long.
      drainTimeout: 2000,
      connectTimeout: 10_000,
      // Sessions of absent clients would queue in memory without end (aedes #1087): every session is a clean one.
      preConnect: (_client, packet, done) => {
        packet.clean = true
        done(null, true)
      },
      authenticate: (client, username, password, done) => {
        entrance.admit(client, username, password).then(
          (refusal) => (refusal === undefined ? done(null, true) : done(refusal, false)),
          (err: unknown) => {
            log.error({ err, client: client.id }, 'login failed')
            done(Object.assign(new Error('login failed'), { returnCode: 3 }), false)
          },
        )
      },
      authorizePublish: (client, { topic, retain, payload }, done) => {
        done(this.#refusal(client, { topic, retain, length: payload.length }))
      },
      authorizeSubscribe: (client, subscription, done) => {
        done(null, entrance.visitors.maySubscribe(client, subscription.topic) ? subscription : null)
      },
      authorizeForward: (client, packet) =>
        entrance.visitors.mayReceive(client, packet.topic) ? packet : null,
    })
    this.#aedes = aedes
    for (const { filter, deliver } of this.#listeners) aedes.subscribe(filter, deliver, () => {})
    this.#follow(aedes)
    try {
      await entrance.open()
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Closes every client, then the port. */
  async stop(): Promise<void> {
    const aedes = this.#aedes
    if (aedes === undefined) return
    this.#entrance.end()
    await new Promise<void>((resolve) => aedes.close(resolve))
    await this.#entrance.close()
  }

  /** Reads users and certificates again; sessions go on, but for those whose user is not the same any more. */
  reload(): Promise<void> {
    return this.#entrance.reload()
  }

  status(): UnitStatus {
    const { state, detail, facts } = this.#entrance.status()
    const more = { clients: this.#aedes?.connectedClients ?? 0, retained: this.#retained.size }
    return { state, ...(detail === undefined ? {} : { detail }), facts: { ...facts, ...more } }
  }

  listen(filters: readonly string[], receive: (request: CommandRequest) => void): void {
    const deliver: Deliver = (packet, done) => {
      const { topic, payload, retain } = packet
      // aedes puts the publisher's id on what passes through it; its types do not say so.
      const sender: unknown = Reflect.get(packet, 'clientId')
      const who = typeof sender === 'string' ? this.#entrance.visitors.caller(sender, topic) : {}
      receive({ topic, payload: Buffer.from(payload), retain, ...who })
      done()
    }
    for (const filter of filters) {
      this.#listeners.push({ filter, deliver })
      this.#aedes?.subscribe(filter, deliver, () => {})
    }
  }

  /** Whether whoever comes is asked who they are. */
  get asksWho(): boolean {
    return this.#entrance.asksWho
  }

  /** Whether somebody who comes another way may call a command, by the same users. @returns why not */
  refusesCall(login: Login, command: string): Promise<Refusal | undefined> {
    return this.#entrance.refusesCall(login, command)
  }

  /** Whether a client of this broker would get a message on this topic. */
  listensTo(topic: string): boolean {
    return this.#audience.listensTo(topic)
  }

  /** Tells those who are connected, once; who is away or slow misses it. */
  show(topic: string, payload: Uint8Array): void {
    if (this.#aedes === undefined) return
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    publishInside(this.#aedes, { topic, payload: bytes, qos: 0 }).catch(() => {})
  }

  reply(topic: string, payload: string): void {
    if (this.#aedes !== undefined) publishInside(this.#aedes, { topic, payload, qos: 1 }).catch(() => {})
  }

  /** Resolves when it is written to whoever listens: a slow one makes the caller wait. @throws when nobody listens */
  async tell(topic: string, payload: string): Promise<void> {
    if (this.#aedes === undefined || this.#aedes.closed) throw new Error('the broker is closed')
    if (!this.listensTo(topic)) throw new Error(`nobody listens on ${topic}`)
    await publishInside(this.#aedes, { topic, payload, qos: 1 })
  }

  #follow(aedes: Aedes): void {
    const { log } = this.#options
    aedes.on('subscribe', (subscriptions, client) => {
      // What was refused is told here as well.
      const granted = subscriptions.filter(({ qos }) => Number(qos) !== 128)
      this.#audience.subscribed(
        client.id,
        granted.map(({ topic }) => topic),
      )
    })
    aedes.on('unsubscribe', (filters, client) => this.#audience.unsubscribed(client.id, filters))
    aedes.on('client', (client) => this.#entrance.visitors.entered(client))
    aedes.on('clientDisconnect', (client) => {
      this.#audience.left(client.id)
      this.#entrance.visitors.left(client)
    })
    aedes.on('clientError', (client, err) => log.debug({ client: client.id, err }, 'client error'))
    aedes.on('connectionError', (_client, err) => log.debug({ err }, 'connection error'))
  }

  #refusal(
    client: Client | null,
    { topic, retain, length }: { readonly topic: string; readonly retain: boolean; readonly length: number },
  ): Error | null {
    const refused = this.#entrance.visitors.refusesPublish(client, topic)
    if (refused !== undefined) return new Error(refused)
    if (!retain) return null
    if (length === 0) this.#retained.delete(topic)
    else if (this.#retained.has(topic)) return null
    else if (this.#retained.size >= (this.#options.maxRetained ?? 1000))
      return new Error('too many retained topics')
    else this.#retained.add(topic)
    return null
  }
}
