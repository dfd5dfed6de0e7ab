import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, Server as TlsServer } from 'node:tls'
import { limitPackets } from './packet-limit.ts'
import type { TlsMaterial } from './tls.ts'

export interface ListenerOptions {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly maxClients: number
  readonly maxPacketBytes: number
  /** Absent: plain TCP. */
  readonly tls?: TlsMaterial
  /** Asks for a client certificate; who has none comes in all the same, and is judged by whom it is given to. */
  readonly askCertificate?: boolean
  readonly accept: (socket: Socket | TLSSocket) => void
  /** A TLS handshake that failed. */
  readonly failed?: (error: Error, address: string) => void
}

/** How long a handshake may take, ms. */
const HANDSHAKE_MS = 10_000

/** One port of the broker, plain or TLS. */
export class Listener {
  readonly #options: ListenerOptions
  /** Also those that are still in their handshake. */
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  #closed: Promise<unknown> | undefined
  #refused = 0

  constructor(options: ListenerOptions) {
    this.#options = options
  }

  /** 0 while it does not listen. */
  get port(): number {
    const address = this.#server?.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  get listening(): boolean {
    return this.#server?.listening === true
  }

  /** Connections turned away because there were too many. */
  get refused(): number {
    return this.#refused
  }

  /** @throws when the port cannot be had; the message names the setting that changes it */
  async open(): Promise<void> {
    const { host, port, maxClients } = this.#options
    const server = this.#create()
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      socket.setNoDelay(true)
    })
    server.maxConnections = maxClients
    server.on('drop', () => {
      this.#refused += 1
    })
    server.listen(port, host)
    try {
      await once(server, 'listening')
    } catch (error) {
      throw new Error(explain(error, host, port), { cause: error })
    }
    this.#server = server
  }

  /** New connections get this; those that are open go on. */
  secure({ context }: TlsMaterial): void {
    if (this.#server instanceof TlsServer) this.#server.setSecureContext(context)
  }

  /** Takes no more connections; those that are open go on until `close`. */
  end(): void {
    const server = this.#server
    if (server === undefined || this.#closed !== undefined) return
    this.#closed = once(server, 'close')
    server.close()
  }

  /** Breaks what is open. */
  async close(): Promise<void> {
    this.end()
    for (const socket of this.#sockets) socket.destroy()
    await this.#closed
  }

  #create(): Server {
    const { tls, askCertificate, accept, failed, maxPacketBytes } = this.#options
    const take = (socket: Socket | TLSSocket): void => {
      limitPackets(socket, maxPacketBytes)
      accept(socket)
    }
    if (tls === undefined) return createServer(take)
    const server = createTlsServer({
      ...tls.context,
      requestCert: askCertificate === true,
      // Judged after the handshake, where a refusal can be written down with its reason and the name.
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_MS,
    })
    server.on('secureConnection', take)
    server.on('tlsClientError', (error, socket) => failed?.(error, socket.remoteAddress ?? 'unknown'))
    return server
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
