import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** A piece of network between a client and a server on 127.0.0.1, that a test can cut. */
export class Relay {
  readonly #to: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Bytes that went from client to server so far. */
  forwarded = 0
  #watch: { readonly bytes: number; readonly reached: () => void } | undefined
  #closed = false

  private constructor(to: number) {
    this.#to = to
    this.#server = createServer((client) => this.#carry(client))
  }

  /** @param to the server's port */
  static async open(to: number): Promise<Relay> {
    const relay = new Relay(to)
    relay.#server.listen(0, '127.0.0.1')
    await once(relay.#server, 'listening')
    return relay
  }

  /** The port that the client connects to. */
  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Resolves when so many more bytes have gone to the server. */
  passed(bytes: number): Promise<void> {
    return new Promise((reached) => {
      this.#watch = { bytes: this.forwarded + bytes, reached }
    })
  }

  /** Resets every connection; what is under way is lost. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** From now on, or no longer, connections are reset at once. */
  set closed(closed: boolean) {
    this.#closed = closed
    if (closed) this.cut()
  }

  async close(): Promise<void> {
    this.#server.close()
    this.cut()
    await once(this.#server, 'close')
  }

  #carry(client: Socket): void {
    if (this.#closed) {
      client.resetAndDestroy()
      return
    }
    const server = connect(this.#to, '127.0.0.1')
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
      socket.on('data', (chunk) => {
        if (!other.write(chunk)) socket.pause()
        if (socket === client) this.#count(chunk.length)
      })
      socket.on('drain', () => other.resume())
    }
  }

  #count(bytes: number): void {
    this.forwarded += bytes
    if (this.#watch === undefined || this.forwarded < this.#watch.bytes) return
    const { reached } = this.#watch
    this.#watch = undefined
    reached()
  }
}
