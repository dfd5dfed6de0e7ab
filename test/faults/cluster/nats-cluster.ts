import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connect, type NatsConnection, type StreamInfo } from 'nats'
import { freePort, ServerProcess } from '../../fakes/server-process.ts'
import type { Network } from './network.ts'

const SERVER = '/usr/sbin/nats-server'
const NODES = 3
/** An election takes up to nine seconds (raft of nats-server 2.9); a busy machine several of them. */
const PATIENCE_MS = 90_000

/** One nats-server, of the cluster or of a site beside it. */
export interface Node {
  readonly place: number
  readonly name: string
  readonly host: string
  readonly port: number
  readonly mqttPort: number
  process: ServerProcess | undefined
}

/** Three nats-servers as one cluster, each with an MQTT listener, and a leaf node of a site beside them. */
export class NatsCluster {
  readonly folder: string
  readonly nodes: readonly Node[]
  readonly leaf: Node
  readonly #network: Network | undefined
  #connection: NatsConnection | undefined

  private constructor(folder: string, nodes: readonly Node[], leaf: Node, network: Network | undefined) {
    this.folder = folder
    this.nodes = nodes
    this.leaf = leaf
    this.#network = network
  }

  /** @param network absent: all of them on 127.0.0.1. The leaf node is started by `restart`, where one is wanted. */
  static async start(network?: Network): Promise<NatsCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'poincon-cluster-'))
    const host = (place: number): string => network?.host(place) ?? '127.0.0.1'
    const nodes = await Promise.all(
      Array.from({ length: NODES }, (_, place) => nodeAt(`n${place}`, place, host(place))),
    )
    const leaf = await nodeAt('site', NODES, '127.0.0.1')
    const routes = await Promise.all(nodes.map(async (node) => `${node.host}:${await freePort()}`))
    const leaves = `${host(0)}:${await freePort()}`
    for (const [place, node] of nodes.entries()) {
      const inCluster = `cluster { name: plant, listen: "${routes[place]}"
  routes: [${routes.map((route) => `"nats://${route}"`).join(', ')}] }
${place === 0 ? `leafnodes { listen: "${leaves}" }` : ''}`
      await writeFile(configOf(folder, node), config(folder, node, 'hub', inCluster))
    }
    const beside = `leafnodes { remotes: [{ url: "nats://${leaves}" }] }`
    await writeFile(configOf(folder, leaf), config(folder, leaf, 'site', beside))
    const cluster = new NatsCluster(folder, nodes, leaf, network)
    try {
      await cluster.restartAll()
      return cluster
    } catch (error) {
      await cluster.close()
      throw error
    }
  }

  get urls(): readonly string[] {
    return this.nodes.map(({ host, port }) => `nats://${host}:${port}`)
  }

  async restart(node: Node): Promise<void> {
    const args = ['-c', configOf(this.folder, node)]
    const inside = node === this.leaf ? undefined : this.#network?.inside(node.place, SERVER, args)
    const [command, rest] = inside ?? [SERVER, args]
    node.process = await ServerProcess.start(command, rest, () =>
      Promise.all([node.port, node.mqttPort].map((port) => answers(node.host, port))),
    )
  }

  /** All three; resolves when they have a leader. */
  async restartAll(): Promise<void> {
    await Promise.all(this.nodes.map((node) => this.restart(node)))
    await this.#asked(async () => {
      const manager = await (await this.#connected()).jetstreamManager({ timeout: 2000 })
      return await manager.getAccountInfo()
    })
  }

  async kill(node: Node): Promise<void> {
    await node.process?.stop('SIGKILL')
  }

  /** All three lose all that they ever wrote, and begin anew. */
  async empty(): Promise<void> {
    await Promise.all(this.nodes.map((node) => this.kill(node)))
    for (const node of this.nodes) await rm(storeOf(this.folder, node), { recursive: true, force: true })
    await this.restartAll()
  }

  /** The node that leads a stream; waits until one does. */
  async leaderOf(stream: string): Promise<Node> {
    return await this.#asked(async () => {
      const { cluster } = await this.streamInfo(stream)
      return this.nodes.find(({ name }) => name === cluster?.leader)
    })
  }

  /** Resolves when all replicas of a stream have what its leader has. */
  async whole(stream: string): Promise<void> {
    await this.#asked(async () => {
      const { replicas = [] } = (await this.streamInfo(stream)).cluster ?? {}
      return replicas.length === NODES - 1 && replicas.every(({ current }) => current) ? true : undefined
    })
  }

  async streamInfo(stream: string): Promise<StreamInfo> {
    const manager = await (await this.#connected()).jetstreamManager({ timeout: 2000, checkAPI: false })
    return await manager.streams.info(stream)
  }

  async close(): Promise<void> {
    await this.#connection?.close()
    for (const node of [...this.nodes, this.leaf]) await node.process?.stop('SIGKILL')
    await rm(this.folder, { recursive: true, force: true })
  }

  async #connected(): Promise<NatsConnection> {
    if (this.#connection === undefined || this.#connection.isClosed()) {
      const options = { maxReconnectAttempts: -1, reconnectTimeWait: 100, pingInterval: 1000, timeout: 2000 }
      this.#connection = await connect({ servers: [...this.urls], ...options })
    }
    return this.#connection
  }

  /** Asks again and again: a cluster without a leader gives no answer, or an error. */
  async #asked<T>(question: () => Promise<T | undefined>): Promise<T> {
    const over = performance.now() + PATIENCE_MS
    for (let last: unknown = 'no answer'; performance.now() < over; await delay(50)) {
      try {
        const answer = await question()
        if (answer !== undefined) return answer
      } catch (error) {
        last = error
      }
      if (performance.now() + 50 >= over) throw new Error('the cluster does not answer', { cause: last })
    }
    throw new Error('the cluster does not answer')
  }
}

async function nodeAt(name: string, place: number, host: string): Promise<Node> {
  const [port, mqttPort] = [await freePort(), await freePort()]
  return { ...{ name, place, host, port, mqttPort }, process: undefined }
}

function configOf(folder: string, { name }: Node): string {
  return join(folder, `${name}.conf`)
}

/** Where a node keeps its streams. */
export function storeOf(folder: string, { name }: Node): string {
  return join(folder, name)
}

function config(folder: string, node: Node, domain: string, more: string): string {
  return `server_name: ${node.name}
listen: "${node.host}:${node.port}"
jetstream { store_dir: "${storeOf(folder, node)}", domain: ${domain} }
mqtt { listen: "${node.host}:${node.mqttPort}" }
${more}\n`
}

async function answers(host: string, port: number): Promise<void> {
  const socket = connectSocket(port, host)
  await once(socket, 'connect')
  socket.destroy()
}
