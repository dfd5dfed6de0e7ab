import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import {
  createServer as createPlain,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer, type Server as SecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Clock } from '../../drivers/clock.ts'
import { toPem } from '../certificate.ts'
import { Authority } from './authority.ts'
import { Deposits } from './deposits.ts'
import { type EstEvent, EstService } from './est.ts'
import { FLEET_PATH, FleetDesk } from './fleet-desk.ts'
import { FleetList } from './fleet-list.ts'
import { Inventory } from './inventory.ts'
import { InventoryDatabase } from './inventory-database.ts'
import { Tokens } from './tokens.ts'
import { WipeOrders } from './wipe-orders.ts'

export interface FleetOptions {
  /** Everything of it: `fleet.db`, `authority/`. */
  readonly dir: string
  readonly passphrase: string
  /** Of the authority; default `Poincon`. */
  readonly name?: string | undefined
  /** Where devices come, over TLS only. */
  readonly listen: { readonly host: string; readonly port: number }
  /** Names and addresses by which they come: the server's certificate bears them. */
  readonly hosts: readonly string[]
  /** Where the list of revocations is fetched, plain HTTP: it is signed, and public. */
  readonly lists?:
    | { readonly host: string; readonly port: number; readonly url?: string | undefined }
    | undefined
  readonly listFile?: string | undefined
  /** PEM of the makers' authorities whose certificates let a device in. */
  readonly factoryCa?: string | undefined
  /** Life of a device's certificate, days. Default 90. */
  readonly days?: number | undefined
  readonly clock: Clock
  readonly note: (event: EstEvent) => void
}

/** What the commands and the server have in common: the fleet's data, without its keys. */
export async function openFleet(dir: string) {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const database = await InventoryDatabase.open(join(dir, 'fleet.db'))
  return {
    database,
    inventory: new Inventory(database),
    tokens: new Tokens(database),
    deposits: new Deposits(database),
    orders: new WipeOrders(database),
  }
}

/** Nobody of a plant needs more connections at once, or longer for a request. */
const LIMITS = { headersTimeout: 10_000, requestTimeout: 20_000, keepAliveTimeout: 5000 }
const MOST_CONNECTIONS = 200
const LOOK_MS = 5000

/** The small other side of `poincon device enrol`: an EST server with an authority of its own. */
export class Fleet {
  readonly #options: FleetOptions
  #close: (() => Promise<void>) | undefined
  #url = ''
  #listsUrl: string | undefined
  #root = ''

  constructor(options: FleetOptions) {
    this.#options = options
  }

  /** `https://<first host>:<port>`. */
  get url(): string {
    return this.#url
  }

  get listsUrl(): string | undefined {
    return this.#listsUrl
  }

  /** The root's certificate, PEM. */
  get root(): string {
    return this.#root
  }

  async start(): Promise<void> {
    const { dir, clock, listen, hosts, lists, listFile, note } = this.#options
    const { database, inventory, tokens, deposits, orders } = await openFleet(dir)
    const plain = createPlain(LIMITS)
    if (lists !== undefined) {
      const port = await listenOn(plain, lists)
      this.#listsUrl = lists.url ?? `http://${hosts[0]}:${port}/crl.der`
    }
    const authority = await this.#authority()
    const list = new FleetList({ authority, inventory, wall: () => clock.wall(), file: listFile })
    plain.on('request', (request, response) => void answerList(list, this.#root, { request, response }))
    const common = { authority, inventory, wall: () => clock.wall(), note }
    const service = new EstService({ ...common, database, tokens })
    const desk = new FleetDesk({ ...common, deposits, orders })
    const secure = await this.#secure(authority, (request, response) => {
      const at = request.url?.startsWith(FLEET_PATH) ? desk : service
      void at.handle(request, response)
    })
    this.#url = `https://${hosts[0]}:${await listenOn(secure, listen)}`
    const stopLooking = this.#look(list)
    this.#close = async () => {
      await stopLooking()
      await Promise.all([closed(secure), closed(plain)])
      await database.close()
    }
  }

  async stop(): Promise<void> {
    await this.#close?.()
  }

  async #authority(): Promise<Authority> {
    const { dir, name = 'Poincon', passphrase, days, clock } = this.#options
    const where = { dir: join(dir, 'authority'), name, passphrase, days, listUrl: this.#listsUrl }
    const authority = await Authority.open(where, clock.wall())
    this.#root = authority.certificates[0].toString()
    return authority
  }

  async #secure(authority: Authority, answer: RequestListener): Promise<SecureServer> {
    const { hosts, factoryCa, clock } = this.#options
    const ca = [toPem(authority.certificates), ...(factoryCa === undefined ? [] : [factoryCa])]
    const context = async () => {
      const { cert, key, toMs } = await authority.serverIdentity(hosts, clock.wall())
      return { tls: { cert, key, ca, minVersion: 'TLSv1.2' as const }, toMs }
    }
    let shown = await context()
    const server = createServer(
      // Certificates are asked for and judged one by one: who is refused is told why.
      { ...LIMITS, ...shown.tls, requestCert: true, rejectUnauthorized: false },
      answer,
    )
    server.maxConnections = MOST_CONNECTIONS
    server.on('tlsClientError', () => {})
    server.on('connection', () => {
      if (clock.wall() < shown.toMs - 30 * 86_400_000) return
      // Until then the one shown holds for a month more.
      context().then(
        (next) => {
          shown = next
          server.setSecureContext(next.tls)
        },
        () => {},
      )
    })
    return server
  }

  /** Keeps the list's file up to date when another process takes a device out. */
  #look(list: FleetList): () => Promise<void> {
    const { listFile, note } = this.#options
    const end = new AbortController()
    const look = (): Promise<unknown> =>
      list
        .current()
        .catch((error: unknown) => note({ event: 'failed', why: `list of revocations: ${error}` }))
    let last = look()
    const timer = setInterval(() => {
      if (listFile !== undefined && !end.signal.aborted) last = look()
    }, LOOK_MS)
    return async () => {
      end.abort()
      clearInterval(timer)
      await last
    }
  }
}

async function answerList(
  list: FleetList,
  root: string,
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
): Promise<void> {
  const current = await list.current().catch(() => undefined)
  const found =
    request.url === '/crl.der' && current !== undefined
      ? { type: 'application/pkix-crl', body: current.der }
      : request.url === '/crl.pem' && current !== undefined
        ? { type: 'application/x-pem-file', body: current.pem }
        : request.url === '/root.crt'
          ? { type: 'application/x-pem-file', body: root }
          : undefined
  response.writeHead(found === undefined ? 404 : 200, { 'content-type': found?.type ?? 'text/plain' })
  response.end(found?.body)
}

async function listenOn(server: Server | SecureServer, at: { host: string; port: number }): Promise<number> {
  server.listen(at.port, at.host)
  await once(server, 'listening')
  const address: AddressInfo | string | null = server.address()
  return typeof address === 'object' && address !== null ? address.port : at.port
}

async function closed(server: Server | SecureServer): Promise<void> {
  if (!server.listening) return
  const end = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await end
}
