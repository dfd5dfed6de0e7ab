import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** A piece of network that stops carrying without a word, as a router does that forgot a connection. */
export class DeafRelay {
  readonly #to: number
  readonly #server: Server
  readonly #pairs = new Set<readonly [Socket, Socket]>()

  private constructor(to: number) {
    this.#to = to
    this.#server = createServer((client) => this.#carry(client))
  }

  static async open(to: number): Promise<DeafRelay> {
    const relay = new DeafRelay(to)
    relay.#server.listen(0, '127.0.0.1')
    await once(relay.#server, 'listening')
    return relay
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** The connections of this moment stay open and carry nothing more, either way; new ones are as good as ever. */
  deafen(): void {
    for (const [client, server] of this.#pairs) {
      client.removeAllListeners('data').resume()
      server.removeAllListeners('data').resume()
    }
  }

  async close(): Promise<void> {
    this.#server.close()
    for (const sockets of this.#pairs) for (const socket of sockets) socket.destroy()
    await once(this.#server, 'close')
  }

  #carry(client: Socket): void {
    const server = connect(this.#to, '127.0.0.1')
    const pair = [client, server] as const
    this.#pairs.add(pair)
    for (const [socket, other] of [pair, [server, client]] as const) {
      socket.on('error', () => {})
      socket.on('data', (chunk) => other.write(chunk))
      socket.on('close', () => {
        this.#pairs.delete(pair)
        other.destroy()
      })
    }
  }
}
