import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, ServerProcess } from './server-process.ts'

/** A real mosquitto on 127.0.0.1, without persistence and without limits on what it queues. */
export class Mosquitto {
  readonly port: number
  /** A folder of its own, removed by `close`; certificates of a TLS listener go here. */
  readonly folder: string
  readonly #config: string
  #process: ServerProcess | undefined

  private constructor(port: number, folder: string, config: string) {
    this.port = port
    this.folder = folder
    this.#config = config
  }

  /**
   * @param lines what its configuration says besides, given its folder
   * @param port absent: a free one
   * @param prepare fills its folder before it starts
   */
  static async start(
    lines: (folder: string) => readonly string[] = () => [],
    port?: number,
    prepare: (folder: string) => Promise<void> = async () => {},
  ): Promise<Mosquitto> {
    const folder = await mkdtemp(join(tmpdir(), 'poincon-mosquitto-'))
    await prepare(folder)
    const listens = port ?? (await freePort())
    const config = join(folder, 'mosquitto.conf')
    const text = [
      'user root',
      'persistence false',
      'max_queued_messages 0',
      `listener ${listens} 127.0.0.1`,
      'allow_anonymous true',
      ...lines(folder),
    ]
    await writeFile(config, `${text.join('\n')}\n`)
    const broker = new Mosquitto(listens, folder, config)
    await broker.restart()
    return broker
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`
  }

  /** Starts it again on the same port, with nothing of what it knew. */
  async restart(): Promise<void> {
    this.#process = await ServerProcess.start('mosquitto', ['-c', this.#config], async () => {
      const socket = connect(this.port, '127.0.0.1')
      await once(socket, 'connect')
      socket.destroy()
    })
  }

  /** A crash: its clients see their connections reset. */
  async kill(): Promise<void> {
    await this.#process?.stop('SIGKILL')
  }

  freeze(): void {
    this.#process?.freeze()
  }

  thaw(): void {
    this.#process?.thaw()
  }

  async close(): Promise<void> {
    await this.#process?.stop()
    await rm(this.folder, { recursive: true, force: true })
  }
}
