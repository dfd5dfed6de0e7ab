import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, readdirSync } from 'node:fs'
import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { FinalStore } from '../../../gateway/ingest/store.ts'
import { freePort, ServerProcess } from '../../fakes/server-process.ts'

/** Debian keeps every version in a folder of its own; the newest counts. */
function postgresFolder(): string {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : []
  return join(root, versions[0] ?? 'none', 'bin')
}

const PG_BIN = postgresFolder()
/** PostgreSQL refuses to run as root: the account that its Debian package makes. */
const asRoot = process.getuid?.() === 0

/** What of these servers is not installed; undefined when all are. A test that is left out says so. */
export function missing(
  ...needed: readonly ('nats-server' | 'postgresql' | 'mosquitto')[]
): string | undefined {
  const commands = { 'nats-server': 'nats-server', postgresql: `${PG_BIN}/postgres`, mosquitto: 'mosquitto' }
  const absent = needed.filter(
    (name) => spawnSync('sh', ['-c', `PATH=$PATH:/usr/sbin; command -v ${commands[name]}`]).status !== 0,
  )
  return absent.length === 0 ? undefined : `NOT TESTED: install the Debian packages ${absent.join(', ')}`
}

/** A real PostgreSQL on a socket of its own, without TCP. */
export class Postgres {
  readonly folder: string
  readonly port: number
  readonly #settings: Readonly<Record<string, string>>
  #process: ServerProcess | undefined

  private constructor(folder: string, port: number, settings: Readonly<Record<string, string>>) {
    this.folder = folder
    this.port = port
    this.#settings = settings
  }

  /** @param settings of `postgresql.conf`, where the quick ones of a test will not do */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<Postgres> {
    const folder = await mkdtemp(join(tmpdir(), 'poincon-pg-'))
    if (asRoot) {
      const id = (flag: string): number => Number(spawnSync('id', [flag, 'postgres']).stdout.toString())
      chownSync(folder, id('-u'), id('-g'))
    }
    const made = spawnSync(
      ...as(`${PG_BIN}/initdb`, ['-D', join(folder, 'data'), '-U', 'poincon', '-A', 'trust', '-N']),
    )
    if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`)
    const server = new Postgres(folder, await freePort(), settings)
    await server.restart()
    await server.query('CREATE DATABASE poincon', 'postgres')
    return server
  }

  async restart(): Promise<void> {
    const quick = { fsync: 'off', shared_buffers: '16MB', max_connections: '30', listen_addresses: '' }
    const settings = Object.entries({ ...quick, ...this.#settings })
    const args = ['-D', join(this.folder, 'data'), '-k', this.folder, '-p', String(this.port)]
    const given = settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const [command, rest] = as(`${PG_BIN}/postgres`, [...args, ...given])
    this.#process = await ServerProcess.start(command, rest, () => this.query('SELECT 1', 'postgres'))
  }

  /** As `ingest.yaml` has it. */
  get database() {
    return { host: this.folder, port: this.port, name: 'poincon', user: 'poincon' }
  }

  async open(): Promise<FinalStore> {
    const store = await FinalStore.connect({ ...this.database, tls: false })
    await store.open()
    return store
  }

  async query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    sql: string,
    database = 'poincon',
  ): Promise<Row[]> {
    const client = new pg.Client({ ...this.database, database })
    await client.connect()
    try {
      return (await client.query<Row>(sql)).rows
    } finally {
      await client.end()
    }
  }

  /** Every connection breaks at once. */
  async stop(): Promise<void> {
    spawnSync(...as(`${PG_BIN}/pg_ctl`, ['-D', join(this.folder, 'data'), '-m', 'immediate', '-w', 'stop']))
    await this.#process?.stop()
  }

  async close(): Promise<void> {
    await this.stop()
    await rm(this.folder, { recursive: true, force: true })
  }
}

function as(command: string, args: readonly string[]): [string, string[]] {
  return asRoot ? ['runuser', ['-u', 'postgres', '--', command, ...args]] : [command, [...args]]
}

function plainNats({ folder, port, mqttPort }: Nats): string {
  return `server_name: one\nlisten: 127.0.0.1:${port}\njetstream { store_dir: "${folder}/js" }
mqtt { listen: 127.0.0.1:${mqttPort} }\n`
}

/** A real nats-server with JetStream and its MQTT listener. */
export class Nats {
  readonly folder: string
  readonly port: number
  readonly mqttPort: number
  #process: ServerProcess | undefined

  private constructor(folder: string, port: number, mqttPort: number) {
    this.folder = folder
    this.port = port
    this.mqttPort = mqttPort
  }

  /** @param configure its configuration, and whatever files it names: it runs in a folder of its own */
  static async start(configure: (server: Nats) => string | Promise<string> = plainNats): Promise<Nats> {
    const folder = await mkdtemp(join(tmpdir(), 'poincon-nats-'))
    const server = new Nats(folder, await freePort(), await freePort())
    await server.configure(await configure(server))
    await server.restart()
    return server
  }

  /** Takes effect with the next `restart`. */
  async configure(config: string): Promise<void> {
    await writeFile(join(this.folder, 'nats.conf'), config)
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`
  }

  get mqttUrl(): string {
    return `mqtt://127.0.0.1:${this.mqttPort}`
  }

  async restart(): Promise<void> {
    const config = join(this.folder, 'nats.conf')
    this.#process = await ServerProcess.start('/usr/sbin/nats-server', ['-c', config], async () => {
      for (const port of [this.port, this.mqttPort]) {
        const socket = connectSocket(port, '127.0.0.1')
        await once(socket, 'connect')
        socket.destroy()
      }
    })
  }

  async kill(): Promise<void> {
    await this.#process?.stop('SIGKILL')
  }

  /** What a power failure does to a file that was not synced: the tail is gone. @param share of its bytes that stays */
  async loseTail(stream: string, share: number): Promise<number> {
    const folder = join(this.folder, 'js/jetstream/$G/streams', stream, 'msgs')
    let lost = 0
    for (const name of await readdir(folder)) {
      const file = join(folder, name)
      if (name.endsWith('.blk')) {
        const { size } = await import('node:fs').then(({ statSync }) => statSync(file))
        await truncate(file, Math.floor(size * share))
        lost += size - Math.floor(size * share)
      } else {
        await rm(file, { recursive: true })
      }
    }
    return lost
  }

  async close(): Promise<void> {
    await this.#process?.stop('SIGKILL')
    await rm(this.folder, { recursive: true, force: true })
  }
}
