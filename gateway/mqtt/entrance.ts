import { rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { AuthenticateError, Client } from 'aedes'
import type { Clock } from '../../drivers/clock.ts'
import type { Log } from '../log.ts'
import { replaceFile } from '../replace-file.ts'
import type { UnitStatus } from '../station.ts'
import { Acl, type Visitor } from './acl.ts'
import { type Credentials, Door, type Refusal } from './door.ts'
import { FileWatch } from './file-watch.ts'
import { Listener } from './listener.ts'
import { isLoopback, type TlsOptions } from './options.ts'
import { type ClientCertificate, clientCertificate, readTls, type TlsMaterial } from './tls.ts'
import type { StationTopics } from './topics.ts'
import { readUsers } from './users.ts'
import { addressOf, Visitors } from './visitors.ts'

export interface EntranceOptions {
  readonly host: string
  /** 0 takes a free one: see `port` after `open`. */
  readonly port: number
  readonly log: Log
  readonly clock: Clock
  /** Connections at once; one more is closed unanswered. Default 100. */
  readonly maxClients?: number
  /** Longest packet body a client may send, bytes. Default 1 MiB. */
  readonly maxPacketBytes?: number
  /** The station's, which nobody else may publish on. Absent: no topic is guarded, and no command restricted. */
  readonly topics?: StationTopics | undefined
  /** Who may come in (`poincon.mqtt-users/1`); absent, and no client certificates either: everybody. */
  readonly usersFile?: string | undefined
  readonly tls?: TlsOptions | undefined
  /** Where this machine's own commands find the door inside; written at start, gone at stop. */
  readonly localFile?: string | undefined
  /** How often users and certificates are looked at for a change, ms. Default 5 s. */
  readonly watchMs?: number
  readonly handle: (socket: Socket) => void
}

/** Somebody with a name and a password who does not come by MQTT. */
export interface Login {
  readonly address: string
  readonly username: string
  readonly password: string
}

/** Clients of the station itself: its sink, its flows, its command line. */
const MOST_INSIDE = 16
/** A certificate that ends so soon calls for somebody. */
const RENEW_MS = 7 * 86_400_000
const DAY_MS = 86_400_000
/** Where the door inside is. */
const LOOPBACK = '127.0.0.1'

/**
 * Who comes to the broker, and what they may do there. Where people are asked who they are, the station's own clients
 * have a door of their own: a free port of 127.0.0.1, which only the word of this start opens.
 */
export class Entrance {
  readonly #options: EntranceOptions
  /** Who was let in, and what they may do. */
  readonly visitors: Visitors
  readonly #acl: Acl
  readonly #door: Door
  readonly #watch: FileWatch
  readonly #insiders = new WeakSet<object>()
  #outer: Listener | undefined
  #inner: Listener | undefined
  #validToMs: number | undefined
  #trouble: string | undefined

  constructor(options: EntranceOptions) {
    this.#options = options
    const { usersFile, tls, clock } = options
    this.#acl = new Acl(options.topics)
    this.visitors = new Visitors(this.#acl, options.log)
    const byCertificate = tls?.client_ca_file !== undefined
    this.#door = new Door({
      clock,
      anonymous: usersFile === undefined && !byCertificate,
      byCertificateAlone: usersFile === undefined && byCertificate,
    })
    const files = [usersFile, tls?.cert_file, tls?.key_file, tls?.client_ca_file]
    this.#watch = new FileWatch(
      files.filter((file) => file !== undefined),
      () => this.reload(),
      options.watchMs ?? 5000,
    )
  }

  get port(): number {
    return this.#outer?.port ?? 0
  }

  get url(): string {
    if (this.#inner !== undefined) return `mqtt://${LOOPBACK}:${this.#inner.port}`
    const { host } = this.#options
    return `mqtt://${host.includes(':') ? `[${host}]` : host}:${this.port}`
  }

  get credentials(): Credentials {
    return this.#door.credentials
  }

  /** @throws when a port cannot be had or a file is no good */
  async open(): Promise<void> {
    const { host, port, usersFile, tls, localFile, log } = this.#options
    // Before they are read: what changes in between is seen.
    await this.#watch.start()
    const material = tls === undefined ? undefined : await this.#readTls(tls)
    if (usersFile !== undefined) this.#door.users = await readUsers(usersFile)
    if (usersFile !== undefined || tls !== undefined) {
      this.#inner = this.#listener(LOOPBACK, 0, true)
      await this.#inner.open()
    }
    this.#outer = this.#listener(host, port, false, material)
    await this.#outer.open()
    if (localFile !== undefined && this.#inner !== undefined) {
      const note = { schema: 'poincon.mqtt-local/1', url: this.url, ...this.credentials }
      await replaceFile(localFile, `${JSON.stringify(note)}\n`, 0o600)
    }
    if (usersFile !== undefined && tls === undefined && !isLoopback(host)) {
      log.warn({ host, port }, 'passwords cross the network in the clear: set mqtt.tls')
    }
  }

  /** Lets nobody in any more. */
  end(): void {
    this.#outer?.end()
    this.#inner?.end()
  }

  async close(): Promise<void> {
    await this.#watch.stop()
    // Those that never sent a CONNECT are unknown to aedes.
    await Promise.all([this.#outer?.close(), this.#inner?.close()])
    const { localFile } = this.#options
    if (localFile !== undefined && this.#inner !== undefined) await rm(localFile, { force: true })
  }

  /** Takes up changed users and certificates; what cannot be read leaves the former in force. Never rejects. */
  async reload(): Promise<void> {
    const { usersFile, tls, log } = this.#options
    try {
      if (tls !== undefined) this.#outer?.secure(await this.#readTls(tls))
      if (usersFile !== undefined) {
        this.#door.users = await readUsers(usersFile)
        this.visitors.endChanged((name) => this.#door.userNow(name))
      }
      this.#trouble = undefined
      log.info({ users: this.#door.users.size }, 'users and certificates read again')
    } catch (err) {
      this.#trouble = `the former users and certificates stay in force: ${err instanceof Error ? err.message : err}`
      log.error({ err }, 'users and certificates not read')
    }
  }

  /** @returns undefined for one who may come in */
  async admit(
    client: Client,
    username: string | undefined,
    password: Buffer | undefined,
  ): Promise<AuthenticateError | undefined> {
    const { clock, log } = this.#options
    const address = addressOf(client)
    const certificate: ClientCertificate =
      client.conn instanceof TLSSocket ? clientCertificate(client.conn, clock.wall()) : { kind: 'none' }
    const inside = this.#insiders.has(client.conn)
    const answer = await this.#door.admit({ address, certificate, inside, username, password })
    const refusal = 'code' in answer ? answer : this.visitors.takesOver(client, answer)
    if (refusal !== undefined) {
      log.warn({ client: client.id, user: username, address, reason: refusal.reason }, 'login refused')
      return Object.assign(new Error(refusal.reason), { returnCode: refusal.code })
    }
    if (!('code' in answer)) this.visitors.admit(client, answer)
    return undefined
  }

  /** Whether whoever comes is asked who they are. */
  get asksWho(): boolean {
    const { usersFile, tls } = this.#options
    return usersFile !== undefined || tls?.client_ca_file !== undefined
  }

  /** Judges who comes another way as if they came by MQTT. @returns undefined for one who may call the command */
  async refusesCall(login: Login, command: string): Promise<Refusal | undefined> {
    const { address, username, password } = login
    const certificate = { kind: 'none' } as const
    const caller = { address, certificate, inside: false, username, password: Buffer.from(password) }
    const answer = await this.#door.admit(caller)
    const refusal = 'code' in answer ? answer : this.#forbidden(answer, command)
    if (refusal !== undefined)
      this.#options.log.warn({ user: username, address, command, reason: refusal.reason }, 'call refused')
    return refusal
  }

  #forbidden(visitor: Visitor, command: string): Refusal | undefined {
    const reason = this.#acl.refusesCall(visitor, command)
    return reason === undefined ? undefined : { code: 5, reason }
  }

  status(): UnitStatus {
    const { tls, usersFile, clock } = this.#options
    const days =
      this.#validToMs === undefined ? undefined : Math.floor((this.#validToMs - clock.wall()) / DAY_MS)
    const facts = {
      port: this.port,
      refused_connections: (this.#outer?.refused ?? 0) + (this.#inner?.refused ?? 0),
      refused_logins: this.#door.refused,
      ...(usersFile === undefined ? {} : { users: this.#door.users.size }),
      ...(days === undefined ? {} : { certificate_days: days }),
    }
    if (this.#outer?.listening !== true) return { state: 'failed', detail: 'not listening', facts }
    if (this.#trouble !== undefined) return { state: 'degraded', detail: this.#trouble, facts }
    if (this.#validToMs !== undefined && this.#validToMs - clock.wall() < RENEW_MS) {
      const detail = `${tls?.cert_file}: the certificate ends ${new Date(this.#validToMs).toISOString()}`
      return { state: 'degraded', detail, facts }
    }
    return { state: 'ok', facts }
  }

  #listener(host: string, port: number, inside: boolean, tls?: TlsMaterial): Listener {
    const { maxClients = 100, maxPacketBytes = 1 << 20, handle, log } = this.#options
    return new Listener({
      ...{ host, port, maxPacketBytes },
      maxClients: inside ? MOST_INSIDE : maxClients,
      ...(tls === undefined ? {} : { tls }),
      askCertificate: this.#options.tls?.client_ca_file !== undefined,
      accept: (socket) => {
        if (inside) this.#insiders.add(socket)
        handle(socket)
      },
      failed: (err, address) => log.debug({ err, address }, 'no TLS connection'),
    })
  }

  async #readTls(tls: TlsOptions): Promise<TlsMaterial> {
    const material = await readTls(tls)
    this.#validToMs = material.validToMs
    return material
  }
}
