import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

// Below those that the kernel gives to connections and to whoever listens on port 0 (ip_local_port_range): between asking
// for a free one and the server's start, one of them would be taken sooner or later.
const FIRST_PORT = 15_000
const LAST_PORT = 32_000

/** Whether a program can be started at all. */
export function installed(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0
}

/** A port of 127.0.0.1 that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 50; tries += 1) {
    const port = randomInt(FIRST_PORT, LAST_PORT)
    const server = createServer().listen({ port, host: '127.0.0.1', exclusive: true })
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    if (!free) continue
    server.close()
    await once(server, 'close')
    return port
  }
  throw new Error('no free port')
}

/** A real server that a test started. */
export class ServerProcess {
  readonly #child: ChildProcess
  readonly #output: string[] = []

  private constructor(child: ChildProcess) {
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output.push(text)
        if (this.#output.length > 200) this.#output.shift()
      })
    }
  }

  /**
   * Starts it and waits until it answers.
   * @param answers resolves when it does, rejects when it does not yet
   * @throws with its output when it ends or does not answer within 20 s
   */
  static async start(
    command: string,
    args: readonly string[],
    answers: () => Promise<unknown>,
  ): Promise<ServerProcess> {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const server = new ServerProcess(child)
    // A test that ends in a hurry leaves nothing behind.
    const abandon = (): void => {
      child.kill('SIGKILL')
    }
    process.once('exit', abandon)
    child.once('exit', () => process.removeListener('exit', abandon))
    await once(child, 'spawn')
    const giveUpAt = performance.now() + 20_000
    while (child.exitCode === null && performance.now() < giveUpAt) {
      if (
        await answers().then(
          () => true,
          () => false,
        )
      )
        return server
      await delay(20)
    }
    await server.stop('SIGKILL')
    throw new Error(`${command} does not answer:\n${server.output}`)
  }

  /** What it said last. */
  get output(): string {
    return this.#output.join('')
  }

  /** SIGTERM lets it end, SIGKILL is a crash, SIGSTOP freezes it with its sockets open. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill(signal)
    this.#child.kill('SIGCONT')
    await exit
  }

  /** Freezes it: its sockets stay open and nobody answers on them. */
  freeze(): void {
    this.#child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child.kill('SIGCONT')
  }
}
