import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'nats'
import { freePort, ServerProcess } from '../../../fakes/server-process.ts'

interface Node {
  readonly name: string
  readonly port: number
  readonly mqttPort: number
  process: ServerProcess | undefined
}

/** Three nats-servers as one cluster, each with an MQTT listener, and a leaf node of a site beside them. */
export class NatsCluster {
  readonly folder: string
  readonly nodes: readonly Node[]
  readonly leaf: Node

  private constructor(folder: string, nodes: readonly Node[], leaf: Node) {
    this.folder = folder
    this.nodes = nodes
    this.leaf = leaf
  }

  static async start(): Promise<NatsCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'poincon-cluster-'))
    const routes = [await freePort(), await freePort(), await freePort()]
    const leaves = await freePort()
    const nodes: Node[] = []
    for (const [place, route] of routes.entries()) {
      const node = {
        name: `n${place}`,
        port: await freePort(),
        mqttPort: await freePort(),
        process: undefined,
      }
      nodes.push(node)
      await writeFile(
        join(folder, `${node.name}.conf`),
        `server_name: ${node.name}
listen: 127.0.0.1:${node.port}
jetstream { store_dir: "${folder}/${node.name}", domain: hub }
cluster { name: plant, listen: 127.0.0.1:${route}
  routes: [${routes.map((port) => `nats://127.0.0.1:${port}`).join(', ')}] }
mqtt { listen: 127.0.0.1:${node.mqttPort} }
${place === 0 ? `leafnodes { listen: 127.0.0.1:${leaves} }` : ''}\n`,
      )
    }
    const leaf = { name: 'site', port: await freePort(), mqttPort: await freePort(), process: undefined }
    await writeFile(
      join(folder, 'site.conf'),
      `server_name: site
listen: 127.0.0.1:${leaf.port}
jetstream { store_dir: "${folder}/site", domain: site }
leafnodes { remotes: [{ url: "nats://127.0.0.1:${leaves}" }] }
mqtt { listen: 127.0.0.1:${leaf.mqttPort} }\n`,
    )
    const cluster = new NatsCluster(folder, nodes, leaf)
    await Promise.all(nodes.map((node) => cluster.restart(node)))
    await cluster.settled()
    return cluster
  }

  get urls(): readonly string[] {
    return this.nodes.map(({ port }) => `nats://127.0.0.1:${port}`)
  }

  async restart(node: Node): Promise<void> {
    const config = join(this.folder, `${node.name}.conf`)
    node.process = await ServerProcess.start('/usr/sbin/nats-server', ['-c', config], async () => {
      const socket = connectSocket(node.port, '127.0.0.1')
      await once(socket, 'connect')
      socket.destroy()
    })
  }

  /** Resolves when the cluster has a leader that answers. */
  async settled(): Promise<void> {
    const connection = await connect({ servers: [...this.urls] })
    for (;;) {
      try {
        const manager = await connection.jetstreamManager({ timeout: 2000 })
        await manager.getAccountInfo()
        break
      } catch {
        await connection.flush()
      }
    }
    await connection.close()
  }

  /** The node that leads a stream. */
  async leaderOf(stream: string): Promise<Node> {
    const connection = await connect({ servers: [...this.urls] })
    const info = await (await connection.jetstreamManager()).streams.info(stream)
    await connection.close()
    const leader = this.nodes.find(({ name }) => name === info.cluster?.leader)
    if (leader === undefined) throw new Error(`${stream} has no leader`)
    return leader
  }

  async close(): Promise<void> {
    for (const node of [...this.nodes, this.leaf]) await node.process?.stop('SIGKILL')
    await rm(this.folder, { recursive: true, force: true })
  }
}
