import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WorkerProcess } from '../../gateway/ingest/fleet.ts'
import { Postgres } from '../../gateway/ingest/servers.ts'
import { confirmed, type Found, heldAgainst } from './final-store.ts'
import { NatsCluster, type Node } from './nats-cluster.ts'
import type { Network } from './network.ts'
import { Station } from './station.ts'

export const STREAM = 'POINCON'
const WORKERS = 2

/** All there is between a part and the final store: station, cluster, workers, PostgreSQL. */
export class Plant {
  readonly cluster: NatsCluster
  readonly postgres: Postgres
  readonly workers: readonly WorkerProcess[]
  readonly station: Station
  /** How often the cluster stood still for good and was begun anew. */
  emptied = 0
  readonly #folder: string

  private constructor(servers: Servers, workers: readonly WorkerProcess[], station: Station, folder: string) {
    this.cluster = servers.cluster
    this.postgres = servers.postgres
    this.workers = workers
    this.station = station
    this.#folder = folder
  }

  /** @param behindLeaf the station hangs on a leaf node of its site; else on the first server of the cluster */
  static async start(
    options: { readonly network?: Network; readonly behindLeaf?: boolean } = {},
  ): Promise<Plant> {
    const folder = await mkdtemp(join(tmpdir(), 'poincon-plant-'))
    const [cluster, postgres] = await Promise.all([NatsCluster.start(options.network), Postgres.start()])
    const workers: WorkerProcess[] = []
    try {
      for (let place = 0; place < WORKERS; place += 1) {
        const worker = await workerOf({ cluster, postgres }, place)
        workers.push(worker)
        await worker.start()
      }
      await cluster.whole(STREAM)
      const [first = cluster.leaf] = cluster.nodes
      const near = options.behindLeaf === true ? cluster.leaf : first
      if (near === cluster.leaf) await cluster.restart(near)
      const station = await Station.start(join(folder, 'store'), urlOf(near))
      return new Plant({ cluster, postgres }, workers, station, folder)
    } catch (error) {
      for (const worker of workers) await worker.stop('SIGKILL')
      await Promise.all([cluster.close(), postgres.close()])
      throw error
    }
  }

  /** Rows of the final store. */
  async stored(): Promise<number> {
    return Number((await this.postgres.query('SELECT count(*) AS n FROM poincon.ledger'))[0]?.n)
  }

  /** Waits until everything is confirmed, then holds the final store against what was appended. */
  async settled(): Promise<Found> {
    await this.station.loaded()
    if (!(await confirmed(this.station))) {
      await this.beginAnew()
      await confirmed(this.station)
    }
    return await heldAgainst(this.postgres, this.station)
  }

  /**
   * What a person does about a cluster that takes nothing any more: its stores are thrown away. Nobody needs them, every
   * station has what is not confirmed.
   */
  async beginAnew(): Promise<void> {
    this.emptied += 1
    for (const worker of this.workers) await worker.stop('SIGKILL')
    await this.cluster.empty()
    for (const worker of this.workers) await worker.start()
  }

  async close(): Promise<void> {
    for (const worker of this.workers) await worker.stop('SIGKILL')
    await this.station.close()
    await Promise.all([this.cluster.close(), this.postgres.close()])
    await rm(this.#folder, { recursive: true, force: true })
  }
}

interface Servers {
  readonly cluster: NatsCluster
  readonly postgres: Postgres
}

/** Each says on another server what is confirmed. */
async function workerOf({ cluster, postgres }: Servers, place: number): Promise<WorkerProcess> {
  const { nodes, urls } = cluster
  const [speaks = cluster.leaf] = nodes.slice(nodes.length - 1 - place)
  return await WorkerProcess.make(postgres.folder, `worker${place}`, {
    source: { kind: 'nats', servers: urls, replicas: 3, ack_wait_s: 2 },
    database: postgres.database,
    confirm: { url: urlOf(speaks), every_ms: 50, heartbeat_s: 0.3 },
    batch: 100,
  })
}

function urlOf({ host, mqttPort }: Node): string {
  return `mqtt://${host}:${mqttPort}`
}
